package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/store"
	"cartracker/internal/store/sqlite"
)

// A Source is the database that backups are made of, which others may go on
// reading and writing.
type Source struct {
	DB      *store.DB
	Path    string // of its file
	Program string // the version
	Now     func() date.Moment
	Say     func(what string) // is told what is done next; may be nil
}

// A Backup is one that was made.
type Backup struct {
	File string
	Size int64 // bytes
	Took time.Duration
	Manifest
}

// besides are the ends of names that a file beside the database has for SQLite or for us.
var besides = []string{"-wal", "-shm", "-journal", ".lock", ".restoring"}

// Make writes a backup into file, which must not be there yet. The check, if
// not nil, is the last one that the backup has to pass before it gets its name.
func (s Source) Make(ctx context.Context, file string, check func(ctx context.Context, part string, m Manifest) error) (b Backup, err error) {
	began := time.Now()
	for _, path := range []string{file, manifestOf(file)} {
		if err := absent(path); err != nil {
			return b, err
		}
	}
	if slices.Contains(besides, strings.TrimPrefix(file, s.Path)) {
		return b, fmt.Errorf("%s would be taken for a part of the database: choose another name", file)
	}
	p, err := newPart(file)
	if err != nil {
		return b, err
	}
	defer p.drop()
	m, err := s.fill(ctx, p)
	if err == nil && check != nil {
		err = check(ctx, p.path, m)
	}
	if err != nil {
		return b, err
	}
	if err := p.publish(file); err != nil {
		return b, err
	}
	// The name was taken first: of two who make the same file, one gets here.
	if err := m.write(file); err != nil {
		return b, errors.Join(err, os.Remove(file))
	}
	info, err := os.Stat(file)
	if err != nil {
		return b, err
	}
	return Backup{File: file, Size: info.Size(), Took: time.Since(began), Manifest: m}, nil
}

// fill writes what is in the source into p, and checks that it is there.
func (s Source) fill(ctx context.Context, p *part) (m Manifest, err error) {
	made := s.Now()
	before, err := s.look(ctx)
	if err != nil {
		return m, err
	}
	s.say("copying " + s.Path)
	if err := s.copyInto(ctx, p); err != nil {
		return m, err
	}
	after, err := s.look(ctx)
	if err != nil {
		return m, err
	}
	s.say("checking the copy")
	if m, err = inspect(ctx, p.path); err != nil {
		return m, err
	}
	m.Program, m.Made = s.Program, made
	if err := between(before, m, after); err != nil {
		return m, err
	}
	return m, s.compare(ctx, m)
}

func (s Source) say(what string) {
	if s.Say != nil {
		s.Say(what)
	}
}

// A look is what the source was like at one moment.
type look struct {
	counts map[string]int64
	change int64
}

func (s Source) look(ctx context.Context) (l look, err error) {
	err = s.DB.Snapshot(ctx, func(snap *store.Snapshot) error {
		if l.counts, err = snap.Counts(ctx); err != nil {
			return err
		}
		l.change, err = snap.LastChange(ctx)
		return err
	})
	return l, err
}

var (
	// growing are tables that never lose a row: what is deleted is only marked.
	growing = []string{"audit_logs", "cars", "contract_numbers", "contracts", "customers"}
	// followed are tables whose every change is in the feed.
	followed = []string{"cars", "contract_numbers", "contracts", "customers", "holds"}
)

// between fails if a backup has less than the source had before, or more than
// it had afterwards.
func between(before look, m Manifest, after look) error {
	if m.LastChange < before.change || m.LastChange > after.change {
		return fmt.Errorf("the copy has change %d, and the database went from %d to %d", m.LastChange, before.change, after.change)
	}
	for _, table := range growing {
		if n := m.Count(table); n < before.counts[table] || n > after.counts[table] {
			return fmt.Errorf("the copy has %d rows of %s, and the database went from %d to %d", n, table, before.counts[table], after.counts[table])
		}
	}
	return nil
}

// compare fails unless the records of the source are those of the backup, as
// long as nobody has changed one since.
func (s Source) compare(ctx context.Context, m Manifest) error {
	return s.DB.Snapshot(ctx, func(snap *store.Snapshot) error {
		change, err := snap.LastChange(ctx)
		if err != nil || change != m.LastChange {
			return err
		}
		now, err := snap.Contents(ctx, followed...)
		if err != nil {
			return err
		}
		copied := slices.DeleteFunc(slices.Clone(m.Tables), func(c store.Content) bool { return !slices.Contains(followed, c.Table) })
		if diff := store.Differences(copied, now); diff != "" {
			return fmt.Errorf("the copy is not what the database is: %s", diff)
		}
		return nil
	})
}

// copyInto writes the database into p and waits until it is on the disk.
func (s Source) copyInto(ctx context.Context, p *part) error {
	err := sqlite.CopyInto(ctx, s.Path, p.path, func() error { return unhurried(ctx, p.file) })
	if err != nil {
		return fmt.Errorf("copy %s: %w", s.Path, err)
	}
	if err := p.file.Sync(); err != nil {
		return err
	}
	return syncDir(filepath.Dir(p.path))
}
