package deploy_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
	"cartracker/internal/socketio/nodetest"
)

const (
	gaveUp   = 3 * time.Second // nginx, in place of 65 s
	revoking = 5 * time.Second // the longest that a session lives on after it was revoked
)

// An instance that is frozen does nothing and refuses nothing. nginx waits for its
// answers in vain, and then asks the other one where it may. When it goes on it
// knows nothing of the time between, and damages nothing.
func TestFaultFrozenInstance(t *testing.T) {
	needFaults(t)
	node := nodetest.Start(t)
	s := begin(t, "proxy_read_timeout 65s;", "proxy_read_timeout 3s;")
	s.place.AddUser(t, "emir", record.Employee)
	emir := s.boss.SignIn("emir")
	socket := node.Connect(s.nginx.URL(), nodetest.Options{Auth: apptest.JSON{"token": s.boss.Token}})
	socket.Connected()
	socket.Ask("subscribe", apptest.JSON{"topic": "cars"})
	frozen, other := s.ofSocket(t)
	*other = s.restart(t, *other) // whoever leads the jobs hands that over at a stop: to the one that will be frozen
	leader := s.leader(t, "")
	_, rate := scale(1)
	f := flowing(t, s, rate/3)

	from := s.freeze(t, *frozen)
	if res := (*other).As(emir).Do("POST", "/api/auth/logout", nil, "Cookie: refreshToken="+emir.Cookie); res.Status != 200 {
		t.Fatalf("the sign-out meanwhile: %s", res)
	}
	missed := (*other).As(s.boss).Make("/api/cars", apptest.Car("Z12-K-345"))
	f.beside++
	next := s.leader(t, leader)
	(*frozen).Continue(t)
	to := time.Now()

	known := *(*frozen).As(emir)
	apptest.Until(t, "the end of the session", func() bool { return known.Do("GET", "/api/cars?limit=1", nil).Status == 401 })
	revoked := time.Since(to)
	if revoked > revoking {
		t.Errorf("a session that was revoked lived on for %s", revoked)
	}
	for e := socket.Expect("changed"); !strings.Contains(fmt.Sprint(e), missed); {
		e = socket.Expect("changed")
	}
	told := time.Since(to)
	f.more(t, 2*rate)
	f.stop()
	waited, failed := f.during(from, to)
	for _, c := range f.failed() {
		if c.method == "GET" || c.due.After(to) || !s.only(c, addr(*frozen), "504") {
			t.Errorf("failed: %s", c)
		}
	}
	if part := len(f.all) / 10; waited > part {
		t.Errorf("%d requests waited for the frozen one", waited)
	}
	f.checkKept(t, s)
	s.checkLocks(t)
	if again := s.leader(t, ""); again != next {
		t.Errorf("%s leads the jobs, and not %s", again, next)
	}
	t.Logf("frozen for %s, %d requests/s: %d waited %s for the frozen one, of which %d POSTs failed; %s; afterwards a session revoked meanwhile ended after %s, a socket was told what it had missed after %s",
		to.Sub(from).Round(time.Second), rate/3, waited, gaveUp, failed, times(f.all), revoked.Round(time.Millisecond), told.Round(time.Millisecond))
}

// ofSocket returns the instance that knows the sockets of our address, and the other one.
func (s *site) ofSocket(t *testing.T) (theirs, other **apptest.Process) {
	t.Helper()
	log := s.logged(t, polled+`"127`, 1)
	if regexp.MustCompile(polled + `"` + regexp.QuoteMeta(addr(s.two))).MatchString(log) {
		return &s.two, &s.one
	}
	return &s.one, &s.two
}

func (s *site) restart(t *testing.T, p *apptest.Process) *apptest.Process {
	t.Helper()
	if code := p.Terminate(t)(); code != 0 {
		t.Errorf("ended with %d:\n%s", code, p.Output())
	}
	return s.again(t, p)
}

// freeze lets an instance do nothing any more, and returns when. If that was in
// the middle of a change it is let go and frozen anew: what it has locked holds up
// all other changes until the server ends its transaction after 30 s.
func (s *site) freeze(t *testing.T, p *apptest.Process) (at time.Time) {
	t.Helper()
	for {
		p.Stop(t)
		at = time.Now()
		open := 0
		s.place.Look(t, func(raw *sql.DB) {
			const query = `SELECT pg_sleep(0.2), (SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'idle in transaction'
				AND state_change < clock_timestamp() - interval '150 ms' AND datname = current_database())`
			var slept string
			if err := raw.QueryRow(query).Scan(&slept, &open); err != nil {
				t.Fatal(err)
			}
		})
		if open == 0 {
			return at
		}
		p.Continue(t)
	}
}

// leader waits until another than before leads the jobs, and returns its name.
func (s *site) leader(t *testing.T, before string) (now string) {
	t.Helper()
	apptest.Until(t, "the election of a leader", func() bool {
		s.place.Look(t, func(raw *sql.DB) {
			_ = raw.QueryRow("SELECT leader_id FROM river_leader WHERE expires_at > now()").Scan(&now) // there may be none for a while
		})
		return now != "" && now != before
	})
	return now
}

// during returns how many requests of a time had to wait for an answer in vain,
// and how many of these failed.
func (f *traffic) during(from, to time.Time) (waited, failed int) {
	for _, c := range f.all {
		if c.over.After(from) && c.due.Before(to) && c.took() >= gaveUp-gaveUp/10 {
			waited++
			if !c.well() {
				failed++
			}
		}
	}
	return waited, failed
}

// checkLocks checks that nobody holds a lock that outlives a transaction, or a transaction.
func (s *site) checkLocks(t *testing.T) {
	t.Helper()
	s.place.Look(t, func(raw *sql.DB) {
		for what, query := range map[string]string{
			"advisory locks":    "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
			"open transactions": "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start < clock_timestamp() - interval '2 s'",
		} {
			n := 0
			if err := raw.QueryRow(query).Scan(&n); err != nil || n > 0 {
				t.Errorf("%d %s are left (%v)", n, what, err)
			}
		}
	})
}
