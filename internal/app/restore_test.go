package app_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
)

// On an empty folder a backup is restored without a question, and served.
func TestRestoreOnAnEmptyFolder(t *testing.T) {
	t.Parallel()
	s, k := rented(t)
	file := filepath.Join(t.TempDir(), "backup.db")
	succeeds(t, s, "", "backup", file)
	before := hash(t, file)
	empty := apptest.NewSite(t, filepath.Join(t.TempDir(), "data"), "")
	if err := os.MkdirAll(empty.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// Left of a database that is gone: it must not be applied to the new one.
	for _, side := range []string{"-wal", "-shm", "-journal"} {
		if err := os.WriteFile(filepath.Join(empty.Dir, "cartracker.db"+side), []byte("stale"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if out := succeeds(t, empty, "", "restore", file); strings.Contains(out, "Type") || !strings.Contains(out, "rows restored") {
		t.Errorf("restore said\n%s", out)
	}
	p := empty.Serve(t)
	boss := p.Nobody.SignIn("amra")
	checkStored(t, empty, k, boss)
	if hash(t, file) != before {
		t.Error("the backup was changed")
	}
}

// What is there is replaced only if its name is typed, and kept.
func TestRestoreAsks(t *testing.T) {
	t.Parallel()
	s, k := rented(t)
	file := filepath.Join(t.TempDir(), "backup.db")
	succeeds(t, s, "", "backup", file)
	s.Look(t, func(raw *sql.DB) {
		if _, err := raw.Exec("UPDATE cars SET color = 'pink'"); err != nil {
			t.Fatal(err)
		}
	})
	before := files(t, s.Dir)
	for _, answer := range []string{"", "\n", "yes\n", "cartracker\n", "Cartracker.db\n", file + "\n"} {
		refused(t, s, answer, "that is not its name", "restore", file)
		if got := files(t, s.Dir); got != before {
			t.Fatalf("after the answer %q there is\n%sand not\n%s", answer, got, before)
		}
	}
	if err := os.Remove(file + ".json"); err != nil {
		t.Fatal(err)
	}
	out := succeeds(t, s, "cartracker.db\n", "restore", file)
	for _, want := range []string{"10 cars", "customers", "checksums were not compared", "is kept as"} {
		if !strings.Contains(out, want) {
			t.Errorf("restore does not say %q:\n%s", want, out)
		}
	}
	s.Look(t, func(raw *sql.DB) {
		k.Stored(t, raw)
		if n := rows(t, raw, "cars WHERE color = 'pink'"); n != 0 {
			t.Errorf("%d cars are what they were after the backup", n)
		}
	})
	kept, err := filepath.Glob(filepath.Join(s.Dir, "cartracker.db.before-restore-*"))
	if err != nil || len(kept) != 1 {
		t.Fatalf("kept are %v, %v", kept, err)
	}
	atFile(t, kept[0]).Look(t, func(raw *sql.DB) {
		if n := rows(t, raw, "cars WHERE color = 'pink'"); n != 10 {
			t.Errorf("of the old database %d cars are kept as they were, want 10", n)
		}
	})
}

// Nothing is restored over a program that runs.
func TestRestoreOverARunningProgram(t *testing.T) {
	t.Parallel()
	s, k := rented(t)
	file := filepath.Join(t.TempDir(), "backup.db")
	succeeds(t, s, "", "backup", file)
	p := s.Serve(t)
	refused(t, s, "cartracker.db\n", "a program is running on this database", "restore", file)
	if p.Kill(); t.Failed() {
		t.FailNow()
	}
	s.Look(t, func(raw *sql.DB) { // one that knows nothing of our lock
		tx, err := raw.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		if _, err := tx.Exec("UPDATE cars SET color = 'pink'"); err != nil {
			t.Fatal(err)
		}
		refused(t, s, "cartracker.db\n", "a program is running on this database", "restore", file)
	})
	s.Look(t, func(raw *sql.DB) { k.Stored(t, raw) })
	succeeds(t, s, "cartracker.db\n", "restore", file)
	p = s.Serve(t)
	checkStored(t, s, k, p.Nobody.SignIn("amra"))
}

// A backup that is not whole, or not what its manifest says, changes nothing.
func TestRestoreOfADamagedBackup(t *testing.T) {
	t.Parallel()
	s, _ := rented(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "backup.db")
	succeeds(t, s, "", "backup", file)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := os.ReadFile(file + ".json")
	if err != nil {
		t.Fatal(err)
	}
	before := files(t, s.Dir)
	flipped := append([]byte{}, whole...)
	for i := len(flipped) / 2; i < len(flipped)/2+4096; i++ {
		flipped[i] ^= 0x55
	}
	for what, bad := range map[string]struct {
		text     []byte
		manifest string // "" for none
		words    string
	}{
		"truncated":        {whole[:len(whole)/2], "", "damaged"},
		"a page short":     {whole[:len(whole)-4096], "", "damaged"},
		"flipped":          {flipped, "", "damaged"},
		"empty":            {nil, "", "damaged"},
		"no database":      {[]byte(strings.Repeat("not a database ", 1000)), "", "damaged"},
		"another manifest": {whole, strings.Replace(string(manifest), `"rows": 10,`, `"rows": 11,`, 1), "cars has 10 rows instead of 11"},
		"bad manifest":     {whole, "{", "is damaged"},
	} {
		t.Run(what, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "backup.db")
			if err := os.WriteFile(file, bad.text, 0o600); err != nil {
				t.Fatal(err)
			}
			if bad.manifest != "" {
				if err := os.WriteFile(file+".json", []byte(bad.manifest), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			refused(t, s, "cartracker.db\n", bad.words, "restore", file)
			if got := files(t, s.Dir); got != before {
				t.Errorf("there is now\n%sand not\n%s", got, before)
			}
		})
	}
	refused(t, s, "", "no such file", "restore", filepath.Join(dir, "none.db"))
	refused(t, s, "", "is not a file", "restore", dir)
	refused(t, s, "", "is the database itself", "restore", filepath.Join(s.Dir, "cartracker.db"))
	if err := os.WriteFile(file+"-wal", []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, s, "", "is not all of a database", "restore", file)
	if err := os.Remove(file + "-wal"); err != nil {
		t.Fatal(err)
	}
	newer := atFile(t, file)
	newer.Look(t, func(raw *sql.DB) {
		if _, err := raw.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999999, 1)"); err != nil {
			t.Fatal(err)
		}
	})
	refused(t, s, "cartracker.db\n", "newer than this program", "restore", filepath.Join(newer.Dir, "cartracker.db"))
	if got := files(t, s.Dir); got != before {
		t.Errorf("there is now\n%sand not\n%s", got, before)
	}
}

// A restoration that is killed leaves one whole database, and the next one works.
func TestRestoreKilled(t *testing.T) {
	t.Parallel()
	s, k := rented(t)
	file := filepath.Join(t.TempDir(), "backup.db")
	succeeds(t, s, "", "backup", file)
	for _, at := range []string{"checking", "will be replaced"} {
		if !s.KillAt(t, at, "cartracker.db\n", "restore", file) {
			t.Fatalf("restore did not say %q", at)
		}
		s.Look(t, func(raw *sql.DB) {
			apptest.CheckDatabase(t, raw)
			k.Stored(t, raw)
		})
	}
	succeeds(t, s, "cartracker.db\n", "restore", file)
	if left, _ := filepath.Glob(filepath.Join(s.Dir, "*.restoring*")); left != nil {
		t.Errorf("left is %v", left)
	}
	p := s.Serve(t)
	checkStored(t, s, k, p.Nobody.SignIn("amra"))
}
