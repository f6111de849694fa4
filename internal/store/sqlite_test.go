package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/store"
	"cartracker/internal/store/sqlite"
	"cartracker/internal/store/testdb"
)

// A commit survives a power cut only if every connection that writes waits for
// the disk: synchronous is FULL (2).
func TestPragmas(t *testing.T) {
	t.Parallel()
	db := testdb.EmptySQLite(t).Migrated(t)
	write, read := db.Handles()
	pools := map[string]*sql.DB{"writer": write}
	for i := range 4 {
		pools[fmt.Sprint("reader ", i)] = read
	}
	for name, pool := range pools {
		conn, err := pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close() // not before the others are open: each is another one
		for pragma, want := range map[string]string{"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "10000"} {
			var got string
			if err := conn.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %s is %s, %v; want %s", name, pragma, got, err, want)
			}
		}
		_, err = conn.ExecContext(t.Context(), "INSERT INTO locks (name) VALUES ('x')")
		if pool == read && (err == nil || !strings.Contains(err.Error(), "readonly")) || pool == write && err != nil {
			t.Errorf("%s wrote: %v", name, err)
		}
	}
}

// Files can have any name.
func TestSQLitePaths(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"with space.db", "100%.db", "a?b=c&mode=ro.db", "hash#1.db", "šume:đ.db", "plus+%20.db"} {
		path := filepath.Join(t.TempDir(), name)
		db, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, err := db.Migrate(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(path); err != nil {
			t.Errorf("%s is kept elsewhere: %v", name, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "no folder", "x.db")); err == nil {
		t.Error("opened a file in no folder")
	}
}

// A database that was closed is one file: nothing is left in the log beside it.
func TestSQLiteCloses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	for range 8 {
		db, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Ping(t.Context()), db.Close()); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path + "-wal"); !os.IsNotExist(err) {
			t.Fatalf("the log is left behind: %v", err)
		}
	}
}

// Clients who combine filters in ever new ways do not make the program keep
// ever more statements.
func TestStatementsBounded(t *testing.T) {
	t.Parallel()
	db := testdb.EmptySQLite(t).Migrated(t)
	logs := store.NewAuditLogs(db)
	n := 0
	for bits := range 1 << 8 {
		for _, sort := range []string{"createdAt", "-createdAt"} {
			f := audit.Filter{Sort: sort}
			for i, set := range []func(){
				func() { f.Q = "x" }, func() { f.UserID = "x" }, func() { f.Action = "CREATE" }, func() { f.Resource = "car" },
				func() { f.ResourceID = "x" }, func() { f.Status = audit.Success }, func() { f.Since = date.At(time.Now()) }, func() { f.Before = date.At(time.Now()) },
			} {
				if bits&(1<<i) != 0 {
					set()
				}
			}
			n++
			if _, err := logs.List(t.Context(), f); err != nil {
				t.Fatal(err)
			}
		}
	}
	if kept := db.Kept(); kept > store.MaxKept || n <= store.MaxKept {
		t.Errorf("%d of %d statements are kept, want at most %d", kept, n, store.MaxKept)
	}
}

// A database that cannot write now is an outage that will pass, not a bug.
func TestSQLiteBusy(t *testing.T) {
	t.Parallel()
	d := testdb.EmptySQLite(t)
	db, raw := d.Migrated(t), d.Raw(t)
	if _, err := raw.ExecContext(t.Context(), "CREATE TRIGGER full BEFORE INSERT ON audit_logs BEGIN SELECT RAISE(ROLLBACK, 'x'); END"); err != nil {
		t.Fatal(err)
	}
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		return store.NewAuditLogs(db).Insert(ctx, &audit.Log{ID: "x", Action: "CREATE", Status: audit.Success})
	})
	if fault.Of(err).Kind != fault.Conflict {
		t.Errorf("a trigger that rolls back: %v", err)
	}
	write, _ := db.Handles()
	if _, err := write.ExecContext(t.Context(), "PRAGMA query_only = ON"); err != nil {
		t.Fatal(err)
	}
	err = db.InTx(t.Context(), func(ctx context.Context) error {
		return store.NewAuditLogs(db).Insert(ctx, &audit.Log{ID: "x", Action: "CREATE", Status: audit.Success})
	})
	if fault.Of(err).Kind != fault.Unavailable {
		t.Errorf("a file that is read-only: %v, want unavailable", err)
	}
}
