// Package apptest serves the whole program for a test, over each database.
package apptest

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app"
	"cartracker/internal/config"
	"cartracker/internal/date"
	"cartracker/internal/httpapi"
	"cartracker/internal/identity"
	"cartracker/internal/observe"
	"cartracker/internal/overload"
	"cartracker/internal/part"
	"cartracker/internal/record"
	"cartracker/internal/redis"
	"cartracker/internal/secret"
	"cartracker/internal/store/testdb"
)

// Password is that of every user of a company.
const Password = "desk-lamp-Vrbas-77"

// plenty is more than any test asks for at the same time.
const plenty = 10_000

// Start is the time at which every company begins: noon in Sarajevo on 1 July 2026.
var Start = time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)

// A Company is the program, served over a database of its own, with a user of each role.
type Company struct {
	*app.Office
	URL      string
	Database testdb.Database
	Clock    *Clock
	Log      *Log
	Served   http.Handler // what the URL serves
	StopFeed func()       // lets the program no longer know what changes

	Nobody, User, Employee, Admin *Client
}

// A Clock is the time of a company. It stands still until it is moved.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Move moves the time on.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A Log keeps what the program logged.
type Log struct {
	mu  sync.Mutex
	all strings.Builder
}

func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

// String returns all of it.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

var shared Log

// Main runs the tests of a package with the program's log kept for them.
func Main(m *testing.M) int {
	slog.SetDefault(observe.NewLogger(&shared, "text", new(slog.LevelVar), nil))
	code := m.Run()
	for _, p := range []*program{&served, &ran} {
		if p.dir != "" {
			_ = os.RemoveAll(p.dir)
		}
	}
	return code
}

// Each runs a test against a company on SQLite and one on PostgreSQL.
func Each(t *testing.T, test func(*testing.T, *Company), settings ...func(*config.Config)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, New(t, testdb.EmptySQLite(t), settings...))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, New(t, testdb.MigratedPostgres(t), settings...))
	})
}

// EachUnlessRaced is Each for a test that takes a minute with the race detector:
// with it, it runs on SQLite only. `make test-faults` runs it on both, without.
func EachUnlessRaced(t *testing.T, test func(*testing.T, *Company), settings ...func(*config.Config)) {
	if !Raced() {
		Each(t, test, settings...)
		return
	}
	test(t, New(t, testdb.EmptySQLite(t), settings...))
}

// New serves a company over d. Settings change the configuration before.
func New(t testing.TB, d testdb.Database, settings ...func(*config.Config)) *Company {
	t.Helper()
	c := serve(t, d, &Clock{now: Start}, settings)
	c.Admin = c.SignUp(t, "amra", record.Admin)
	c.Employee = c.SignUp(t, "emir", record.Employee)
	c.User = c.SignUp(t, "uma", record.User)
	return c
}

// Beside serves the same company by another instance of the program, which
// knows the same people.
func (c *Company) Beside(t testing.TB, settings ...func(*config.Config)) *Company {
	t.Helper()
	other := serve(t, c.Database, c.Clock, settings)
	there := func(known *Client) *Client {
		out := *other.Nobody
		out.ID, out.Token, out.Cookie = known.ID, known.Token, known.Cookie
		return &out
	}
	other.Admin, other.Employee, other.User = there(c.Admin), there(c.Employee), there(c.User)
	return other
}

// serve serves what is in d, until the test ends.
func serve(t testing.TB, d testdb.Database, clock *Clock, settings []func(*config.Config)) *Company {
	t.Helper()
	c := &config.Config{
		DataDir: t.TempDir(), DatabaseURL: config.NewSecret(d.URL), AccessTokenSecret: config.NewSecret(strings.Repeat("s", 32)),
		RateLimitAPI: "off", RateLimitAuth: "off", RateLimitRead: "off", RateLimitWrite: "off", // tests ask more than clients do
	}
	for _, set := range settings {
		set(c)
	}
	if err := c.Load(os.LookupEnv); err != nil {
		t.Fatal(err)
	}
	company := &Company{Database: d, Clock: clock, Log: &shared}
	link := connect(t, c)
	office, err := app.NewOffice(d.Migrated(t), link, c, []byte(c.AccessTokenSecret.Reveal()), "test", clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	company.Office = office
	if err := company.Replicate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	company.Activity.Every = time.Hour // tests that want it written say so, the others compare what the database holds
	company.Identity.Hasher = known{company.Identity.Hasher}
	if c.Places == 0 { // tests send hundreds at the same time, and want to know what becomes of each
		company.API.Gate = overload.New(overload.Room{Reads: plenty, All: plenty, Queue: plenty, Wait: time.Minute})
		company.DB.Guard(company.API.Gate.Pass)
	}
	t.Cleanup(company.API.Cache.Close)
	company.run(t)
	began := clock.Now()
	company.Served = company.Handler(func() httpapi.Health {
		now := clock.Now()
		return httpapi.Health{Timestamp: date.At(now), Uptime: now.Sub(began).Seconds(), Version: "test", Database: "connected", Redis: "embedded"}
	})
	srv := httptest.NewServer(company.Served)
	t.Cleanup(srv.Close)
	t.Cleanup(company.Realtime.Close) // or the server would wait for polls
	company.URL = srv.URL
	company.Nobody = At(t, srv.URL)
	return company
}

// connect opens the line to Redis, if the settings name one.
func connect(t testing.TB, c *config.Config) *redis.Link {
	t.Helper()
	if !c.Redis.IsSet() {
		return nil
	}
	link, err := redis.Open(t.Context(), c.Redis.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(link.Close)
	return link
}

// run runs what the program runs beside serving, until the test ends, and
// returns once it knows of changes.
func (c *Company) run(t testing.TB) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var all sync.WaitGroup
	for _, p := range append(c.Parts(), part.Part{Name: "sockets", Run: c.Realtime.Run}) {
		all.Go(func() {
			if err := p.Run(ctx); err != nil {
				t.Errorf("a part of the program ended: %s: %v", p.Name, err)
			}
		})
	}
	c.StopFeed = func() {
		stop()
		all.Wait()
	}
	t.Cleanup(c.StopFeed)
	select {
	case <-c.Feed.Ready():
	case <-time.After(startTimeout):
		t.Fatal("the feed of changes is not followed")
	}
}

// known hashes as the program does, but Password only once for all companies:
// tests sign in a thousand times. The package secret and the tests of processes
// hash it each time.
type known struct{ identity.Hasher }

var passwordHash = sync.OnceValues(func() (string, error) {
	return secret.NewHasher().Hash(context.Background(), Password)
})

func (k known) Hash(ctx context.Context, password string) (string, error) {
	if password == Password {
		return passwordHash()
	}
	return k.Hasher.Hash(ctx, password)
}

func (k known) Verify(ctx context.Context, hash, password string) (ok, outdated bool, err error) {
	if once, err := passwordHash(); err == nil && hash == once && password == Password {
		return true, false, nil
	}
	return k.Hasher.Verify(ctx, hash, password)
}

// SignUp makes a user of this name and role, and signs them in.
func (c *Company) SignUp(t testing.TB, name string, role record.Role) *Client {
	t.Helper()
	operator := record.As(context.Background(), record.Caller{Person: record.Person{Username: "cli:test", Role: record.Admin}})
	u, err := c.Identity.Add(operator, func(d *identity.Draft) error {
		d.Username, d.Email, d.Role, d.Password = name, name+"@example.com", role, identity.NewPassword(Password)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	client := c.Nobody.SignIn(name)
	client.ID = u.ID
	return client
}
