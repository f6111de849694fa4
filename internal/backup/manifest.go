// Package backup keeps copies of a SQLite database and puts them back. A copy
// counts only once it was opened, checked and compared with its source.
package backup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"cartracker/internal/date"
	"cartracker/internal/store"
	"cartracker/internal/store/sqlite"
)

// A Manifest tells what is in a backup. It is kept in a file of its own beside
// the backup: a table inside would make the schema of a restored database
// another one than the program's, and could not hold a checksum of itself.
type Manifest struct {
	Program    string          `json:"program"` // the version that made the backup
	Made       date.Moment     `json:"made"`
	Step       int64           `json:"schemaStep"`
	LastChange int64           `json:"lastChange"` // in the feed of changes
	Tables     []store.Content `json:"tables"`
}

// Rows returns how many rows there are in all tables.
func (m Manifest) Rows() (n int64) {
	for _, t := range m.Tables {
		n += t.Rows
	}
	return n
}

// Count returns how many rows a table has.
func (m Manifest) Count(table string) int64 {
	for _, t := range m.Tables {
		if t.Table == table {
			return t.Rows
		}
	}
	return 0
}

// manifestOf returns where the manifest of a backup is.
func manifestOf(file string) string { return file + ".json" }

func (m Manifest) write(file string) error {
	text, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	return writeFile(manifestOf(file), append(text, '\n'))
}

// readManifest returns the manifest of a backup, nil if it has none.
func readManifest(file string) (*Manifest, error) {
	text, err := os.ReadFile(manifestOf(file))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", manifestOf(file), err)
	}
	return &m, nil
}

// inspect checks a backup and returns what is in it.
func inspect(ctx context.Context, file string) (m Manifest, err error) {
	if err := sqlite.Check(ctx, file); err != nil {
		return m, err
	}
	db, err := sqlite.OpenBackup(ctx, file)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	have, newest, err := db.Step(ctx)
	if err != nil {
		return m, err
	}
	if have > newest {
		return m, fmt.Errorf("%w (it has step %d, this program knows %d)", store.ErrNewer, have, newest)
	}
	m.Step = have
	err = db.Snapshot(ctx, func(s *store.Snapshot) error {
		if m.LastChange, err = s.LastChange(ctx); err != nil {
			return err
		}
		m.Tables, err = s.Contents(ctx)
		return err
	})
	return m, err
}

// matches fails unless what is in a backup is what its manifest says.
func (m Manifest) matches(found Manifest) error {
	diff := store.Differences(found.Tables, m.Tables)
	if diff == "" && found.Step != m.Step {
		diff = fmt.Sprintf("its schema has step %d instead of %d", found.Step, m.Step)
	}
	if diff != "" {
		return fmt.Errorf("%w: it is not what its manifest says: %s", sqlite.ErrDamaged, diff)
	}
	return nil
}
