// Package testdb makes empty databases that last for a test.
package testdb

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"cartracker/internal/ident"
	"cartracker/internal/store"
	"cartracker/internal/store/postgres"
	"cartracker/internal/store/sqlite"
)

// A Database lasts for a test. It is empty: nobody has migrated it.
type Database struct {
	URL    string // what DATABASE_URL would be
	Open   func(context.Context) (*store.DB, error)
	Driver string // with DSN, for straight SQL past the program
	DSN    string

	copied func(testing.TB) // makes it one that was migrated, if it is not there yet; nil if there is no such way
}

// An Empty makes an empty database that lasts for a test.
type Empty func(testing.TB) Database

// Migrated opens the database and migrates it. It is closed when the test ends.
func (d Database) Migrated(t testing.TB) *store.DB {
	t.Helper()
	if d.copied != nil {
		d.copied(t)
	}
	db, err := d.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// Raw opens the database past the program, for straight SQL. It is closed when the test ends.
func (d Database) Raw(t testing.TB) *sql.DB {
	t.Helper()
	raw, err := sql.Open(d.Driver, d.DSN)
	if err != nil {
		t.Fatal(err)
	}
	raw.SetMaxOpenConns(4)
	t.Cleanup(func() { raw.Close() })
	return raw
}

// EmptySQLite makes a database in a file.
func EmptySQLite(t testing.TB) Database {
	path := filepath.Join(t.TempDir(), "cartracker.db")
	return Database{
		URL:    "sqlite:" + path,
		Open:   func(ctx context.Context) (*store.DB, error) { return sqlite.Open(ctx, path) },
		copied: func(t testing.TB) { copySQLite(t, path) },
		Driver: "sqlite",
		DSN:    "file:" + path + "?_pragma=busy_timeout(10000)&_pragma=foreign_keys(ON)&_txlock=immediate&_time_format=sqlite",
	}
}

// migratedSQLite is a SQLite database that was migrated, made once: to migrate
// one for each test would take most of their time.
var migratedSQLite = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "cartracker-migrated-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "cartracker.db")
	db, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	if _, err := db.Migrate(context.Background()); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func copySQLite(t testing.TB, path string) {
	t.Helper()
	if _, err := os.Stat(path); err != nil { // else the test has begun with it
		MigratedSQLite(t, path)
	}
}

// MigratedSQLite makes a migrated database in a file that is not there yet.
func MigratedSQLite(t testing.TB, path string) {
	t.Helper()
	file, err := migratedSQLite()
	if err == nil {
		err = os.WriteFile(path, file, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// EmptyPostgres makes a database on the server at TEST_POSTGRES_URL. Without a
// server the test is skipped, or fails if TEST_REQUIRE_POSTGRES is set. By
// default text there is not compared byte by byte, as it would not be in most
// places, so that a missing COLLATE shows.
func EmptyPostgres(t testing.TB) Database {
	t.Helper()
	return onPostgres(t, postgresServer(t), likeElsewhere)
}

// MigratedPostgres is EmptyPostgres for a database that was migrated. It costs
// no more than an empty one.
func MigratedPostgres(t testing.TB) Database {
	t.Helper()
	server := postgresServer(t)
	source, err := migratedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	return onPostgres(t, server, " TEMPLATE "+source)
}

func postgresServer(t testing.TB) string {
	t.Helper()
	server := os.Getenv("TEST_POSTGRES_URL")
	if server == "" {
		if os.Getenv("TEST_REQUIRE_POSTGRES") != "" {
			t.Fatal("TEST_POSTGRES_URL is not set, and TEST_REQUIRE_POSTGRES says that it must be")
		}
		t.Skip("TEST_POSTGRES_URL is not set; see scripts/with-postgres.sh")
	}
	return server
}

// onPostgres makes a database on a server, with these options.
func onPostgres(t testing.TB, server, options string) Database {
	t.Helper()
	name := "test_" + strings.ReplaceAll(ident.New[string](), "-", "")
	onServer(t, server, "CREATE DATABASE "+name+options)
	t.Cleanup(func() { onServer(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("TEST_POSTGRES_URL is malformed")
	}
	u.Path = "/" + name
	return Database{
		URL:    u.String(),
		Open:   func(ctx context.Context) (*store.DB, error) { return openPostgres(ctx, u.String()) },
		Driver: "pgx",
		DSN:    u.String(),
	}
}

func openPostgres(ctx context.Context, url string) (*store.DB, error) {
	return postgres.Open(ctx, postgres.Config{URL: url, PoolSize: 8, PoolMax: 8, Instances: 1})
}

// likeElsewhere are the options of a database in which text is not compared
// byte by byte by default.
const likeElsewhere = " TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"

// migratedPostgres is a database that was migrated, made once by each test
// binary. It goes with its server.
var migratedPostgres = sync.OnceValues(func() (name string, err error) {
	ctx, server := context.Background(), os.Getenv("TEST_POSTGRES_URL")
	name = "migrated_" + strings.ReplaceAll(ident.New[string](), "-", "")
	u, err := url.Parse(server)
	if err != nil {
		return "", err
	}
	if err := execute(ctx, server, "CREATE DATABASE "+name+likeElsewhere); err != nil {
		return "", err
	}
	u.Path = "/" + name
	db, err := openPostgres(ctx, u.String())
	if err != nil {
		return "", err
	}
	_, err = db.Migrate(ctx)
	return name, errors.Join(err, db.Close())
})

func onServer(t testing.TB, server, statement string) {
	t.Helper()
	if err := execute(context.Background(), server, statement); err != nil {
		t.Fatal(err)
	}
}

func execute(ctx context.Context, server, statement string) error {
	db, err := sql.Open("pgx", server)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.ExecContext(ctx, statement)
	return err
}
