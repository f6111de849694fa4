package store_test

import (
	"bytes"
	"database/sql"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cartracker/internal/store"
	"cartracker/internal/store/pgtest"
	"cartracker/internal/store/postgres"
	"cartracker/internal/store/testdb"
)

// The bound of the pool follows from the smallest of the limits. TestPoolBound
// is not parallel: it looks at what is logged.
func TestPoolBound(t *testing.T) {
	s := pgtest.New(t, "max_connections = 60", "superuser_reserved_connections = 14")
	raw, err := sql.Open("pgx", s.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	url := strings.Replace(s.URL("cartracker"), "//cartracker:", "//clerk:", 1)
	if _, err := raw.ExecContext(t.Context(), "CREATE ROLE clerk LOGIN PASSWORD '"+s.Password()+"'"); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		change, url     string
		instances, want int
	}{
		{"SELECT 1", url, 1, 43},                                      // 60 - 14 - 3
		{"SELECT 1", url, 2, 20},                                      // the half
		{"SELECT 1", url, 1000, 1},                                    // never none
		{"ALTER ROLE clerk CONNECTION LIMIT 30", url, 1, 27},          // the role's
		{"ALTER DATABASE cartracker CONNECTION LIMIT 20", url, 1, 17}, // the database's
		{"SELECT 1", url, 2, 7},                                       // the half of that
		{"SELECT 1", s.URL("cartracker"), 1, 43},                      // which superusers are not held to
	} {
		if _, err := raw.ExecContext(t.Context(), c.change); err != nil {
			t.Fatal(err)
		}
		log := logged(t, func() {
			db := openPostgres(t, postgres.Config{URL: c.url, PoolSize: 5, PoolMax: 50, Instances: c.instances})
			if got := db.Pools()[0].Most; got != c.want {
				t.Errorf("%d instances after %s: the bound is %d, want %d", c.instances, c.change, got, c.want)
			}
			db.Close()
		})
		if !strings.Contains(log, "DB_POOL_MAX=50") || strings.Contains(log, s.Password()) {
			t.Errorf("the warning is %q", log)
		}
	}
}

// logged returns what is logged while do runs.
func logged(t *testing.T, do func()) string {
	t.Helper()
	var log bytes.Buffer
	old := slog.Default()
	defer slog.SetDefault(old)
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	do()
	return log.String()
}

// As many connections as DB_POOL_MIN says are open, though nobody uses them.
func TestPoolMin(t *testing.T) {
	t.Parallel()
	d := testdb.EmptyPostgres(t)
	db := openPostgres(t, postgres.Config{URL: d.URL, PoolMin: 3, PoolSize: 4, PoolMax: 5, Instances: 1})
	raw := d.Raw(t)
	raw.SetMaxOpenConns(1)
	const others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
	soon(t, backPatience, "3 connections open", func() bool { return count(t, raw, "SELECT COUNT(*) "+others) == 3 })
	if pool := db.Pools()[0]; pool.Open != 3 || pool.InUse != 0 || pool.Most != 5 {
		t.Errorf("the pool is %+v", pool)
	}
}

func TestTellWaits(t *testing.T) {
	before := []store.Pool{{Name: "primary", Waits: 5, Waited: time.Second}, {Name: "replica", Waits: 3, Waited: time.Second}}
	now := []store.Pool{{Name: "primary", Waits: 5, Waited: time.Second}, {Name: "replica", Waits: 7, Waited: 3 * time.Second}, {Name: "new", Waits: 1, Waited: 100 * time.Millisecond}, {Name: "calm", Waits: 9, Waited: 99 * time.Millisecond}}
	log := logged(t, func() { store.TellWaits(before, now) })
	for words, want := range map[string]int{"level=INFO": 2, "pool=primary": 0, "pool=replica waits=4 waited=2s": 1, "pool=new waits=1 waited=100ms": 1, "pool=calm": 0} {
		if got := strings.Count(log, words); got != want {
			t.Errorf("the log has %q %d times, want %d: %s", words, got, want, log)
		}
	}
}

// On SQLite one connection writes.
func TestPoolsOfSQLite(t *testing.T) {
	t.Parallel()
	db := testdb.EmptySQLite(t).Migrated(t)
	pools := db.Pools()
	if len(pools) != 2 || pools[0].Name != "writer" || pools[0].Most != 1 || pools[1].Name != "readers" || pools[1].Most < 2 || pools[1].InUse != 0 {
		t.Errorf("the pools are %+v", pools)
	}
	if err := db.Pulse(t.Context()); err != nil || db.Lost() {
		t.Errorf("a file has no pulse: %v (lost: %t)", err, db.Lost())
	}
}
