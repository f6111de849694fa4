package app_test

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cartracker/internal/app"
	"cartracker/internal/app/apptest"
	"cartracker/internal/cli"
	"cartracker/internal/config"
	"cartracker/internal/machinetest"
	"cartracker/internal/record"
	"cartracker/internal/store/pgtest"
)

var (
	tellsWithin = machinetest.Timely(2 * time.Second) // that the database is away
	worksWithin = machinetest.Timely(3 * time.Second) // once it is back
)

// An outage is a way in which a server goes away, and comes back.
type outage struct{ end, begin func() }

// outages are those of a server that is reached over a wire.
func outages(s *pgtest.Server, w *pgtest.Wire) map[string]outage {
	return map[string]outage{
		"restarted": {s.Stop, s.Start}, "killed": {s.Kill, s.Start}, "hung": {s.Hang, s.Resume}, "cut off": {w.Cut, w.Mend},
	}
}

// PostgreSQL goes away in each way, again and again, while clerks write.
func TestFaultPostgresAway(t *testing.T) {
	needFaults(t)
	const cycles = 3
	s := pgtest.New(t)
	w := s.Wire()
	survive(t, s, w, func(b *branch) {
		for range cycles {
			for name, o := range outages(s, w) {
				b.suffer(t, name, o)
			}
		}
	})
}

// The same once, with a server that hangs, which nothing but the pulse notices.
func TestPostgresHangs(t *testing.T) {
	s := pgtest.New(t)
	survive(t, s, s.Wire(), func(b *branch) { b.suffer(t, "hung", outage{s.Hang, s.Resume}) })
}

const poolMax = 16

// connections are those to the database, past the one that counts them.
const connections = "pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"

// A branch is the real program, served in this process.
type branch struct {
	nobody, boss *apptest.Client
	clerks       *apptest.Clerks
	site         *apptest.Site
	wave         int // how many ask at the same time
}

// survive serves the program over a server that is reached by a wire. After do,
// it looks for what was lost, and what the program leaves running. Its tests
// are not parallel: they count the goroutines of the process.
func survive(t *testing.T, s *pgtest.Server, w *pgtest.Wire, do func(*branch)) {
	t.Helper()
	before := goleak.IgnoreCurrent()
	site := apptest.NewSite(t, t.TempDir(), s.URL("cartracker"))
	b := &branch{site: site, wave: 100}
	nobody, stop := serveHere(t, w.URL("cartracker"))
	b.nobody = nobody
	site.AddUser(t, "amra", record.Admin)
	b.boss = nobody.SignIn("amra")
	b.clerks = apptest.NewClerks(b.boss)
	do(b)
	stop()
	ours := goleak.IgnoreAnyFunction("cartracker/internal/store/pgtest.(*Server).launch.func1")
	proxys := goleak.IgnoreTopFunction("github.com/Shopify/toxiproxy/v2.(*Proxy).freeBlocker") // ends when it likes
	if err := goleak.Find(before, ours, proxys); err != nil {
		t.Error(err)
	}
	site.Look(t, func(raw *sql.DB) {
		apptest.Until(t, "the end of the program's connections", func() bool { return rows(t, raw, connections) == 0 })
	})
	t.Logf("%d records survived", b.clerks.Acknowledged())
}

// serveHere runs the real program in this process. It is stopped by stop.
func serveHere(t *testing.T, url string) (nobody *apptest.Client, stop func()) {
	t.Helper()
	c := &config.Config{
		DataDir: t.TempDir(), DatabaseURL: config.NewSecret(url), AccessTokenSecret: config.NewSecret(strings.Repeat("s", 32)), Port: "0",
		AccessTokenDuration: "24h", DBPoolMin: "2", DBPoolSize: "8", DBPoolMax: strconv.Itoa(poolMax),
		RateLimitAPI: "off", RateLimitAuth: "off", RateLimitRead: "off", RateLimitWrite: "off",
	}
	if err := c.Load(os.LookupEnv); err != nil {
		t.Fatal(err)
	}
	old := slog.Default() // which the program replaces
	ctx, cancel := context.WithCancel(context.Background())
	ended, ready := make(chan error, 1), make(chan string, 1)
	go func() {
		ended <- app.Program{Version: "test"}.Serve(ctx, c, cli.Terminal{Out: io.Discard, Err: io.Discard}, func(addr string) { ready <- addr })
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		nobody.Leave()
		if err := <-ended; err != nil {
			t.Errorf("the program ended with %v", err)
		}
		slog.SetDefault(old)
	})
	t.Cleanup(stop)
	select {
	case addr := <-ready:
		nobody = apptest.At(t, "http://"+addr)
	case err := <-ended:
		ended <- err
		t.Fatalf("the program did not start: %v", err)
	}
	return nobody, stop
}

// suffer lets the server go away while clerks write, and come back.
func (b *branch) suffer(t *testing.T, name string, o outage) {
	t.Helper()
	var gone time.Time
	b.clerks.Write(t, b.boss, clerks, 30, func() {
		o.end()
		gone = time.Now()
	})
	told := time.Since(gone)
	if told > tellsWithin {
		t.Errorf("%s: the last write was answered %s after the server was gone", name, told)
	}
	for _, err := range b.clerks.Failures() {
		checkAway(t, err)
	}
	apptest.Until(t, "the news that the database is away", func() bool {
		return b.nobody.Do("GET", "/health/ready", nil).Status == http.StatusServiceUnavailable
	})
	news := time.Since(gone)
	if news > tellsWithin {
		t.Errorf("%s: the program is not ready only %s after the server was gone", name, news)
	}
	b.ask(t, name)
	many := runtime.NumGoroutine()
	b.ask(t, name)
	if more := runtime.NumGoroutine() - many; more > b.wave { // a connection of a client has two
		t.Errorf("%s: %d requests left %d goroutines", name, b.wave, more)
	}

	o.begin()
	began := time.Now()
	apptest.Until(t, "the program's recovery", func() bool {
		return b.boss.Do("PATCH", "/api/users/me", apptest.JSON{"name": name}).Status == http.StatusOK
	})
	if back := time.Since(began); back > worksWithin {
		t.Errorf("%s: the program works %s after the server is back", name, back)
	} else {
		t.Logf("%s: told after %s, not ready after %s, works again after %s", name, told, news, back)
	}
	apptest.Until(t, "the news that it is ready", func() bool { return b.nobody.Do("GET", "/health/ready", nil).Status == http.StatusOK })
	b.site.Look(t, func(raw *sql.DB) {
		raw.SetMaxOpenConns(1)
		apptest.Until(t, "the end of connections beyond the pool, the feed and the pulse", func() bool { return rows(t, raw, connections) <= poolMax+2 })
		b.clerks.Stored(t, raw)
		apptest.CheckDatabase(t, raw)
		apptest.CheckBooks(t, raw, apptest.Day(time.Now(), 0))
		b.clerks.Resume(t, b.boss, raw)
	})
}

// ask sends writes and reads at the same time while the server is away.
func (b *branch) ask(t *testing.T, name string) {
	t.Helper()
	calls := []struct {
		method, path string
		body         any
	}{
		{"POST", "/api/customers", apptest.Customer("9999999")},
		{"GET", "/api/contracts/revenue/total", nil},
		{"POST", "/api/auth/refresh", nil},
		{"PATCH", "/api/users/me", apptest.JSON{"name": "nobody"}},
	}
	apptest.Together(b.wave, func(i int) {
		c := calls[i%len(calls)]
		began := time.Now()
		res, err := b.boss.Try(c.method, c.path, c.body, "Cookie: refreshToken="+b.boss.Cookie)
		if took := time.Since(began); err != nil || took > tellsWithin {
			t.Errorf("%s: %s %s was answered after %s: %v", name, c.method, c.path, took, err)
			return
		}
		checkAway(t, apptest.Refused{Response: res})
	})
}
