package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
	"cartracker/internal/redis/redistest"
)

// A wrong password stops the start with one line that tells it, and no server
// does not stop it.
func TestRedisAtStart(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, redistest.Options{Password: "opens-sesame"})
	wrong := strings.Replace(server.URL(), "opens-sesame", "guessed-it", 1)
	out, err := apptest.NewSite(t, t.TempDir(), "", "REDIS_URL="+wrong).Run(t, "", "serve")
	if err == nil || strings.Count(out, "\n") > 3 || !strings.Contains(out, "password") || strings.Contains(out, "guessed-it") || strings.Contains(out, "opens-sesame") {
		t.Errorf("a wrong password: %v\n%s", err, out)
	}
	away := redistest.Stopped(t, redistest.Options{})
	s := apptest.NewSite(t, t.TempDir(), "", "REDIS_URL="+away.URL())
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	if res := p.Nobody.Do("GET", "/health", nil); res.Text("redis") != "down" {
		t.Errorf("health without the server: %s", res)
	}
	if res := p.Nobody.Do("GET", "/health/ready", nil); res.Status != 200 {
		t.Errorf("not ready without Redis: %s", res)
	}
	boss := p.Nobody.SignIn("amra")
	if res := boss.Do("GET", "/api/cars", nil); res.Status != 200 {
		t.Errorf("without Redis: %s", res)
	}
	away.Start()
	began := time.Now()
	for !connected(p) {
		if time.Since(began) > 10*time.Second {
			t.Fatal("Redis came, and the program did not notice")
		}
	}
	if n := strings.Count(p.Output(), "Redis cannot be reached"); n != 1 {
		t.Errorf("it warned %d times:\n%s", n, p.Output())
	}
}

// A desk is two instances with one Redis, and clerks who never stop asking.
type desk struct {
	t       *testing.T
	one, at *apptest.Process // at is the other
	boss    *apptest.Client
	mu      sync.Mutex
	took    []time.Duration
	bad     []string
}

// ask lets 8 clerks at both instances ask for a while, and returns the 99th
// percentile of how long they waited.
func (d *desk) ask(span time.Duration) time.Duration {
	d.t.Helper()
	d.took, d.bad = nil, nil
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			c := []*apptest.Process{d.one, d.at}[n%2].As(d.boss)
			for i, began := 0, time.Now(); time.Since(began) < span; i++ {
				path := []string{"/api/cars", "/api/cars?limit=5", fmt.Sprintf("/api/cars?maxMileage=%d", i), "/api/contracts"}[i%4]
				at := time.Now()
				res, err := c.Try("GET", path, nil)
				d.note(time.Since(at), res, err)
			}
		})
	}
	all.Wait()
	if len(d.bad) > 0 {
		d.t.Errorf("%d of %d answers are wrong: %s", len(d.bad), len(d.took), d.bad[0])
	}
	slices.Sort(d.took)
	return d.took[len(d.took)*99/100]
}

func (d *desk) note(took time.Duration, res apptest.Response, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.took = append(d.took, took)
	if err != nil || res.Status != http.StatusOK {
		d.bad = append(d.bad, fmt.Sprint(res, err))
	}
}

// left is what an instance says is left of the limit of who is unknown.
func left(p *apptest.Process) int {
	res := p.Nobody.Do("GET", "/api/cars", nil)
	var n int
	_, _ = fmt.Sscan(res.Header.Get("RateLimit-Remaining"), &n)
	return n
}

// connected reports whether an instance has its Redis. To ask counts for nobody:
// what an instance counted by itself keeps it apart from the others until they
// have counted more together.
func connected(p *apptest.Process) bool {
	return p.Nobody.Do("GET", "/health", nil).Text("redis") == "connected"
}

// sharing reports whether the instances count together.
func (d *desk) sharing() bool {
	before := left(d.one)
	return left(d.at) < before && left(d.one) < before-1
}

// noise is by how much one answer in a hundred is later now and then on a machine
// that does something else besides. A call that hangs takes a hundred milliseconds.
const noise = 10 * time.Millisecond

// Redis is killed, hung, emptied and filled: nobody gets an error, hardly
// anybody waits, each instance counts by itself meanwhile, and soon after it is
// back they count together.
func TestFaultRedis(t *testing.T) {
	needFaults(t)
	server := redistest.New(t, redistest.Options{})
	s := apptest.NewSite(t, t.TempDir(), apptest.NewPostgres(t).URL, "REDIS_URL="+server.URL(), "RATE_LIMIT_API=100000/15m", "RATE_LIMIT_READ=100000000/15m", "RATE_LIMIT_WRITE=100000/15m", "RATE_LIMIT_AUTH=5/15m")
	s.AddUser(t, "amra", record.Admin)
	d := &desk{t: t, one: s.Serve(t), at: s.Serve(t)}
	d.boss = d.one.Nobody.SignIn("amra")
	for i := range 20 {
		d.boss.Make("/api/cars", apptest.Car(fmt.Sprintf("A%02d-K-345", i)))
	}
	d.ask(2 * time.Second)
	usual := d.ask(4 * time.Second)
	for _, fault := range []struct {
		what       string
		bring, end func()
	}{
		{"killed", server.Kill, server.Start},
		{"hung", server.Hang, server.Resume},
		{"emptied", func() { server.Do("FLUSHALL") }, func() {}},
		{"full", func() { server.Do("CONFIG", "SET", "maxmemory", "1") }, func() { server.Do("CONFIG", "SET", "maxmemory", "0") }},
	} {
		if !d.sharing() {
			t.Errorf("before it is %s the instances do not count together", fault.what)
		}
		refused := signInsUntilRefused(d.one)
		fault.bring()
		p99 := d.ask(4 * time.Second)
		t.Logf("%s: 99 of 100 answers within %s, usually %s", fault.what, p99, usual)
		if !apptest.Raced() && p99 > 2*usual+noise {
			t.Errorf("%s: 99 of 100 answers within %s, usually %s", fault.what, p99, usual)
		}
		if left(d.one) < 0 || refused && !signInsUntilRefused(d.one) {
			t.Errorf("%s: the sign-in limiter is open", fault.what)
		}
		fault.end()
		back := time.Now()
		for !connected(d.one) || !connected(d.at) || !d.sharing() {
			if time.Since(back) > 10*time.Second {
				t.Fatalf("%s: 10 s after it is back the instances do not count together", fault.what)
			}
		}
	}
}

// signInsUntilRefused tries wrong passwords, and reports whether the sixth is refused.
func signInsUntilRefused(p *apptest.Process) bool {
	for range 6 {
		if res := p.Nobody.Do("POST", "/api/auth/login", apptest.JSON{"username": "amra", "password": "wrong"}); res.Status == 429 {
			return true
		}
	}
	return false
}
