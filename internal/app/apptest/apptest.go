// Package apptest serves the whole program for a test, over each database.
package apptest

import (
	"context"
	"log/slog"
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
	"cartracker/internal/record"
	"cartracker/internal/store/testdb"
)

// Password is that of every user of a company.
const Password = "desk-lamp-Vrbas-77"

// Start is the time at which every company begins: noon in Sarajevo on 1 July 2026.
var Start = time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)

// A Company is the program, served over a database of its own, with a user of each role.
type Company struct {
	*app.Office
	URL      string
	Database testdb.Database
	Clock    *Clock
	Log      *Log

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
	slog.SetDefault(observe.NewLogger(&shared, "text", new(slog.LevelVar)))
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
		test(t, New(t, testdb.EmptyPostgres(t), settings...))
	})
}

// New serves a company over d. Settings change the configuration before.
func New(t testing.TB, d testdb.Database, settings ...func(*config.Config)) *Company {
	t.Helper()
	c := &config.Config{DataDir: t.TempDir(), DatabaseURL: config.NewSecret(d.URL), AccessTokenSecret: config.NewSecret(strings.Repeat("s", 32))}
	for _, set := range settings {
		set(c)
	}
	if err := c.Load(os.LookupEnv); err != nil {
		t.Fatal(err)
	}
	company := &Company{Database: d, Clock: &Clock{now: Start}, Log: &shared}
	company.Office = app.NewOffice(d.Migrated(t), c, []byte(c.AccessTokenSecret.Reveal()), "test", company.Clock.Now)
	began := company.Clock.Now()
	srv := httptest.NewServer(company.Handler(func() httpapi.Health {
		now := company.Clock.Now()
		return httpapi.Health{Timestamp: date.At(now), Uptime: now.Sub(began).Seconds(), Version: "test", Database: "connected", Redis: "embedded"}
	}))
	t.Cleanup(srv.Close)
	company.URL = srv.URL
	company.Nobody = At(t, srv.URL)
	company.Admin = company.SignUp(t, "amra", record.Admin)
	company.Employee = company.SignUp(t, "emir", record.Employee)
	company.User = company.SignUp(t, "uma", record.User)
	return company
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
