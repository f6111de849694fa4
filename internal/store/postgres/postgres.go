// Package postgres opens a PostgreSQL database.
package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"cartracker/internal/store"
)

//go:embed migrations
var steps embed.FS

const (
	connectTimeout   = 5 * time.Second
	nextHostTimeout  = time.Second      // where there are other addresses to try
	statementTimeout = 30 * time.Second // migrations have none
	idleTimeout      = 30 * time.Second
	checkPoolEvery   = 10 * time.Second // that enough connections are open, and none idle for too long
	connectionLife   = time.Hour
	migrateLock      = 7_207_195_260 // any number that no other program locks
)

// A Config says how to reach a server and how many connections to keep.
type Config struct {
	URL       string
	PoolMin   int // connections kept open
	PoolSize  int // above it a returned connection is closed
	PoolMax   int // the bound
	Instances int // programs that share the server

	server string // the only one that connections of the pool may lead to; "" for any
	lines  *lines // which the connections of the pool are; nil if they are not cut together
}

// Open opens the database. It does not migrate.
func Open(ctx context.Context, c Config) (*store.DB, error) {
	migrator, err := pgx.ParseConfig(c.URL)
	if err != nil {
		return nil, errors.New("open PostgreSQL: the address of the database is malformed") // err quotes it
	}
	limitConnecting(migrator)
	c.lines = &lines{}
	p, err := pool(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("open PostgreSQL: %w", err)
	}
	db, migrations := stdlib.OpenDBFromPool(p), stdlib.OpenDB(*migrator)
	migrations.SetConnMaxIdleTime(time.Second) // it is used only when a program starts
	watcher := stdlib.OpenDB(*p.Config().ConnConfig)
	watcher.SetMaxOpenConns(1)
	watcher.SetMaxIdleConns(-1) // one that listens is closed, and never used for something else
	files, _ := fs.Sub(steps, "migrations")
	beat := newPulse(p, c.lines, migrator.Config.Copy())
	settled := min(c.PoolSize, int(p.Config().MaxConns)) // with more, each would be made for one use
	return store.New(db, db, migrations, store.Dialect{
		Name:         "postgres",
		Migrations:   files,
		AtOnce:       store.AtOnce{Reads: settled, Writes: settled, Shared: true},
		Alone:        func(ctx context.Context) (func(), error) { return alone(ctx, migrations) },
		Rebind:       rebind,
		ForUpdate:    " FOR NO KEY UPDATE",
		ForReference: " FOR KEY SHARE",
		ForUpdateNow: " FOR NO KEY UPDATE NOWAIT",
		// A plan that was made when a table was empty is kept as long as nobody counts its rows, which the
		// server does after the transaction: with such plans 100,000 rows took half an hour.
		Indexed:     "SELECT set_config('plan_cache_mode', 'force_custom_plan', TRUE), set_config('enable_seqscan', 'off', TRUE), set_config('statement_timeout', '0', TRUE), set_config('idle_in_transaction_session_timeout', '0', TRUE)",
		LockWait:    "SET LOCAL lock_timeout = %d",
		Violated:    violated,
		Retry:       func(err error) bool { return hasCode(err, "40P01", "40001") },
		LockTimed:   func(err error) bool { return hasCode(err, "55P03") },
		Away:        beat.away,
		Pulse:       beat.Run,
		Lost:        c.lines.isCut,
		OnClose:     p.Close,
		Pools:       func() []store.Pool { return []store.Pool{state(p)} },
		Columns:     columns,
		References:  references,
		Bytewise:    ` COLLATE "C"`,
		Isolated:    sql.LevelRepeatableRead,
		Patient:     patient,
		Advance:     advance,
		Watcher:     watcher,
		Watch:       watch,
		CopyIn:      copyIn,
		Jobs:        Jobs{p},
		MigrateJobs: func(ctx context.Context, version int) error { return migrateJobs(ctx, c.URL, version) },
	}), nil
}

// alone takes the lock that lets one program at a time migrate a database. It
// is the session's: if the program dies, the server gives it back.
func alone(ctx context.Context, db *sql.DB) (free func(), err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := conn.ExecContext(ctx, "SELECT pg_advisory_lock($1)", migrateLock); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1)", migrateLock)
		conn.Close()
	}, nil
}

// rebind numbers the placeholders. No statement here has a ? in a literal.
func rebind(query string) string {
	var out strings.Builder
	for n := 1; ; n++ {
		before, after, ok := strings.Cut(query, "?")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		out.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}

// violated reports the constraint in an error of class 23, integrity_constraint_violation.
func violated(err error) (string, bool) {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !strings.HasPrefix(e.Code, "23") {
		return "", false
	}
	return e.ConstraintName, true
}

func hasCode(err error, codes ...string) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return false
	}
	for _, c := range codes {
		if strings.HasPrefix(e.Code, c) {
			return true
		}
	}
	return false
}

// away reports whether the server cannot be reached or cannot answer now:
// connection exceptions (08), too many connections (53), shutdown (57P), and
// statements and locks that took too long (57014, 55P03). A connection that
// ended under a transaction is a bad one to database/sql.
func away(err error) bool {
	if hasCode(err, "08", "53", "57P", "57014", "55P03", "25P03") {
		return true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || pgconn.Timeout(err) || pgconn.SafeToRetry(err)
}
