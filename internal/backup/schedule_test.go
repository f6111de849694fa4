package backup

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/store/sqlite"
	"cartracker/internal/store/testdb"
)

// A clock stands still until it is moved.
type clock struct{ now time.Time }

func (c *clock) at() date.Moment { return date.At(c.now) }

func newSchedule(t *testing.T) (*Schedule, *clock) {
	t.Helper()
	d := testdb.EmptySQLite(t)
	c := &clock{time.Date(2026, 11, 23, 1, 2, 3, 0, time.UTC)}
	return &Schedule{
		Source: Source{DB: d.Migrated(t), Path: strings.TrimPrefix(d.URL, "sqlite:"), Program: "test", Now: c.at},
		Dir:    filepath.Join(t.TempDir(), "backups"), Every: time.Hour, Keep: 2,
	}, c
}

// names returns what is in the folder of the backups, but its lock.
func names(t *testing.T, s *Schedule) string {
	t.Helper()
	entries, err := os.ReadDir(s.Dir)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		if e.Name() != ".lock" {
			out = append(out, strings.TrimPrefix(e.Name(), "cartracker-2026-11-23T"))
		}
	}
	return strings.Join(out, " ")
}

func make1(t *testing.T, s *Schedule, want bool) {
	t.Helper()
	if b, err := s.once(t.Context()); err != nil || (b != nil) != want {
		t.Fatalf("once made %v, %v; a backup is due: %t", b, err, want)
	}
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	s, c := newSchedule(t)
	if got := s.first(); got != 5*time.Minute {
		t.Errorf("the first backup of all waits %s", got)
	}
	if s.Every = time.Second; s.first() != time.Second {
		t.Errorf("the first backup of all waits %s", s.first())
	}
	s.Every = time.Hour
	make1(t, s, true)
	make1(t, s, false)
	if c.now = c.now.Add(20 * time.Minute); s.first() != 40*time.Minute {
		t.Errorf("after a restart the next backup waits %s", s.first())
	}
	make1(t, s, false)
	c.now = c.now.Add(40 * time.Minute)
	make1(t, s, true)
	c.now = c.now.Add(time.Hour)
	make1(t, s, true)
	if got := names(t, s); got != "020203Z.db 020203Z.db.json 030203Z.db 030203Z.db.json" {
		t.Errorf("kept are %s", got)
	}
}

// A failure deletes nothing, and the next backup cleans up.
func TestScheduleFails(t *testing.T) {
	t.Parallel()
	s, c := newSchedule(t)
	s.Keep = 1
	make1(t, s, true)
	for _, left := range []string{"cartracker-2026-11-23T000000Z.db.1.part", "test-restore-1/cartracker.db"} {
		path := filepath.Join(s.Dir, left)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	c.now = c.now.Add(time.Hour)
	path := s.Path
	s.Path = filepath.Join(t.TempDir(), "gone.db")
	if wait := s.turn(t.Context()); wait != time.Hour {
		t.Errorf("after a failure it waits %s", wait)
	}
	if got := names(t, s); got != "010203Z.db 010203Z.db.json" {
		t.Errorf("after a failure there is %s", got)
	}
	s.Path, s.Every = path, 48*time.Hour
	if wait := s.turn(t.Context()); wait != 47*time.Hour {
		t.Errorf("it waits %s, want 47h", wait)
	}
}

// Backups from the future, made when the clock was wrong, put nothing off and
// are no reason to delete the one just made.
func TestScheduleClock(t *testing.T) {
	t.Parallel()
	s, c := newSchedule(t)
	s.Keep = 1
	right := c.now
	c.now = c.now.AddDate(10, 0, 0)
	make1(t, s, true)
	c.now = right
	make1(t, s, true)
	if got := names(t, s); got != "010203Z.db 010203Z.db.json" {
		t.Errorf("kept are %s", got)
	}
	s.Keep = 2
	for range 3 { // they take no place of those that are right
		c.now = right.AddDate(20, 0, 0)
		make1(t, s, true)
		right = right.AddDate(0, 0, 2)
		c.now = right
		make1(t, s, true)
	}
	files, err := s.all()
	if err != nil || len(files) != 2 || s.future(files[0])+s.future(files[1]) != 0 {
		t.Errorf("kept are %v, %v", files, err)
	}
}

// Of two programs over one folder, one makes the backup.
func TestScheduleTwice(t *testing.T) {
	t.Parallel()
	s, _ := newSchedule(t)
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	free, err := s.alone()
	if err != nil {
		t.Fatal(err)
	}
	make1(t, s, false)
	if wait := s.turn(t.Context()); wait != s.Every && wait < time.Minute {
		t.Errorf("while another one is at it, it waits %s", wait)
	}
	free()
	make1(t, s, true)
}

// A backup that is given up, or does not pass the last check, leaves nothing.
func TestMakeGivenUp(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"copying", "checking", "trying"} {
		s, _ := newSchedule(t)
		if err := os.MkdirAll(s.Dir, 0o700); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		s.Say = func(what string) {
			if strings.HasPrefix(what, at) {
				cancel()
			}
		}
		_, err := s.Make(ctx, filepath.Join(s.Dir, "x.db"), func(ctx context.Context, part string, m Manifest) error {
			cancel()
			return Try(ctx, part, m, s.Dir)
		})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("given up while %s: %v", at, err)
		}
		if got := names(t, s); got != "" {
			t.Errorf("given up while %s, it leaves %s", at, got)
		}
	}
}

// Two who make the same backup do not make it of both their parts.
func TestMakeTwice(t *testing.T) {
	t.Parallel()
	s, _ := newSchedule(t)
	file := filepath.Join(t.TempDir(), "x.db")
	_, err := s.Make(t.Context(), file, func(ctx context.Context, _ string, _ Manifest) error {
		_, err := s.Make(ctx, file, nil)
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "there already") {
		t.Errorf("the slower of two: %v", err)
	}
	m, err := readManifest(file)
	if err != nil || m == nil {
		t.Fatal(m, err)
	}
	if err := Try(t.Context(), file, *m, t.TempDir()); err != nil {
		t.Error(err)
	}
}

// While a backup waits to take the place of a database, nobody opens that, and
// as long as somebody has it open, no backup takes its place.
func TestRestorationKeepsOthersOut(t *testing.T) {
	t.Parallel()
	s, _ := newSchedule(t)
	file := filepath.Join(t.TempDir(), "x.db")
	if _, err := s.Make(t.Context(), file, nil); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "cartracker.db")
	r, err := Prepare(t.Context(), file, path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Open(t.Context(), path); !errors.Is(err, sqlite.ErrClosed) {
		t.Errorf("a program that starts meanwhile: %v", err)
	}
	if _, err := Prepare(t.Context(), file, path); !errors.Is(err, sqlite.ErrInUse) {
		t.Errorf("a second restoration: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("what was not committed is there")
	}
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := Prepare(t.Context(), file, path); !errors.Is(err, sqlite.ErrInUse) {
		t.Errorf("over a database that is open: %v", err)
	}
}
