package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	firstAfter = 5 * time.Minute // the first backup of all comes at the latest so long after the start
	retryAfter = time.Hour       // and the next try after a failure
	lookAgain  = time.Minute     // after another program was found at it
)

// A Schedule makes a backup every so often, and keeps some of them.
type Schedule struct {
	Source
	Dir   string
	Every time.Duration
	Keep  int // how many
}

// Run makes backups until ctx is done. One that is under way then is given up,
// and leaves nothing.
func (s *Schedule) Run(ctx context.Context) error {
	wait := s.first()
	for {
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil
		}
		wait = s.turn(ctx)
	}
}

// first returns how long the first backup after the start has to wait.
func (s *Schedule) first() time.Duration {
	newest, err := s.newest()
	if err == nil && newest.IsZero() {
		return min(s.Every, firstAfter)
	}
	return s.until(newest)
}

// until returns how long it is to the next backup, if newest is the last one.
func (s *Schedule) until(newest time.Time) time.Duration {
	return min(max(newest.Add(s.Every).Sub(s.Now().Time()), 0), s.Every)
}

// turn makes a backup if one is due, and returns how long to wait for the next.
func (s *Schedule) turn(ctx context.Context) time.Duration {
	b, err := s.once(ctx)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		wait := min(s.Every, retryAfter)
		slog.ErrorContext(ctx, "the backup failed, and those that are there are kept; it is tried again", "after", wait.String(), "err", err)
		return wait
	case b != nil:
		slog.InfoContext(ctx, "a backup was made and restored to try it", "file", b.File, "bytes", b.Size, "rows", b.Rows(), "ms", b.Took.Milliseconds())
	}
	newest, err := s.newest()
	if err != nil || newest.IsZero() {
		return min(s.Every, retryAfter)
	}
	wait := s.until(newest)
	if b == nil { // another program is at it, and has not finished
		wait = max(wait, min(s.Every, lookAgain))
	}
	return wait
}

// once makes a backup, unless none is due or another program is at it. Only
// then are older ones deleted.
func (s *Schedule) once(ctx context.Context) (*Backup, error) {
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, err
	}
	free, err := s.alone()
	if free == nil || err != nil {
		return nil, err
	}
	defer free()
	if newest, err := s.newest(); err != nil || !newest.IsZero() && s.until(newest) > 0 {
		return nil, err
	}
	if err := s.tidy(); err != nil {
		return nil, err
	}
	file := filepath.Join(s.Dir, prefix+s.Now().Time().Format(stamp)+suffix)
	b, err := s.Make(ctx, file, func(ctx context.Context, part string, m Manifest) error {
		if err := Try(ctx, part, m, s.Dir); err != nil {
			return fmt.Errorf("the backup could not be restored to try it: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &b, s.prune(file)
}

// alone takes the lock of the folder; free is nil if another program has it.
func (s *Schedule) alone() (free func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.Dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return func() { f.Close() }, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = nil
	}
	return nil, errors.Join(err, f.Close())
}

const prefix, suffix = "cartracker-", ".db"

// made returns when a scheduled backup of this name was made.
func made(name string) (t time.Time, ok bool) {
	name, begins := strings.CutPrefix(name, prefix)
	name, ends := strings.CutSuffix(name, suffix)
	t, err := time.Parse(stamp, name)
	return t, begins && ends && err == nil
}

// all returns the files of the backups that count, the newest first: what has
// such a name has passed every check.
func (s *Schedule) all() (files []string, err error) {
	entries, err := os.ReadDir(s.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, e := range slices.Backward(entries) {
		if _, ok := made(e.Name()); ok {
			files = append(files, filepath.Join(s.Dir, e.Name()))
		}
	}
	return files, nil
}

// newest returns when the last backup was made, the zero time if there is none.
// One from the future, made when the clock was wrong, puts nothing off.
func (s *Schedule) newest() (time.Time, error) {
	files, err := s.all()
	for _, file := range files {
		if t, _ := made(filepath.Base(file)); !t.After(s.Now().Time()) {
			return t, err
		}
	}
	return time.Time{}, err
}

// tidy removes what programs left that were killed while they made a backup.
func (s *Schedule) tidy() error {
	if err := sweep(s.Dir, prefix); err != nil {
		return err
	}
	tries, err := named(s.Dir, strings.TrimSuffix(tryPattern, "*"), "")
	if err != nil {
		return err
	}
	for _, dir := range tries {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// prune deletes all backups but the one just made and those before it that are kept.
func (s *Schedule) prune(just string) error {
	files, err := s.all()
	if err != nil {
		return err
	}
	files = slices.DeleteFunc(files, func(f string) bool { return f == just })
	slices.SortStableFunc(files, func(a, b string) int { // those that a wrong clock dated into the future go first
		return s.future(a) - s.future(b)
	})
	for _, file := range files[min(len(files), max(s.Keep-1, 0)):] {
		for _, path := range []string{manifestOf(file), file} { // in an order that leaves no manifest of nothing
			if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}

// future returns 1 for a backup that was dated into the future, else 0.
func (s *Schedule) future(file string) int {
	if at, _ := made(filepath.Base(file)); at.After(s.Now().Time()) {
		return 1
	}
	return 0
}
