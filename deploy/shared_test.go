package deploy_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
)

// Of 200 who rent one car at the same moment, at both instances, one gets it.
func TestOneOf200RentsTheCar(t *testing.T) {
	t.Parallel()
	const callers = 200
	rounds := 5
	if apptest.Raced() { // make test-faults plays all of them
		rounds = 2
	}
	settings := append(withRedis(t), "DB_POOL_SIZE=30", "DB_POOL_MAX=30", "DB_PLACES=30") // so that fewer have to come again
	p := beginPair(t, settings, "limit_conn cartracker_calls 100;", "limit_conn cartracker_calls 1000;")
	car := p.boss.Make("/api/cars", apptest.Car("A12-K-345"))
	customer := p.boss.Make("/api/customers", apptest.Customer("1234567"))
	day := func(n int) string { return apptest.Day(time.Now(), n) }
	for round := range rounds {
		began := 10 + 9*round // a round takes up to eight days, all of its callers the fourth
		var mu sync.Mutex
		count := map[int]int{}
		apptest.Together(callers, func(i int) {
			res := p.boss.Insist("POST", "/api/contracts", apptest.Contract(car, customer, day(began+i%4), day(began+4+i%5)))
			mu.Lock()
			defer mu.Unlock()
			count[res.Status]++
			if res.Status == http.StatusConflict && res.Text("code") != "car_taken" || res.Status >= 500 {
				t.Errorf("round %d: %s", round, res)
			}
		})
		if count[http.StatusCreated] != 1 || count[http.StatusConflict] != callers-1 {
			t.Fatalf("round %d was answered %v, want one 201 and %d times 409", round, count, callers-1)
		}
	}
	p.place.Look(t, func(raw *sql.DB) { apptest.CheckBooks(t, raw, day(0)) })
	if n := p.numbers(t, "SELECT COUNT(*) FROM contracts")[0]; n != int64(rounds) {
		t.Errorf("there are %d contracts after %d rounds", n, rounds)
	}
	for i := range 2 {
		log := p.logged(t, `"POST /api/contracts" (201|409)`, rounds*callers)
		if n := strings.Count(log, `"`+addr(p.at(i))+`" "409"`); n < rounds*callers/4 {
			t.Errorf("instance %d refused %d of %d", i, n, rounds*callers)
		}
	}
}

// What two instances share, with Redis and without: limits, keys, sessions, and
// what is kept of records.
func TestShared(t *testing.T) {
	t.Parallel()
	for name, redis := range map[string]bool{"with Redis": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := []string{"RATE_LIMIT_API=9/15m", "RATE_LIMIT_AUTH=5/15m", "RATE_LIMIT_READ=8/15m", "RATE_LIMIT_WRITE=7/15m", "RATE_LIMIT_STAFF_FACTOR=10000"}
			if redis {
				settings = append(settings, withRedis(t)...)
			}
			p := beginPair(t, settings)
			t.Run("limits", func(t *testing.T) { p.limits(t, redis) })
			t.Run("keys", p.keys)
			t.Run("sessions", p.sessions)
			t.Run("records", p.records)
		})
	}
}

// limits says that the n+1st request is refused by whichever instance is asked,
// if they share a Redis; else each counts by itself.
func (p *pair) limits(t *testing.T, redis bool) {
	uma := p.clerk(t, "uma", "user")
	stranger, guesser := "X-Forwarded-For: 203.0.113.1", "X-Forwarded-For: 203.0.113.2"
	for what, l := range map[string]struct {
		limit int
		ask   func(at *apptest.Client) apptest.Response
	}{
		"api":  {9, func(at *apptest.Client) apptest.Response { return at.Do("GET", "/api/cars", nil, stranger) }},
		"read": {8, func(at *apptest.Client) apptest.Response { return at.With(uma).Do("GET", "/api/cars", nil) }},
		"write": {7, func(at *apptest.Client) apptest.Response {
			return at.With(uma).Do("PATCH", "/api/users/me", apptest.JSON{})
		}},
		"auth": {5, func(at *apptest.Client) apptest.Response {
			return at.Do("POST", "/api/auth/login", apptest.JSON{"username": "nobody", "password": "wrong"}, guesser)
		}},
	} {
		most := l.limit
		if !redis {
			most *= 2
		}
		for i := range most {
			if res := l.ask(p.at(i).Nobody); res.Status == 429 {
				t.Errorf("%s: request %d is refused: %s", what, i+1, res)
			}
		}
		byNginx := apptest.At(t, p.nginx.URL())
		for _, at := range []*apptest.Client{p.one.Nobody, p.two.Nobody, byNginx, byNginx} {
			if res := l.ask(at); res.Status != 429 || res.Header.Get("Retry-After") == "" {
				t.Errorf("%s: request %d is not refused by %s: %s", what, most+1, at.URL(), res)
			}
		}
	}
}

// clerk makes a user of a role and signs them in, by nginx.
func (p *pair) clerk(t *testing.T, name, role string) *apptest.Client {
	t.Helper()
	p.boss.Make("/api/users", apptest.JSON{"username": name, "email": name + "@example.com", "password": apptest.Password, "role": role})
	return apptest.At(t, p.nginx.URL()).SignIn(name)
}

// keys says that what is sent to both instances under one key is done once, and
// has one answer.
func (p *pair) keys(t *testing.T) {
	const callers = 20
	car := p.boss.Make("/api/cars", apptest.Car("K00-K-345"))
	customer := p.boss.Make("/api/customers", apptest.Customer("keys"))
	day := func(n int) string { return apptest.Day(time.Now(), n) }
	for path, body := range map[string]apptest.JSON{
		"/api/cars": apptest.Car("K01-K-345"), "/api/customers": apptest.Customer("once"),
		"/api/contracts":     apptest.Contract(car, customer, day(3), day(5)),
		"/api/notifications": {"role": "employee", "message": "the keys are in the drawer"},
	} {
		key := "Idempotency-Key: desk" + strings.ReplaceAll(path, "/", "-")
		answers := make([]apptest.Response, callers)
		apptest.Together(callers, func(i int) { answers[i] = p.at(i).As(p.boss).Insist("POST", path, body, key) })
		for i := range 4 { // one after the other
			answers = append(answers, p.at(i).As(p.boss).Do("POST", path, body, key))
		}
		made := 0
		for i, res := range answers {
			if res.Header.Get("Idempotency-Replayed") == "" {
				made++
			}
			if res.Status != http.StatusCreated || !bytes.Equal(res.Body, answers[0].Body) {
				t.Errorf("%s: caller %d was answered %s, the first %s", path, i, res, answers[0])
			}
		}
		if made != 1 {
			t.Errorf("%s was done %d times", path, made)
		}
		for i := range 2 {
			if res := p.at(i).As(p.boss).Do("POST", path, apptest.JSON{"another": true}, key); res.Status != http.StatusUnprocessableEntity {
				t.Errorf("%s: another body under the same key is answered %s", path, res)
			}
		}
	}
	if n := p.numbers(t, "SELECT COUNT(*) FROM contracts WHERE customer_id = $1", customer)[0]; n != 1 {
		t.Errorf("there are %d contracts", n)
	}
}

// revoked is within which a session that is ended at one instance is dead at the other.
const revoked = 5 * time.Second

// sessions says that who is signed out at one instance can do nothing at the
// other any more, by request or by socket.
func (p *pair) sessions(t *testing.T) {
	ways := map[string]func(u *apptest.Client) apptest.Response{
		"everywhere": func(u *apptest.Client) apptest.Response {
			return u.Do("POST", "/api/auth/logout", apptest.JSON{"everywhere": true})
		},
		"deactivation": func(u *apptest.Client) apptest.Response {
			return p.one.As(p.boss).Do("PATCH", "/api/users/"+string(u.ID), apptest.JSON{"active": false})
		},
		"password": func(u *apptest.Client) apptest.Response {
			return u.Do("PUT", "/api/users/"+string(u.ID)+"/password", apptest.JSON{"currentPassword": apptest.Password, "newPassword": "another-Lamp-Neretva-5"})
		},
	}
	for name, end := range ways {
		u := p.clerk(t, name, "employee")
		there := p.two.As(u)
		if res := there.Do("GET", "/api/customers", nil); res.Status != http.StatusOK {
			t.Fatalf("%s: before, %s", name, res)
		}
		socket := there.Connect()
		if res := end(p.one.As(u)); res.Status != http.StatusOK {
			t.Fatalf("%s: %s", name, res)
		}
		began := time.Now()
		for there.Do("GET", "/api/customers", nil).Status != http.StatusUnauthorized {
			if time.Since(began) > revoked {
				t.Fatalf("%s: still answered after %s", name, time.Since(began))
			}
		}
		took := time.Since(began)
		byPacket, _ := socket.Ends(revoked - took)
		if !byPacket {
			t.Errorf("%s: a socket goes on after %s", name, time.Since(began))
		}
		t.Logf("%s, %s: requests were refused %s after the answer, the socket was ended within %s", t.Name(), name, took, time.Since(began))
	}
}

// fresh is within which nobody is told by one instance what another has changed.
const fresh = 2 * time.Second

// records says that what one instance has written is soon answered by the other,
// and its old version neither from what is kept nor as not changed.
func (p *pair) records(t *testing.T) {
	car := p.boss.Make("/api/cars", apptest.Car("R00-K-345"))
	paths := []string{"/api/cars/" + car, "/api/cars?q=R00K345"}
	var took []time.Duration
	old := 0 // first answers that were from before
	for km := 1; km <= 20; km++ {
		here, there := p.at(km).As(p.boss), p.at(km+1).As(p.boss)
		tags := map[string]string{}
		for _, path := range paths {
			tags[path] = there.Do("GET", path, nil).Header.Get("ETag") // kept from now on
		}
		if res := here.Do("PATCH", "/api/cars/"+car+"/mileage", apptest.JSON{"mileage": km}); res.Status != http.StatusOK {
			t.Fatal(res)
		}
		began := time.Now()
		for _, path := range paths {
			res := there.Do("GET", path, nil, "If-None-Match: "+tags[path])
			if res.Status == http.StatusNotModified {
				old++
			}
			for ; res.Status == http.StatusNotModified; res = there.Do("GET", path, nil, "If-None-Match: "+tags[path]) {
				if time.Since(began) > fresh {
					t.Fatalf("%s: not changed, after %s", path, time.Since(began))
				}
			}
			if !strings.Contains(string(res.Body), fmt.Sprintf(`"mileage":%d,`, km)) {
				t.Errorf("%s: neither not changed nor with %d km: %s", path, km, res)
			}
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	t.Logf("%s: what one wrote the other answered after %s at the median, %s at most; %d of %d first answers were from before", t.Name(),
		took[len(took)/2], took[len(took)-1], old, 2*len(took))
}
