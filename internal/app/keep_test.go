package app_test

import (
	"os"
	"path/filepath"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/store/testdb"
)

// What backup, restore and copy must not touch, they do not.
func TestKeepRefuses(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a[b") // which is no pattern
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := apptest.NewSite(t, dir, "")
	ran(t, s, "migrate", "up")
	database, good := filepath.Join(s.Dir, "cartracker.db"), filepath.Join(s.Dir, "good.db")
	ran(t, s, "backup", good)

	beside := filepath.Join(s.Dir, "config.json")
	left := database + ".restoring"
	backup, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for path, text := range map[string][]byte{beside: []byte("precious"), left: backup} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	target := testdb.EmptyPostgres(t)
	if _, err := target.Raw(t).Exec("CREATE TABLE orders (id INTEGER)"); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"config.json is there already":  {"backup", filepath.Join(s.Dir, "config")},
		"taken for a part of the":       {"backup", database + "-journal"},
		"what a restoration left":       {"restore", left},
		"has tables of another program": {"copy", "--to", target.URL},
	} {
		out, err := s.Run(t, "", args...)
		if err == nil {
			t.Errorf("%v: exit 0\n%s", args, out)
		}
		wants(t, out, want)
	}
	if text, err := os.ReadFile(beside); err != nil || string(text) != "precious" {
		t.Errorf("%s is %q, %v", beside, text, err)
	}
	if text, err := os.ReadFile(left); err != nil || len(text) != len(backup) {
		t.Errorf("%s has %d bytes, %v", left, len(text), err)
	}
	if n := rows(t, target.Raw(t), "information_schema.tables WHERE table_schema = 'public'"); n != 1 {
		t.Errorf("the other program's database has %d tables", n)
	}
}
