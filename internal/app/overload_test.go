package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/identity"
	"cartracker/internal/overload"
	"cartracker/internal/store/testdb"
)

// few lets only a few requests work on the database at the same time.
func few(c *config.Config) { c.DBPlaces = "4" }

// occupy takes all places that a class may have, until leave is called.
func occupy(t *testing.T, c *apptest.Company, class overload.Class) (leave func()) {
	t.Helper()
	r := c.API.Gate.Room()
	n := map[overload.Class]int{overload.Report: r.Reports, overload.Read: r.Reads, overload.Write: r.Writes, overload.SignIn: r.All}[class]
	var all []func()
	for range n {
		l, err := c.API.Gate.Enter(t.Context(), class)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	return func() {
		for _, l := range all {
			l()
		}
	}
}

// inUse is how many places are taken.
func inUse(c *apptest.Company) int {
	s := c.API.Gate.Stats()
	return s.Reports.InUse + s.Reads.InUse + s.Writes.InUse + s.SignIns.InUse
}

// overloaded fails unless a request was refused for want of a place.
func overloaded(t *testing.T, what string, res apptest.Response) {
	t.Helper()
	checkFailure(t, what, res, http.StatusServiceUnavailable)
	after := res.Header.Get("Retry-After")
	if res.Text("code") != "overloaded" || !slices.Contains([]string{"1", "2", "3"}, after) || res.Text("retryAfter") != after ||
		res.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s: %s %v", what, res, res.Header)
	}
}

// idle are the routes that never come to the database.
var idle = []string{
	"GET /health", "GET /health/ready", "GET /routes", "GET /openapi.json", "GET /openapi.yaml", "GET /docs", "GET /assets/{file}",
	"GET /api/cache/stats",
}

// While all places are taken, every route refuses but those that need none.
func TestNoPlaceForAnybody(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		before := w.state(t)
		leave := occupy(t, c, overload.SignIn)
		var all sync.WaitGroup
		for _, r := range c.API.Routes() {
			if r.Method == "DELETE" && r.Path == "/api/cache" {
				continue // forgets who asks
			}
			op := d.at(t, r.Method, r.Path)
			var body any
			kind := "Content-Type: application/json"
			switch {
			case op.takesFile():
				body, kind = "plate\nA1\n", "Content-Type: text/csv"
			case op.RequestBody != nil:
				body = fullJSON(w.body(t, r.Method, r.Path))
			}
			all.Go(func() {
				what := r.Method + " " + r.Path
				res := w.Admin.Do(r.Method, w.fill(r.Path)+query(op), body, "Cookie: refreshToken="+w.Admin.Cookie, kind)
				documented(t, d, r.Method, r.Path, res)
				switch {
				case slices.Contains(idle, what):
					if res.Status != 200 {
						t.Errorf("%s: %s", what, res)
					}
				case what == "POST /api/auth/register": // is closed
				default:
					overloaded(t, what, res)
				}
			})
		}
		all.Wait()
		if res := w.Admin.Do("DELETE", "/api/cache", nil); res.Status != 200 {
			t.Errorf("DELETE /api/cache: %s", res)
		}
		leave()
		w.unchanged(t, before, "refused requests")
		if res := w.Admin.Do("GET", "/api/users/me", nil); res.Status != 200 || inUse(c) != 0 {
			t.Errorf("afterwards: %s, %d places in use", res, inUse(c))
		}
		if strings.Contains(c.Log.String(), "code=overloaded err=\"overloaded: there is more") {
			t.Error("each refusal is a line in the log")
		}
	}, few)
}

// Reports have few places and lose them first; reads leave some for writes
// where these have their own.
func TestReportsAreRefusedFirst(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		if r := c.API.Gate.Room(); r.Reports != 1 || r.Reads != 4 {
			t.Fatalf("%+v", r)
		}
		leave := occupy(t, c, overload.Report)
		for _, path := range []string{"/api/contracts/revenue/total", "/api/audit-logs/statistics", "/api/audit-logs/export"} {
			overloaded(t, path, w.Admin.Do("GET", path, nil))
		}
		used := func(what string, res apptest.Response, status int) {
			t.Helper()
			if res.Status != status {
				t.Errorf("%s: %s", what, res)
			}
		}
		used("a read", w.Employee.Do("GET", "/api/contracts?limit=7", nil), 200)
		used("a write", w.Employee.Do("POST", "/api/customers", apptest.Customer("1")), 201)
		used("a sign-in", login(w.Nobody, "uma", apptest.Password), 200)
		leave()
		used("a report", w.Admin.Do("GET", "/api/contracts/revenue/total", nil), 200)

		defer occupy(t, c, overload.Read)()
		overloaded(t, "a read", w.Employee.Do("GET", "/api/contracts?limit=8", nil))
		if c.DB.Name() == "sqlite" {
			used("a write", w.Employee.Do("POST", "/api/customers", apptest.Customer("2")), 201)
			used("a sign-in", login(w.Nobody, "uma", apptest.Password), 200)
		}
	}, few)
}

// While more writes than there are places wait for a row that somebody else has
// locked, everybody else is served; and so are they once it is free.
func TestHeldWritesShutOutNobody(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.MigratedPostgres(t), few)
	w := newWorld(t, c)
	r := c.API.Gate.Room()
	var cars []string
	for i := range 2 * r.All {
		cars = append(cars, c.Admin.Make("/api/cars", apptest.Car(fmt.Sprintf("B%02d-K-345", i))))
	}
	held, err := w.raw.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Rollback() }()
	var last int
	if err := held.QueryRow("SELECT last FROM contract_numbers WHERE year = 2026 FOR UPDATE").Scan(&last); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for _, car := range cars {
		all.Go(func() {
			if res := c.Employee.Insist("POST", "/api/contracts", apptest.Contract(car, w.customer, "2026-09-01", "2026-09-02")); res.Status != 201 {
				t.Errorf("a contract: %s", res)
			}
		})
	}
	apptest.Until(t, "the writes wait", func() bool {
		s := c.API.Gate.Stats().Writes
		return s.InUse == r.Writes && s.Waiting > 0
	})
	for i := range 10 {
		if res := c.Employee.Do("GET", fmt.Sprintf("/api/contracts?limit=%d", 20+i), nil); res.Status != 200 {
			t.Errorf("a read: %s", res)
		}
		if res := login(c.Nobody, "uma", apptest.Password); res.Status != 200 {
			t.Errorf("a sign-in: %s", res)
		}
	}
	if s := c.API.Gate.Stats(); s.Writes.InUse != r.Writes || s.Reads.Refused != 0 || s.SignIns.Refused != 0 {
		t.Errorf("%+v", s)
	}
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	all.Wait()
	if n := inUse(c); n != 0 {
		t.Errorf("%d places are in use", n)
	}
}

// What is kept needs no place, whoever asks is known from memory.
func TestHitNeedsNoPlace(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		tag := w.Employee.Do("GET", "/api/cars", nil).Header.Get("ETag")
		defer occupy(t, c, overload.SignIn)()
		for range 3 {
			if res := w.Employee.Do("GET", "/api/cars", nil); res.Status != 200 || res.Header.Get("X-Cache") != "HIT" {
				t.Errorf("%s %v", res, res.Header)
			}
			if res := w.Employee.Do("GET", "/api/cars", nil, "If-None-Match: "+tag); res.Status != 304 {
				t.Errorf("%s", res)
			}
		}
		overloaded(t, "another question", w.Employee.Do("GET", "/api/cars?limit=3", nil))
		checkFailure(t, "an invented token", w.Nobody.Do("GET", "/api/cars", nil, "Authorization: Bearer nonsense"), 401)
		if s := c.API.Gate.Stats(); s.Reads.Refused != 1 {
			t.Errorf("%+v", s)
		}
	}, few)
}

// Another instance does not know a session yet. It may not ask the database
// whose it is while there is no place.
func TestStrangersNeedAPlace(t *testing.T) {
	t.Parallel()
	onSQLite(t, func(t *testing.T, c *apptest.Company) {
		other := c.Beside(t, few)
		leave := occupy(t, other, overload.SignIn)
		overloaded(t, "an unknown session", other.Admin.Do("GET", "/api/cars", nil))
		leave()
		if res := other.Admin.Do("GET", "/api/cars", nil); res.Status != 200 {
			t.Error(res)
		}
	})
}

// Several that ask the same at the same time have one place together.
func TestWaitersForALoadHaveNoPlace(t *testing.T) {
	t.Parallel()
	const callers = 20
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		newWorld(t, c)
		c.API.Gate = overload.New(overload.Room{Reads: 4, All: 4, Queue: 4 * callers, Wait: time.Minute})
		c.DB.Guard(c.API.Gate.Pass)
		asked := 0 // how often left has asked; from the second time on that needs no place
		left := func() int {
			asked++
			n, err := strconv.Atoi(c.Employee.Do("GET", "/api/cars", nil).Header.Get("RateLimit-Remaining"))
			if err != nil {
				t.Error(err)
			}
			return n + asked
		}
		first := left()
		before := c.API.Gate.Stats().Reads
		leave := occupy(t, c, overload.Read)
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				if res := c.Employee.Do("GET", "/api/cars?limit=5", nil); res.Status != 200 {
					t.Errorf("the same question: %s", res)
				}
			})
		}
		apptest.Until(t, "all have come, and one waits", func() bool {
			return left() == first-callers && c.API.Gate.Stats().Reads.Waiting > 0
		})
		leave()
		all.Wait()
		s, own := c.API.Gate.Stats().Reads, int64(c.API.Gate.Room().Reads) // occupy's
		if s.Waited-before.Waited != 1 || s.Entered-before.Entered-own != 1 {
			t.Errorf("more than one had a place: %+v, before %+v", s, before)
		}
	}, func(c *config.Config) { c.RateLimitRead = "5000/15m" })
}

// Who sends a file slowly has no place meanwhile.
func TestSlowUploadHasNoPlace(t *testing.T) {
	t.Parallel()
	onSQLite(t, func(t *testing.T, c *apptest.Company) {
		c.Admin.Do("GET", "/api/users/me", nil) // the program knows who asks
		slow := &slowly{begun: make(chan struct{}), rest: make(chan struct{}), text: strings.NewReader("plate,make,model,year,fuel,gearbox,price,category\n")}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+"/api/import/cars?dryRun=true", slow)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"Authorization": "Bearer " + c.Admin.Token, "Content-Type": "text/csv", "Expect": "100-continue"} {
			req.Header.Set(name, value)
		}
		transport := &http.Transport{ExpectContinueTimeout: time.Minute}
		defer transport.CloseIdleConnections()
		answered := make(chan error, 1)
		go func() {
			res, err := (&http.Client{Transport: transport}).Do(req)
			if err == nil {
				text, _ := io.ReadAll(res.Body)
				res.Body.Close()
				if res.StatusCode != http.StatusOK {
					err = fmt.Errorf("%s %s", res.Status, text)
				}
			}
			answered <- err
		}()
		<-slow.begun // the program asks for the file
		if n := inUse(c); n != 0 {
			t.Errorf("%d places are in use", n)
		}
		close(slow.rest)
		if err := <-answered; err != nil {
			t.Error(err)
		}
		if s := c.API.Gate.Stats(); s.Reports.Entered != 1 || inUse(c) != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Who reads an export slowly, or not at all, has no place meanwhile.
func TestSlowDownloadHasNoPlace(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.MigratedPostgres(t), few)
	const entries = 5000 // of some 6 KB: far more than connections hold
	_, err := c.Database.Raw(t).ExecContext(t.Context(), `INSERT INTO audit_logs (id, action, resource, description, changes, status, created_at, search)
		SELECT lpad(to_hex(g), 8, '0') || '-0000-7000-8000-000000000000', 'UPDATE', 'tyre', repeat('long', 1500),
			'{"before":null,"after":null}', 'success', '2026-06-01'::timestamptz + g * interval '1 millisecond', 'x'
		FROM generate_series(1, $1) g`, entries)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.URL+"/api/audit-logs/export?format=json&resource=tyre", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.Admin.Token)
	req.Header.Set("Accept-Encoding", "identity")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	for range 3 {
		if res := c.Admin.Do("GET", "/api/contracts/revenue/total", nil); res.Status != 200 {
			t.Errorf("another report: %s", res)
		}
	}
	apptest.Until(t, "the export waits for its client", func() bool { return inUse(c) == 0 })
	entered := c.API.Gate.Stats().Reports.Entered
	var all []struct{ ID string }
	if err := json.NewDecoder(res.Body).Decode(&all); err != nil || len(all) != entries {
		t.Errorf("%d entries of %d: %v", len(all), entries, err)
	}
	if n := c.API.Gate.Stats().Reports.Entered; n == entered {
		t.Errorf("nothing was left to read: %d places before and after", n)
	}
}

// slowly is a text that is not read before the rest is let go.
type slowly struct {
	begun, rest chan struct{}
	once        sync.Once
	text        io.Reader
}

func (s *slowly) Read(b []byte) (int, error) {
	s.once.Do(func() { close(s.begun) })
	<-s.rest
	return s.text.Read(b)
}

// Who waits for a password to be hashed has no place meanwhile.
func TestHashingHasNoPlace(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		slow := &slowHasher{Hasher: c.Identity.Hasher, hashing: make(chan int, 1), used: func() int { return inUse(c) }}
		c.Identity.Hasher = slow
		for what, ask := range map[string]func() apptest.Response{
			"a sign-in": func() apptest.Response { return login(c.Nobody, "uma", apptest.Password) },
			"a new user": func() apptest.Response {
				return c.Admin.Do("POST", "/api/users", apptest.JSON{"username": "nova", "email": "nova@example.com", "password": apptest.Password})
			},
			"a password set": func() apptest.Response {
				return c.Admin.Do("POST", "/api/users/"+string(c.Employee.ID)+"/reset-password", apptest.JSON{"newPassword": apptest.Password})
			},
			"a password changed": func() apptest.Response {
				return c.User.Do("PUT", "/api/users/"+string(c.User.ID)+"/password", apptest.JSON{"currentPassword": apptest.Password, "newPassword": apptest.Password})
			},
		} {
			if res := ask(); res.Status >= 300 {
				t.Errorf("%s: %s", what, res)
			}
			if n := <-slow.hashing; n != 0 {
				t.Errorf("%s: %d places are in use", what, n)
			}
		}
		if s := c.API.Gate.Stats(); s.SignIns.Entered == 0 || s.Writes.Entered == 0 {
			t.Errorf("%+v", s)
		}
	}, few)
}

// A slowHasher tells how many places are in use while it hashes, the most of
// the times since it was asked.
type slowHasher struct {
	identity.Hasher
	hashing chan int
	used    func() int
}

func (h *slowHasher) note() {
	n := h.used()
	select {
	case before := <-h.hashing:
		n = max(n, before)
	default:
	}
	h.hashing <- n
}

func (h *slowHasher) Hash(ctx context.Context, password string) (string, error) {
	h.note()
	return h.Hasher.Hash(ctx, password)
}

func (h *slowHasher) Verify(ctx context.Context, hash, password string) (ok, outdated bool, err error) {
	h.note()
	return h.Hasher.Verify(ctx, hash, password)
}

// An Idempotency-Key is answered once whatever the order in which requests are
// let in; one that was refused leaves no key.
func TestRefusedLeavesNoKey(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		const key = "Idempotency-Key: one-of-its-kind"
		leave := occupy(t, c, overload.SignIn)
		overloaded(t, "the first", c.Employee.Do("POST", "/api/customers", apptest.Customer("1"), key))
		leave()
		first := c.Employee.Do("POST", "/api/customers", apptest.Customer("1"), key)
		again := c.Employee.Do("POST", "/api/customers", apptest.Customer("1"), key)
		if first.Status != 201 || again.Status != 201 || first.Text("data.id") != again.Text("data.id") || again.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s, then %s", first, again)
		}
	}, few)
}
