package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/machinetest"
	"cartracker/internal/record"
	"cartracker/internal/store"
	"cartracker/internal/store/postgres"
	"cartracker/internal/store/sqlite"
	"cartracker/internal/store/testdb"
)

var databases = map[string]testdb.Empty{"sqlite": testdb.EmptySQLite, "postgres": testdb.MigratedPostgres}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for began := time.Now(); !done(); <-again.C {
		if time.Since(began) > 30*time.Second {
			t.Fatalf("not within 30 seconds: %s", what)
		}
	}
}

// followed follows the feed of db and returns what it tells. To stop waits
// until Run has returned.
func followed(t *testing.T, db *store.DB) (f *store.Feed, told chan record.Batch, stop func()) {
	t.Helper()
	f, told = store.NewFeed(db), make(chan record.Batch, 10_000)
	f.Follow(func(_ context.Context, b record.Batch) {
		if !b.Past {
			told <- b
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := f.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	<-f.Ready()
	return f, told, stop
}

func commit(ctx context.Context, db *store.DB, id string) error {
	return db.InTx(ctx, func(ctx context.Context) error {
		c := record.Change{Topic: record.Cars, ID: id, Kind: record.Created, Version: 1}
		j := store.Journal{DB: db, Now: func() date.Moment { return date.At(time.Now()) }}
		return j.Write(ctx, record.Entry{Action: record.Create, Resource: "car", Changes: []record.Change{c}})
	})
}

// One program commits and is killed before it could tell anybody: the other is told.
func TestFeedProcessKilled(t *testing.T) {
	t.Parallel()
	for name, empty := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := empty(t)
			_, told, _ := followed(t, d.Migrated(t))
			for range 3 {
				cmd := exec.CommandContext(t.Context(), os.Args[0])
				cmd.Env = append(os.Environ(), "TEST_COMMIT_AND_DIE="+d.URL)
				out, err := cmd.CombinedOutput()
				died := time.Now()
				if e, ok := errors.AsType[*exec.ExitError](err); !ok || e.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
					t.Fatalf("the program ended by %v\n%s", err, out)
				}
				select {
				case b := <-told:
					if len(b.Events) != 1 || b.Events[0].ID != "last words" || b.Missed {
						t.Errorf("told %+v", b)
					}
					t.Logf("told %s after the program had died", time.Since(died))
				case <-time.After(2 * time.Second):
					t.Error("nothing is told within 2 seconds")
				}
			}
		})
	}
}

// commitAndDie is what the program does that is killed.
func commitAndDie(url string) int {
	ctx := context.Background()
	var db *store.DB
	var err error
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		db, err = sqlite.Open(ctx, path)
	} else {
		db, err = postgres.Open(ctx, postgres.Config{URL: url, PoolSize: 2, PoolMax: 2, Instances: 1})
	}
	if err == nil {
		db.OnCommit(func(context.Context, record.Batch) { _ = syscall.Kill(os.Getpid(), syscall.SIGKILL) })
		err = commit(ctx, db, "last words")
	}
	fmt.Fprintln(os.Stderr, "still alive:", err)
	return 1
}

// A feed has one connection, and a pool that is used up does not matter to it.
// It gives the connection back when it ends, and ends at once.
func TestFeedEnds(t *testing.T) {
	t.Parallel()
	for name, empty := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := empty(t)
			db, other := d.Migrated(t), d.Migrated(t)
			_, read := db.Handles()
			for range read.Stats().MaxOpenConnections + 8 { // without a bound: as many as the test opens elsewhere
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				conn, err := read.Conn(ctx)
				cancel()
				if err != nil {
					break
				}
				defer conn.Close()
			}
			for range 3 {
				_, told, stop := followed(t, db)
				if n := db.Watcher().Stats().OpenConnections; n != 1 {
					t.Errorf("the feed has %d connections, want 1", n)
				}
				if err := commit(t.Context(), other, "x"); err != nil {
					t.Fatal(err)
				}
				if b := <-told; len(b.Events) != 1 {
					t.Errorf("told %+v", b)
				}
				began := time.Now()
				if stop(); time.Since(began) > machinetest.Timely(time.Second) {
					t.Errorf("Run took %s to end", time.Since(began))
				}
				if n := db.Watcher().Stats().OpenConnections; n != 0 {
					t.Errorf("%d connections are left", n)
				}
			}
			if db.Name() == "postgres" {
				raw := d.Raw(t)
				until(t, "the server has closed the connections", func() bool { return count(t, raw, "SELECT COUNT(*)"+followers) == 0 })
			}
		})
	}
}

// followers selects the connections of feeds: those that read the counter without counting.
const followers = " FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT seq FROM change_counter%'"

// TestFeedAway is not parallel: it looks at what is logged.
func TestFeedAway(t *testing.T) {
	var log bytes.Buffer
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(old)

	d := testdb.EmptySQLite(t)
	f, _, stop := followed(t, d.Migrated(t))
	raw := d.Raw(t)
	for _, statement := range []string{"ALTER TABLE change_counter RENAME TO away", "ALTER TABLE away RENAME TO change_counter"} {
		if _, err := raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		until(t, statement, func() bool { return (f.Behind() > 2*time.Second) == strings.HasSuffix(statement, "away") })
	}
	stop()
	if n := strings.Count(log.String(), "level="); n != 2 || !strings.Contains(log.String(), "cannot be followed") || !strings.Contains(log.String(), "followed again") {
		t.Errorf("logged %d lines, want one that it is away and one that it is back:\n%s", n, &log)
	}
}

// A server that takes over without the last changes of the one before it gives
// their numbers to others: the followers learn that they may have missed some.
func TestFeedOfAnotherPast(t *testing.T) {
	t.Parallel()
	for name, empty := range databases {
		t.Run(name, func(t *testing.T) {
			d := empty(t)
			db := d.Migrated(t)
			f, told, _ := followed(t, db)
			raw := d.Raw(t)
			run := func(statement string) {
				t.Helper()
				if _, err := raw.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			if err := commit(t.Context(), db, "kept"); err != nil {
				t.Fatal(err)
			}
			<-told
			for _, want := range []struct {
				meanwhile string
				missed    bool
			}{{"UPDATE changes SET version = version", false}, {"UPDATE changes SET id = 'another'", true}} {
				run("ALTER TABLE change_counter RENAME TO away")
				until(t, "the feed is away", func() bool { return f.Behind() > 2*time.Second })
				run(want.meanwhile)
				run("ALTER TABLE away RENAME TO change_counter")
				if want.missed {
					if b := <-told; !b.Missed {
						t.Errorf("told of %+v", b)
					}
				}
				if err := commit(t.Context(), db, "next"); err != nil {
					t.Fatal(err)
				}
				if b := <-told; b.Missed || len(b.Events) != 1 || b.Events[0].ID != "next" {
					t.Errorf("then told of %+v", b)
				}
			}
		})
	}
}

// A database that was opened to be read only is not followed.
func TestFeedUnwatched(t *testing.T) {
	t.Parallel()
	d := testdb.EmptySQLite(t)
	d.Migrated(t)
	db, err := sqlite.OpenReadOnly(t.Context(), strings.TrimPrefix(d.URL, "sqlite:"))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.NewFeed(db).Run(t.Context()); err == nil {
		t.Error("Run returned no error")
	}
	if err := db.Close(); err != nil {
		t.Error(err)
	}
}

// A feed whose connection is ended again and again misses nothing and tells nothing twice.
func TestFeedTerminated(t *testing.T) {
	t.Parallel()
	d := testdb.MigratedPostgres(t)
	db, raw := d.Migrated(t), d.Raw(t)
	_, told, _ := followed(t, db)
	var writer sync.WaitGroup
	killed := make(chan struct{})
	var written []string
	writer.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-killed:
				return
			default:
			}
			id := fmt.Sprint(n)
			if err := commit(t.Context(), db, id); err != nil {
				t.Error(err)
			}
			written = append(written, id)
		}
	})
	ended := 0
	until(t, "connections are ended", func() bool {
		ended += count(t, raw, "SELECT COUNT(pg_terminate_backend(pid))"+followers)
		return ended >= 8
	})
	close(killed)
	writer.Wait()
	if err := commit(t.Context(), db, "last"); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for len(ids) <= len(written) {
		select {
		case b := <-told:
			if b.Missed {
				t.Error("told that something was missed")
			}
			for _, e := range b.Events {
				ids = append(ids, e.ID)
				if e.Seq != int64(len(ids)) {
					t.Errorf("change %d is told as number %d", e.Seq, len(ids))
				}
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%d changes are told of %d", len(ids), len(written)+1)
		}
	}
	if !slices.Equal(ids, append(written, "last")) {
		t.Errorf("told of %q, want %q", ids, written)
	}
}

// A server that takes a question and does not answer it keeps nobody for ever.
func TestFeedUnanswered(t *testing.T) {
	t.Parallel()
	d := testdb.MigratedPostgres(t)
	db, raw := d.Migrated(t), d.Raw(t)
	f, told, _ := followed(t, db)
	tx, err := raw.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var first, second string
	following := "SELECT COALESCE(MAX(CAST(pid AS text)), '')" + followers + " AND wait_event_type = 'Lock'"
	if _, err := tx.ExecContext(t.Context(), "LOCK TABLE change_counter IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	until(t, "the feed asks", func() bool { return text(t, raw, following, &first) != "" })
	until(t, "the feed asks on another connection", func() bool { return text(t, raw, following, &second) != "" && second != first })
	if behind := f.Behind(); behind < 4*time.Second {
		t.Errorf("the feed is behind by %s", behind)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	until(t, "catches up", func() bool { return f.Behind() < time.Second })
	if err := commit(t.Context(), db, "x"); err != nil {
		t.Fatal(err)
	}
	if b := <-told; len(b.Events) != 1 || b.Missed {
		t.Errorf("told %+v", b)
	}
}

func text(t *testing.T, raw *sql.DB, query string, into *string) string {
	t.Helper()
	if err := raw.QueryRowContext(t.Context(), query).Scan(into); err != nil {
		t.Fatal(err)
	}
	return *into
}

// What an attempt did that the server gave up is not told: the one that is committed is.
func TestOnCommitRetried(t *testing.T) {
	t.Parallel()
	d := testdb.MigratedPostgres(t)
	db, raw := d.Migrated(t), d.Raw(t)
	if _, err := raw.ExecContext(t.Context(), `CREATE SEQUENCE attempts;
		CREATE FUNCTION give_up() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN IF nextval('attempts') < 3 THEN RAISE EXCEPTION 'not now' USING ERRCODE = 'serialization_failure'; END IF; RETURN NULL; END $$;
		CREATE CONSTRAINT TRIGGER give_up AFTER INSERT ON changes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION give_up()`); err != nil {
		t.Fatal(err)
	}
	var told []record.Batch
	db.OnCommit(func(_ context.Context, b record.Batch) { told = append(told, b) })
	if err := commit(t.Context(), db, "x"); err != nil {
		t.Fatal(err)
	}
	if attempts := count(t, raw, "SELECT last_value FROM attempts"); attempts != 3 {
		t.Errorf("%d attempts, want 3", attempts)
	}
	if len(told) != 1 || len(told[0].Events) != 1 || told[0].Events[0].Seq != 1 {
		t.Errorf("told %+v", told)
	}
}
