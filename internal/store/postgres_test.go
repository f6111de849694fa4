package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/record"
	"cartracker/internal/store"
	"cartracker/internal/store/postgres"
	"cartracker/internal/store/testdb"
)

func openPostgres(t *testing.T, c postgres.Config) *store.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func setting(t *testing.T, pool *sql.DB, name string) (value string) {
	t.Helper()
	if err := pool.QueryRowContext(t.Context(), "SHOW "+name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestPostgresSettings(t *testing.T) {
	t.Parallel()
	db := openPostgres(t, postgres.Config{URL: testdb.EmptyPostgres(t).URL, PoolSize: 2, PoolMax: 2, Instances: 1})
	pool, _ := db.Handles()
	for name, want := range map[string]string{
		"statement_timeout": "30s", "idle_in_transaction_session_timeout": "30s", "TimeZone": "UTC", "synchronous_commit": "on",
	} {
		if got := setting(t, pool, name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// TestPostgresPool is not parallel: it looks at what is logged.
func TestPostgresPool(t *testing.T) {
	d := testdb.EmptyPostgres(t)
	var log bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(old)

	openPostgres(t, postgres.Config{URL: d.URL, PoolSize: 5, PoolMax: 5, Instances: 2})
	if log.Len() > 0 {
		t.Errorf("logged for nothing: %s", &log)
	}
	most := openPostgres(t, postgres.Config{URL: d.URL, PoolSize: 5, PoolMax: 100_000, Instances: 50})
	for _, want := range []string{"level=WARN", "DB_POOL_MAX=100000", "DB_INSTANCES=50", "lowered="} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the warning does not say %s: %s", want, &log)
		}
	}
	pool, _ := most.Handles()
	var share int
	if err := pool.QueryRowContext(t.Context(), "SELECT (CAST(current_setting('max_connections') AS INTEGER) - 10) / 50 - 3").Scan(&share); err != nil {
		t.Fatal(err)
	}
	if got := inUse(t, d.Raw(t), most, share); got != share {
		t.Errorf("%d connections are open, want the share of an instance less those of the feed, the pulse and the queue, %d", got, share)
	}

	few := testdb.EmptyPostgres(t)
	settles := openPostgres(t, postgres.Config{URL: few.URL, PoolSize: 2, PoolMax: 6, Instances: 1})
	raw, left := few.Raw(t), 6
	if got := inUse(t, raw, settles, 6); got != 6 {
		t.Errorf("%d connections are open while 6 are used", got)
	}
	raw.SetMaxOpenConns(1) // the one that looks, and is not counted
	for began := time.Now(); left > 2 && time.Since(began) < 10*time.Second; {
		left = count(t, raw, "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	}
	if left > 2 {
		t.Errorf("%d connections are left, want the 2 where the pool settles", left)
	}
}

func count(t *testing.T, raw *sql.DB, query string) (n int) {
	t.Helper()
	if err := raw.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// inUse uses n connections of a pool at a time, and returns how many the server sees then.
func inUse(t *testing.T, raw *sql.DB, db *store.DB, n int) int {
	t.Helper()
	pool, _ := db.Handles()
	for range n {
		tx, err := pool.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
	}
	return count(t, raw, "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'")
}

// A server that ends all connections is away for a moment. Whoever asks just
// then is told so, or does not notice; nobody is told of a bug.
func TestPostgresAway(t *testing.T) {
	t.Parallel()
	d := testdb.MigratedPostgres(t)
	db, raw := d.Migrated(t), d.Raw(t)
	cars := store.NewCars(db)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				_, err := cars.List(t.Context(), fleet.Filter{}, today)
				if err == nil {
					err = db.InTx(t.Context(), func(ctx context.Context) error {
						_, err := cars.Get(ctx, "x", today)
						return err
					})
				}
				if k := fault.Of(err).Kind; k != fault.NotFound && k != fault.Unavailable {
					t.Errorf("kind %d: %v", k, err)
				}
			}
		})
	}
	for range 20 {
		count(t, raw, "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	}
	close(stop)
	wg.Wait()
	if _, err := cars.List(t.Context(), fleet.Filter{}, today); err != nil {
		if _, err = cars.List(t.Context(), fleet.Filter{}, today); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	}
}

// A transaction that the server gives up on again and again is tried four
// times, and then its caller is told to come back.
func TestPostgresGivesUp(t *testing.T) {
	t.Parallel()
	d := testdb.MigratedPostgres(t)
	db, raw := d.Migrated(t), d.Raw(t)
	if _, err := raw.ExecContext(t.Context(), `CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = 'serialization_failure'; END $$;
		CREATE TRIGGER give_up BEFORE UPDATE ON change_counter FOR EACH ROW EXECUTE FUNCTION give_up()`); err != nil {
		t.Fatal(err)
	}
	attempts := 0
	journal := store.Journal{DB: db, Now: func() date.Moment { return date.At(time.Now()) }}
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		attempts++
		return journal.Write(ctx, record.Entry{Action: record.Create, Changes: []record.Change{{Topic: record.Cars, ID: "x", Kind: record.Created}}})
	})
	if f := fault.Of(err); attempts != 4 || f.Kind != fault.Unavailable || f.Code != "overloaded" || f.RetryAfter <= 0 {
		t.Errorf("after %d attempts: %v", attempts, err)
	}
	if n := count(t, raw, "SELECT COUNT(*) FROM audit_logs"); n != 0 {
		t.Errorf("%d entries were kept", n)
	}
}

// An address that cannot be used is not repeated: it holds a password.
func TestPostgresAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"postgres://u:hunter2@127.0.0.1:1/x?connect_timeout=1", "postgres://u:hunter2@127.0.0.1:port/x", "postgres://u:hunter2@[::1/x", "u:hunter2",
	} {
		db, err := postgres.Open(t.Context(), postgres.Config{URL: address, PoolSize: 1, PoolMax: 1})
		if err == nil {
			db.Close()
			t.Errorf("%s was opened", address)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}
