package backup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/store"
	"cartracker/internal/store/sqlite"
)

// Try restores a backup into a folder of its own, as it would be restored after
// a loss, and opens it as the program would.
func Try(ctx context.Context, file string, m Manifest, within string) (err error) {
	dir, err := os.MkdirTemp(within, tryPattern)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	path := filepath.Join(dir, "cartracker.db")
	r, err := Prepare(ctx, file, path)
	if err != nil {
		return err
	}
	err = m.matches(r.Manifest)
	if err == nil {
		_, err = r.Commit(ctx, date.At(time.Now()))
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return err
	}
	return serves(ctx, path, m)
}

const tryPattern = "test-restore-*"

// serves fails unless the restored database opens, has all steps of the schema
// and still all rows.
func serves(ctx context.Context, path string, m Manifest) (err error) {
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if have, newest, err := db.Step(ctx); err != nil || have != newest {
		return errors.Join(err, fmt.Errorf("restored, its schema has step %d, and this program has %d", have, newest))
	}
	return db.Snapshot(ctx, func(s *store.Snapshot) error {
		counts, err := s.Counts(ctx)
		if err != nil {
			return err
		}
		for _, t := range m.Tables {
			if counts[t.Table] != t.Rows {
				return fmt.Errorf("restored, %s has %d rows instead of %d", t.Table, counts[t.Table], t.Rows)
			}
		}
		return nil
	})
}
