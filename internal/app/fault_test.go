package app_test

import (
	"database/sql"
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
)

const clerks = 8

// needFaults skips a test that takes long or needs much.
func needFaults(t *testing.T) {
	t.Helper()
	if os.Getenv("TEST_FAULTS") == "" {
		t.Skip("TEST_FAULTS is not set; see make test-faults")
	}
}

func TestKilledWhileWriting(t *testing.T) {
	t.Parallel()
	apptest.EachSite(t, func(t *testing.T, s *apptest.Site) { killed(t, s, 3) })
}

func TestFaultKilledWhileWriting(t *testing.T) {
	needFaults(t)
	t.Run("SQLite", func(t *testing.T) {
		killed(t, apptest.NewSite(t, t.TempDir(), ""), 20)
	})
	t.Run("PostgreSQL", func(t *testing.T) { // on a server whose commits wait for the disk
		killed(t, apptest.NewSite(t, t.TempDir(), apptest.NewPostgres(t).URL), 20)
	})
}

// killed kills the program again and again while it writes, and checks each
// time that nothing that was acknowledged is lost.
func killed(t *testing.T, s *apptest.Site, cycles int) {
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	boss := p.Nobody.SignIn("amra")
	k := apptest.NewClerks(boss)
	for range cycles {
		k.Write(t, boss, clerks, 20+rand.IntN(60), p.Kill)
		p = s.Serve(t)
		boss = p.As(boss)
		checkStored(t, s, k, boss)
	}
	t.Logf("%d records survived %d kills", k.Acknowledged(), cycles)
	if code := p.Terminate(t)(); code != 0 {
		t.Errorf("the program ended with %d:\n%s", code, p.Output())
	}
}

// checkStored checks that nothing is lost, half-done or done twice.
func checkStored(t *testing.T, s *apptest.Site, k *apptest.Clerks, boss *apptest.Client) {
	t.Helper()
	k.Failures()
	s.Look(t, func(raw *sql.DB) {
		t.Helper()
		k.Stored(t, raw)
		apptest.CheckDatabase(t, raw)
		apptest.CheckBooks(t, raw, apptest.Day(time.Now(), 0))
		k.Resume(t, boss, raw)
	})
	if t.Failed() {
		t.FailNow()
	}
}

// The server is killed under the program, which says so until it is back.
func TestFaultPostgresKilled(t *testing.T) {
	needFaults(t)
	const cycles = 10
	server := apptest.NewPostgres(t)
	s := apptest.NewSite(t, t.TempDir(), server.URL)
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	boss := p.Nobody.SignIn("amra")
	k := apptest.NewClerks(boss)
	for range cycles {
		k.Write(t, boss, clerks, 20+rand.IntN(60), func() { server.Kill(t) })
		for _, err := range k.Failures() {
			checkAway(t, err)
		}
		for _, path := range []string{"/api/cars", "/api/contracts", "/api/contracts/revenue/total", "/api/cars/calendar?from=2026-01-01&to=2026-02-01"} {
			checkAway(t, apptest.Refused{Response: boss.Do("GET", path, nil)})
		}
		checkAway(t, apptest.Refused{Response: p.Nobody.Do("POST", "/api/auth/login", apptest.JSON{"username": "amra", "password": apptest.Password})})
		checkAway(t, apptest.Refused{Response: p.Nobody.Do("POST", "/api/auth/refresh", nil, "Cookie: refreshToken="+boss.Cookie)})
		apptest.Until(t, "the news that the database is down", func() bool {
			res := p.Nobody.Do("GET", "/health", nil)
			return res.Status == http.StatusOK && res.Text("database") == "down"
		})
		if res := p.Nobody.Do("GET", "/health/ready", nil); res.Status != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
			t.Errorf("without a database the program is ready: %s", res)
		}

		server.Start(t)
		apptest.Until(t, "the program's recovery", func() bool { return boss.Do("GET", "/api/cars", nil).Status == http.StatusOK })
		apptest.Until(t, "the news that it is ready", func() bool { return p.Nobody.Do("GET", "/health/ready", nil).Status == http.StatusOK })
		checkStored(t, s, k, boss)
	}
	t.Logf("%d records survived %d kills of the server", k.Acknowledged(), cycles)
	if code := p.Terminate(t)(); code != 0 {
		t.Errorf("the program ended with %d:\n%s", code, p.Output())
	}
}

// checkAway checks that a caller was told that the database is away, and when to come back.
func checkAway(t *testing.T, err error) {
	t.Helper()
	res, answered := errors.AsType[apptest.Refused](err)
	known := answered && slices.Contains([]string{"database_away", "overloaded"}, res.Text("code")) // the second while others still wait for an answer
	if !known || res.Status != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" {
		t.Errorf("while the database is away: %v", err)
	}
}
