package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"

	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"

	"cartracker/internal/store"
)

// Jobs keeps jobs in the same file. All that is done to them goes over the one
// connection that writes, in turns with everybody else: a second one would be
// told that the file is busy.
type Jobs struct{ write, read *sql.DB }

// Driver returns what the queue reaches the database with.
func (j Jobs) Driver() *riversqlite.Driver { return riversqlite.New(j.write) }

// Reader returns what only looks at the queue with, beside whoever writes.
func (j Jobs) Reader() *riversqlite.Driver { return riversqlite.New(j.read) }

// Within lets do work on the transaction of ctx.
func (j Jobs) Within(ctx context.Context, db *store.DB, do func(*sql.Tx) error) error {
	return db.Within(ctx, func(tx *sql.Tx, _ *sql.Conn) error { return do(tx) })
}

func migrateJobs(ctx context.Context, db *sql.DB, version int) error {
	m, err := rivermigrate.New(riversqlite.New(db), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: version})
	}
	if err != nil {
		return fmt.Errorf("the tables of jobs: %w", err)
	}
	return nil
}
