package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/machinetest"
	"cartracker/internal/store"
	"cartracker/internal/store/pgtest"
	"cartracker/internal/store/postgres"
)

var (
	tellsWithin    = machinetest.Timely(2 * time.Second)        // that the server is away
	refusedWithin  = machinetest.Timely(100 * time.Millisecond) // while that is known
	worksWithin    = machinetest.Timely(3 * time.Second)        // once it is back
	promotedWithin = machinetest.Timely(5 * time.Second)        // once a replica is the primary
)

const backPatience = 30 * time.Second

// A patient is a database whose pulse is felt, on a server of its own.
type patient struct {
	*store.DB
	log *machinetest.Text
}

// feel opens a database with a table of notes, and feels its pulse until the
// test ends. Its tests are not parallel: they look at what is logged.
func feel(t *testing.T, c postgres.Config) patient {
	t.Helper()
	p := patient{log: &machinetest.Text{}}
	old := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(p.log, nil)))
	t.Cleanup(func() { slog.SetDefault(old) })
	p.DB = openPostgres(t, c)
	write, _ := p.Handles()
	if _, err := write.ExecContext(t.Context(), "CREATE TABLE IF NOT EXISTS notes (id BIGINT GENERATED ALWAYS AS IDENTITY, text TEXT)"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- p.Pulse(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return p
}

// note writes, and tells how long that took.
func (p patient) note(ctx context.Context) (took time.Duration, err error) {
	began := time.Now()
	err = p.InTx(ctx, func(ctx context.Context) error { return p.Exec(ctx, "INSERT INTO notes (text) VALUES ('x')") })
	return time.Since(began), err
}

// ask reads, and tells how long that took.
func (p patient) ask(ctx context.Context) (took time.Duration, err error) {
	began := time.Now()
	err = p.Query(ctx, "SELECT COUNT(*) FROM notes")
	return time.Since(began), err
}

// load writes and reads on many goroutines for as long as the context lasts,
// and checks that everybody is answered in time.
func (p patient) load(t *testing.T, ctx context.Context, many int) (noted func() int) {
	t.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	n := 0
	for i := range many {
		all.Go(func() {
			for ctx.Err() == nil {
				do, what := p.note, "a write"
				if i%2 == 0 {
					do, what = p.ask, "a read"
				}
				took, err := do(context.WithoutCancel(ctx))
				if took > tellsWithin || err != nil && fault.Of(err).Code != "database_away" {
					t.Errorf("%s was answered after %s: %v", what, took, err)
				}
				if err == nil && i%2 == 1 {
					mu.Lock()
					n++
					mu.Unlock()
				}
			}
		})
	}
	return func() int {
		all.Wait()
		return n
	}
}

// soon calls done again and again, and fails the test if it is not true in time.
func soon(t *testing.T, limit time.Duration, what string, done func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for began := time.Now(); !done(); <-again.C {
		if time.Since(began) > limit {
			t.Fatalf("after %s: not yet %s", limit, what)
		}
	}
}

func notes(t *testing.T, url string) (n int) {
	t.Helper()
	raw, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	if err := raw.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM notes").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestFaultServerHangs(t *testing.T) {
	s := pgtest.New(t)
	p := feel(t, postgres.Config{URL: s.URL("cartracker"), PoolMin: 1, PoolSize: 4, PoolMax: 4, Instances: 1})
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	noted := p.load(t, ctx, 24)
	if _, err := p.note(ctx); err != nil || p.Lost() {
		t.Fatalf("before: %v (lost: %t)", err, p.Lost())
	}

	s.Hang()
	soon(t, tellsWithin, "known that the database is away", p.Lost)
	for range 20 {
		if took, err := p.note(ctx); !errors.Is(err, store.ErrAway) || took > refusedWithin {
			t.Errorf("while it is away: after %s: %v", took, err)
		}
		if took, err := p.ask(ctx); !errors.Is(err, store.ErrAway) || took > refusedWithin {
			t.Errorf("while it is away: after %s: %v", took, err)
		}
	}
	s.Resume()
	soon(t, worksWithin, "written again", func() bool { _, err := p.note(ctx); return err == nil })
	soon(t, worksWithin, "read again", func() bool { _, err := p.ask(ctx); return err == nil })
	stop()
	acknowledged := noted()
	if n := notes(t, s.URL("cartracker")); n < acknowledged {
		t.Errorf("%d writes were acknowledged, and %d are there", acknowledged, n)
	}
	for words, want := range map[string]int{"PostgreSQL is away": 1, "PostgreSQL answers again": 1, s.Password(): 0} {
		if got := strings.Count(p.log.String(), words); got != want {
			t.Errorf("the log has %q %d times, want %d:\n%s", words, got, want, p.log)
		}
	}
}

// All connections of the pool are in use for longer than the pulse waits, and
// many wait for one: the server still lives.
func TestPulseOfBusyServer(t *testing.T) {
	s := pgtest.New(t)
	p := feel(t, postgres.Config{URL: s.URL("cartracker"), PoolSize: 4, PoolMax: 4, Instances: 1})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := p.Query(t.Context(), "SELECT 1 FROM pg_sleep(1.7)"); err != nil {
				t.Error(err)
			}
		})
	}
	soon(t, backPatience, "all in use", func() bool { return p.Pools()[0].InUse == 4 })
	for range 32 {
		all.Go(func() {
			if _, err := p.note(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if strings.Contains(p.log.String(), "away") {
		t.Errorf("a busy server is not away:\n%s", p.log)
	}
	pool := p.Pools()[0]
	if pool.Name != "primary" || pool.Most != 4 || pool.Open != 4 || pool.Waits < 32 || pool.Waited < 32*time.Second {
		t.Errorf("the pool is %+v", pool)
	}
}

// A connection of the pulse that somebody ends is no sign of anything, nor is a
// server whose clock is in another zone.
func TestPulseConnectsAnew(t *testing.T) {
	s := pgtest.New(t)
	p := feel(t, postgres.Config{URL: s.URL("cartracker"), PoolSize: 2, PoolMax: 2, Instances: 1})
	raw, err := sql.Open("pgx", s.URL("cartracker"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	raw.SetMaxOpenConns(1)
	const pulses = "FROM pg_stat_activity WHERE query LIKE '%pg_postmaster_start%' AND pid <> pg_backend_pid()"
	change(t, s, "ALTER SYSTEM SET timezone = 'Asia/Tokyo'")
	for range 3 {
		soon(t, backPatience, "asked by the pulse", func() bool { return count(t, raw, "SELECT COUNT(*) "+pulses) == 1 })
		count(t, raw, "SELECT COUNT(pg_terminate_backend(pid)) "+pulses)
	}
	if _, err := p.note(t.Context()); err != nil || p.log.String() != "" {
		t.Errorf("afterwards: %v\n%s", err, p.log)
	}
}

// The primary dies or hangs, and its replica is promoted: an address with both
// of them leads there.
func TestFaultFailOver(t *testing.T) {
	for name, fall := range map[string]func(*pgtest.Server){"killed": (*pgtest.Server).Kill, "hung": (*pgtest.Server).Hang} {
		t.Run(name, func(t *testing.T) {
			first := pgtest.New(t)
			second := first.Replica()
			change(t, first, "ALTER SYSTEM SET synchronous_standby_names = '*'") // what is acknowledged, both have
			p := feel(t, postgres.Config{URL: either(first, second), PoolSize: 4, PoolMax: 4, Instances: 1})
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			noted := p.load(t, ctx, 8)
			fall(first)
			soon(t, tellsWithin, "known that the database is away", func() bool { _, err := p.note(ctx); return errors.Is(err, store.ErrAway) })
			second.Promote()
			soon(t, promotedWithin, "written again", func() bool { _, err := p.note(ctx); return err == nil })
			stop()
			acknowledged := noted()
			if n := notes(t, second.URL("cartracker")); n < acknowledged {
				t.Errorf("%d writes were acknowledged, and %d are there", acknowledged, n)
			}
		})
	}
}

// either returns an address that leads to the primary of two servers.
func either(first, second *pgtest.Server) string {
	return strings.Replace(first.URL("cartracker"), first.Addr(), first.Addr()+","+second.Addr(), 1) + "&target_session_attrs=read-write"
}

// A primary that takes no writes any more, while its connections go on.
func TestFaultDemoted(t *testing.T) {
	first := pgtest.New(t)
	second := first.Replica()
	several := either(first, second)
	for _, url := range []string{first.URL("cartracker"), several} {
		t.Run(fmt.Sprintf("%d addresses", 1+strings.Count(url, ",")), func(t *testing.T) {
			p := feel(t, postgres.Config{URL: url, PoolSize: 4, PoolMax: 4, Instances: 1})
			if _, err := p.note(t.Context()); err != nil {
				t.Fatal(err)
			}
			change(t, first, "ALTER SYSTEM SET default_transaction_read_only = on")
			soon(t, tellsWithin, "refused", func() bool { _, err := p.note(t.Context()); return errors.Is(err, store.ErrAway) })
			if url == several {
				second.Promote()
			} else {
				change(t, first, "ALTER SYSTEM RESET default_transaction_read_only")
			}
			soon(t, worksWithin, "written again", func() bool { _, err := p.note(t.Context()); return err == nil })
		})
	}
}

// change changes a setting of a server while it runs.
func change(t *testing.T, s *pgtest.Server, statement string) {
	t.Helper()
	raw, err := sql.Open("pgx", s.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for _, q := range []string{statement, "SELECT pg_reload_conf()"} {
		if _, err := raw.ExecContext(t.Context(), q); err != nil {
			t.Fatal(fmt.Errorf("%s: %w", q, err))
		}
	}
}
