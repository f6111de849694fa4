package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"cartracker/internal/store"
)

// Jobs keeps jobs in the same database, over the same pool.
type Jobs struct{ pool *pgxpool.Pool }

// Driver returns what the queue reaches the database with.
func (j Jobs) Driver() *riverpgxv5.Driver { return riverpgxv5.New(j.pool) }

// Reader returns the same: who reads waits for nobody.
func (j Jobs) Reader() *riverpgxv5.Driver { return j.Driver() }

// Within lets do work on the transaction of ctx.
func (j Jobs) Within(ctx context.Context, db *store.DB, do func(pgx.Tx) error) error {
	return db.Within(ctx, func(_ *sql.Tx, conn *sql.Conn) error {
		// Raw keeps database/sql from the connection meanwhile: it would roll
		// back on it as soon as ctx is done.
		return conn.Raw(func(c any) error { return do(joined{c.(*stdlib.Conn).Conn()}) })
	})
}

// joined is a transaction that somebody else begins and ends, as pgx sees it.
type joined struct{ conn *pgx.Conn }

var (
	_       pgx.Tx = joined{}
	errJoin        = errors.New("postgres: the transaction belongs to somebody else")
)

func (joined) Begin(context.Context) (pgx.Tx, error) { return nil, errJoin }
func (joined) Commit(context.Context) error          { return errJoin }
func (joined) Rollback(context.Context) error        { return errJoin }
func (j joined) Conn() *pgx.Conn                     { return j.conn }
func (joined) LargeObjects() pgx.LargeObjects        { return pgx.LargeObjects{} }

func (j joined) CopyFrom(ctx context.Context, t pgx.Identifier, cols []string, rows pgx.CopyFromSource) (int64, error) {
	return j.conn.CopyFrom(ctx, t, cols, rows)
}

func (j joined) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	return j.conn.SendBatch(ctx, b)
}

func (j joined) Prepare(ctx context.Context, name, query string) (*pgconn.StatementDescription, error) {
	return j.conn.Prepare(ctx, name, query)
}

func (j joined) Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	return j.conn.Exec(ctx, query, args...)
}

func (j joined) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	return j.conn.Query(ctx, query, args...)
}

func (j joined) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	return j.conn.QueryRow(ctx, query, args...)
}

// migrateJobs has connections of its own, whose statements may take their time.
func migrateJobs(ctx context.Context, url string, version int) error {
	conf, err := pgxpool.ParseConfig(url)
	if err != nil {
		return errors.New("the address of the database is malformed") // err quotes it
	}
	limitConnecting(conf.ConnConfig)
	conf.MaxConns = 2
	p, err := pgxpool.NewWithConfig(ctx, conf)
	if err != nil {
		return err
	}
	defer p.Close()
	m, err := rivermigrate.New(riverpgxv5.New(p), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err == nil {
		_, err = m.Migrate(ctx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: version})
	}
	if err != nil {
		return fmt.Errorf("the tables of jobs: %w", err)
	}
	return nil
}
