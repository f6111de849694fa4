// Package sqlite opens the embedded database: one file beside the program.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"
	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"cartracker/internal/store"
)

//go:embed migrations
var migrations embed.FS

// The pragmas are part of the name, so that every connection of a pool gets
// them. FULL makes a commit survive a power cut; WAL lets readers go on
// meanwhile. Writers take the lock when they begin: one that read first and
// then wrote could not be retried. Of the pages that a savepoint or a statement
// changes SQLite keeps a copy until it ends: the writer keeps it in memory.
const (
	pragmas = "_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(ON)" +
		"&_pragma=cache_size(-8000)&_time_format=sqlite"
	asWriter = "?" + pragmas + "&_pragma=temp_store(MEMORY)&_txlock=immediate"
	asReader = "?" + pragmas + "&_txlock=deferred&mode=ro"
)

// bulk is for rows that touch more pages of the indexes than the usual cache
// holds.
const bulk = "PRAGMA cache_size = -96000"

// readers is how many connections read at the same time.
const readers = 4

// writers is how many transactions may wait for the one connection that writes,
// so that it is never idle.
const writers = 64

// Open opens the database in the file at path, creating it if need be. It does
// not migrate.
func Open(ctx context.Context, path string) (*store.DB, error) {
	leave, err := enter(path)
	if err != nil {
		return nil, err
	}
	db, err := open(ctx, path, leave)
	if err != nil {
		leave()
	}
	return db, err
}

func open(ctx context.Context, path string, leave func()) (*store.DB, error) {
	name := uri(path)
	if err := private(path); err != nil {
		return nil, err
	}
	free, err := alone(ctx, filepath.Dir(path)) // of several that make the file a WAL one, SQLite fails all but one
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer free()
	write, err := pool(ctx, name+asWriter, 1)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	read, err := pool(ctx, name+asReader, readers)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), write.Close())
	}
	migrator, err := sql.Open("sqlite", name+asWriter)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), write.Close(), read.Close())
	}
	watcher, err := sql.Open("sqlite", name+asReader)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), write.Close(), read.Close(), migrator.Close())
	}
	watcher.SetMaxOpenConns(1) // beside the readers, who may all be busy
	watcher.SetMaxIdleConns(-1)
	d := dialect(path, leave)
	d.Watcher, d.Watch = watcher, watch
	d.Jobs = Jobs{write, read}
	d.MigrateJobs = func(ctx context.Context, version int) error { return migrateJobs(ctx, migrator, version) }
	return store.New(write, read, migrator, d), nil
}

func dialect(path string, leave func()) store.Dialect {
	files, _ := fs.Sub(migrations, "migrations")
	return store.Dialect{
		Name:       "sqlite",
		Migrations: files,
		AtOnce:     store.AtOnce{Reads: readers, Writes: writers},
		Alone:      func(ctx context.Context) (func(), error) { return alone(ctx, filepath.Dir(path)) },
		Rebind:     func(query string) string { return query },
		Prepares:   true,
		OneWriter:  true,
		Bulk:       bulk,
		Violated:   violated,
		Retry:      func(error) bool { return false },
		LockTimed:  locked,
		Away:       away,
		OnClose:    leave,
		Columns:    tableColumns,
		References: references,
		Numbers:    "SELECT id FROM numbers_search WHERE number_fold MATCH ?",
	}
}

// Tables that SQLite makes to search text in, and those behind them, are no
// tables of the program; nor are those of jobs.
const (
	tableColumns = `SELECT t.name, c.name, c.type, c.pk FROM pragma_table_list t JOIN pragma_table_info(t.name) c
		WHERE t.schema = 'main' AND t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name NOT LIKE 'goose%' AND t.name NOT LIKE 'river%' ORDER BY t.name, c.cid`
	references = `SELECT DISTINCT t.name, f."table" FROM pragma_table_list t JOIN pragma_foreign_key_list(t.name) f WHERE t.schema = 'main' AND t.name NOT LIKE 'river%'`
)

func uri(path string) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}).String()
}

// private makes the file if it is not there, for its owner only. SQLite gives
// the files beside it the same mode.
func private(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func pool(ctx context.Context, name string, size int) (*sql.DB, error) {
	db, err := sql.Open("sqlite", name)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// alone takes the lock that lets one process at a time open or migrate the
// databases of a folder: goose fails when two start together on SQLite.
func alone(ctx context.Context, dir string) (free func(), err error) {
	f, err := os.OpenFile(filepath.Join(dir, "migrate.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	retry := time.NewTicker(20 * time.Millisecond) // flock has no wait that ends with a context
	defer retry.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(err, f.Close())
		}
		select {
		case <-retry.C:
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), f.Close())
		}
	}
}

// locked reports whether another process kept the database locked for too long.
func locked(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	return ok && (e.Code()&0xff == lib.SQLITE_BUSY || e.Code()&0xff == lib.SQLITE_LOCKED)
}

// away reports whether the database cannot answer now: its disk is full,
// read-only or gone.
func away(err error) bool {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return false
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_IOERR, lib.SQLITE_FULL, lib.SQLITE_CANTOPEN, lib.SQLITE_READONLY:
		return true
	}
	return false
}

var columns = regexp.MustCompile(`UNIQUE constraint failed: ([\w., ]+)`)

// violated gives a broken constraint the name that PostgreSQL would give it.
func violated(err error) (string, bool) {
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok || e.Code()&0xff != lib.SQLITE_CONSTRAINT {
		return "", false
	}
	if m := columns.FindStringSubmatch(e.Error()); m != nil {
		return uniqueName(m[1]), true
	}
	name := strings.TrimPrefix(e.Error(), "constraint failed: ")
	name, _, _ = strings.Cut(name, " (")
	return name, true
}

// uniqueName turns "cars.plate, cars.country" into "cars_plate_country_key".
func uniqueName(cols string) string {
	var name strings.Builder
	for i, col := range strings.Split(cols, ", ") {
		table, column, _ := strings.Cut(strings.TrimSpace(col), ".")
		if i == 0 {
			name.WriteString(table)
		}
		name.WriteString("_" + column)
	}
	return name.String() + "_key"
}
