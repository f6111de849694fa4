package app_test

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
)

// atFile returns a site like s whose database is the file at path.
func atFile(t *testing.T, path string) *apptest.Site {
	t.Helper()
	dir := t.TempDir()
	s := apptest.NewSite(t, dir, "")
	if err := os.Rename(path, filepath.Join(dir, "cartracker.db")); err != nil {
		t.Fatal(err)
	}
	return s
}

// office is a database with some records in it, which tests begin with: to
// make it takes longer than most of them.
var office struct {
	once   sync.Once
	text   []byte
	clerks *apptest.Clerks
}

// rented returns a site with some records in it, and who made them.
func rented(t *testing.T) (*apptest.Site, *apptest.Clerks) {
	t.Helper()
	office.once.Do(func() { makeOffice(t) })
	if office.clerks == nil {
		t.Fatal("there is no office")
	}
	s := apptest.NewSite(t, t.TempDir(), "")
	if err := os.WriteFile(filepath.Join(s.Dir, "cartracker.db"), office.text, 0o600); err != nil {
		t.Fatal(err)
	}
	return s, office.clerks.Clone()
}

func makeOffice(t *testing.T) {
	t.Helper()
	s := apptest.NewSite(t, t.TempDir(), "")
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	boss := p.Nobody.SignIn("amra")
	k := apptest.NewClerks(boss)
	var end func() int
	k.Write(t, boss, clerks, 20, func() { end = p.Terminate(t) })
	if code := end(); code != 0 {
		t.Fatalf("the program ended with %d:\n%s", code, p.Output())
	}
	// A program that has ended leaves all that was written in that one file.
	if info, err := os.Stat(filepath.Join(s.Dir, "cartracker.db-wal")); err == nil && info.Size() > 0 {
		t.Errorf("%d bytes are left beside the database", info.Size())
	}
	text, err := os.ReadFile(filepath.Join(s.Dir, "cartracker.db"))
	if err != nil {
		t.Fatal(err)
	}
	office.text, office.clerks = text, k
}

// files returns what is in a folder, a line for each file with its hash. Locks,
// and the empty files that SQLite has beside a database, come with those who look.
func files(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		empty := strings.HasSuffix(e.Name(), "-wal") && info.Size() == 0
		if e.IsDir() || empty || strings.HasSuffix(e.Name(), ".lock") || strings.HasSuffix(e.Name(), "-shm") {
			continue
		}
		fmt.Fprintln(&out, e.Name(), hash(t, filepath.Join(dir, e.Name())))
	}
	return out.String()
}

func hash(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(text))
}

// succeeds runs a command that has to succeed.
func succeeds(t *testing.T, s *apptest.Site, in string, args ...string) string {
	t.Helper()
	out, err := s.Run(t, in, args...)
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return out
}

// refused runs a command that has to fail with these words.
func refused(t *testing.T, s *apptest.Site, in, words string, args ...string) {
	t.Helper()
	out, err := s.Run(t, in, args...)
	if err == nil || !strings.Contains(err.Error(), "exit status 1") || !strings.Contains(out, words) {
		t.Errorf("%v: %v, want exit status 1 and %q\n%s", args, err, words, out)
	}
}

// A backup that is made while others write has all that was acknowledged
// before it began, and takes nothing from what is written meanwhile.
func TestBackupWhileWriting(t *testing.T) {
	t.Parallel()
	s := apptest.NewSite(t, t.TempDir(), "")
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	boss := p.Nobody.SignIn("amra")
	k := apptest.NewClerks(boss)
	file := filepath.Join(t.TempDir(), "backup.db")
	var before map[string]int
	k.Write(t, boss, clerks, 100, func() {
		before = k.Versions()
		if out := succeeds(t, s, "", "backup", file); !strings.Contains(out, "rows") || !strings.Contains(out, "MB, in ") {
			t.Errorf("backup said\n%s", out)
		}
		refused(t, s, "", "is there already", "backup", file)
		p.Terminate(t)
	})
	for _, f := range []string{file, file + ".json"} {
		if info, err := os.Stat(f); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", f, info, err)
		}
	}
	if got := files(t, filepath.Dir(file)); strings.Count(got, "\n") != 2 {
		t.Errorf("beside the backup there is\n%s", got)
	}
	p = s.Serve(t)
	checkStored(t, s, k, p.As(boss))
	atFile(t, file).Look(t, func(raw *sql.DB) {
		apptest.CheckDatabase(t, raw)
		apptest.CheckBooks(t, raw, apptest.Day(time.Now(), 0))
		there := map[string]int{}
		for line := range strings.Lines(text(t, raw, "SELECT id, version FROM customers UNION ALL SELECT id, version FROM contracts")) {
			var id string
			var version int
			if _, err := fmt.Sscan(line, &id, &version); err != nil {
				t.Fatal(err)
			}
			there[id] = version
		}
		for id, version := range before {
			if there[id] < version {
				t.Errorf("%s was acknowledged as version %d before the backup, which has %d", id, version, there[id])
			}
		}
		t.Logf("%d of the records were acknowledged before, %d are in the backup, %d in the end", len(before), len(there), k.Acknowledged())
	})
}

// Without a database there is nothing to back up, and none is made.
func TestBackupOfNothing(t *testing.T) {
	t.Parallel()
	s := apptest.NewSite(t, t.TempDir(), "")
	refused(t, s, "", "there is no database", "backup", "x.db")
	refused(t, s, "", "there is no database", "copy", "--to", "postgres://127.0.0.1:1/x")
	if got := files(t, s.Dir); got != "" {
		t.Errorf("there is now\n%s", got)
	}
}

// A backup that is killed leaves the database as it was and no file of the
// name that was asked for; what it leaves the next one removes.
func TestBackupKilled(t *testing.T) {
	t.Parallel()
	s, k := rented(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "backup.db")
	for _, at := range []string{"copying", "checking"} {
		if !s.KillAt(t, at, "", "backup", file) {
			t.Fatalf("the backup was not %s", at)
		}
		if _, err := os.Stat(file); err == nil { // it was faster than the signal, and so is whole
			succeeds(t, atFile(t, file), "", "user", "list")
			if err := os.Remove(file + ".json"); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
		}
		s.Look(t, func(raw *sql.DB) { k.Stored(t, raw) })
	}
	succeeds(t, s, "", "backup", file)
	if got := files(t, dir); strings.Count(got, "\n") != 2 || strings.Contains(got, ".part") {
		t.Errorf("beside the backup there is\n%s", got)
	}
}

// While the program serves it makes backups, and keeps as many as it should.
func TestScheduledBackups(t *testing.T) {
	t.Parallel()
	s := apptest.NewSite(t, t.TempDir(), "", "BACKUP_EVERY=1s", "BACKUP_KEEP=2")
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	k := apptest.NewClerks(p.Nobody.SignIn("amra"))
	dir := filepath.Join(s.Dir, "backups")
	seen := map[string]bool{}
	apptest.Until(t, "a third backup", func() bool {
		all, err := filepath.Glob(filepath.Join(dir, "cartracker-*.db"))
		if err != nil || len(all) > 3 { // the third is there before the first goes
			t.Fatal(all, err)
		}
		for _, file := range all {
			seen[file] = true
		}
		return len(seen) >= 3
	})
	if code := p.Terminate(t)(); code != 0 {
		t.Errorf("the program ended with %d:\n%s", code, p.Output())
	}
	left := files(t, dir)
	all, err := filepath.Glob(filepath.Join(dir, "cartracker-*Z.db"))
	if err != nil || len(all) < 2 || len(all) > 3 || strings.Contains(left, ".part") || strings.Contains(p.Output(), "the backup failed") {
		t.Errorf("%v: the folder has\n%sand the log\n%s", err, left, p.Output())
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v, %v", info, err)
	}
	newest := slices.Max(all)
	succeeds(t, s, "cartracker.db\n", "restore", newest)
	s.Look(t, func(raw *sql.DB) {
		if n := rows(t, raw, "cars"); n != 10 || k.Acknowledged() != 0 {
			t.Errorf("there are %d cars, want 10", n)
		}
	})
}
