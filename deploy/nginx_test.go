package deploy_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/machinetest"
	"cartracker/internal/nginxtest"
	"cartracker/internal/record"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/socketio/nodetest"
	"cartracker/internal/store/testdb"
)

// A site is two instances of the real program behind the real nginx.
type site struct {
	place    *apptest.Site
	nginx    *nginxtest.Server
	one, two *apptest.Process
	boss     *apptest.Client // by nginx
}

// begin starts a site, whose nginx has some lines changed: old and new in turns.
func begin(t *testing.T, changes ...string) *site {
	t.Helper()
	nginxtest.Program(t)
	redis := redistest.New(t, redistest.Options{Password: "desk-lamp"}).URL()
	s := apptest.NewSite(t, t.TempDir(), testdb.MigratedPostgres(t).URL, "TRUSTED_PROXIES=127.0.0.1", "REDIS_URL="+redis, "DB_INSTANCES=2", "STOP_WINDOW=1500ms")
	s.AddUser(t, "amra", record.Admin)
	one, waitOne := s.Launch(t, "--port", strconv.Itoa(machinetest.FreePort(t)))
	two, waitTwo := s.Launch(t, "--port", strconv.Itoa(machinetest.FreePort(t)))
	waitOne()
	waitTwo()
	out := &site{place: s, nginx: nginxtest.Start(t, nginxtest.Deployed(t, addr(one), addr(two), changes...)), one: one, two: two}
	out.boss = apptest.At(t, out.nginx.URL()).SignIn("amra")
	return out
}

func addr(p *apptest.Process) string { return strings.TrimPrefix(p.Nobody.URL(), "http://") }

// again starts an instance that has ended at the same port, and waits until it is ready.
func (s *site) again(t *testing.T, ended *apptest.Process) *apptest.Process {
	t.Helper()
	_, port, _ := strings.Cut(addr(ended), ":")
	p := s.place.Serve(t, "--port", port)
	apptest.Until(t, "readiness", func() bool { return p.Nobody.Do("GET", "/health/ready", nil).Status == http.StatusOK })
	return p
}

// logged waits until so many lines of the log match, and returns the log.
func (s *site) logged(t *testing.T, pattern string, n int) string {
	t.Helper()
	line := regexp.MustCompile(pattern)
	apptest.Until(t, fmt.Sprintf("%d lines like %s in the log", n, pattern), func() bool {
		return len(line.FindAllString(s.nginx.Log(), -1)) >= n
	})
	return s.nginx.Log()
}

// polled is how the log tells of a poll, up to the instance.
const polled = `/socket.io/" 200 \d+ \S+ `

func TestRequestsByNginx(t *testing.T) {
	t.Parallel()
	s := begin(t)
	const calls = 10
	for range calls {
		if res := s.boss.Do("GET", "/api/cars?q=zq7", nil); res.Status != 200 || res.Header.Get("Server") != "nginx" {
			t.Fatalf("%s %v", res, res.Header)
		}
	}
	log := s.logged(t, `"GET /api/cars" 200`, calls)
	for _, p := range []*apptest.Process{s.one, s.two} {
		if n := strings.Count(log, `"GET /api/cars" 200`); n != calls || !strings.Contains(log, `"`+addr(p)+`" "200"`) {
			t.Errorf("%s was not asked, of %d:\n%s", addr(p), n, log)
		}
	}
	car := s.boss.Make("/api/cars", apptest.Car("A12-K-345"))

	t.Run("ids", func(t *testing.T) {
		const id = "desk-0007"
		if res := s.boss.Do("GET", "/api/cars/"+car, nil, "X-Request-Id: "+id); res.Header.Get("X-Request-Id") != id {
			t.Errorf("the id of a request became %q", res.Header.Get("X-Request-Id"))
		}
		s.logged(t, `"`+id+`"`, 1)
	})
	t.Run("addresses", func(t *testing.T) {
		in := apptest.JSON{"username": "amra", "password": apptest.Password}
		if res := s.boss.Do("POST", "/api/auth/login", in, "X-Forwarded-For: 203.0.113.9"); res.Status != 200 {
			t.Fatal(res)
		}
		entry := s.boss.Do("GET", "/api/audit-logs?action=LOGIN&limit=1", nil)
		if got := entry.Text("data.0.ipAddress"); got != "203.0.113.9" { // 127.0.0.1, which nginx adds, is a proxy
			t.Errorf("whoever signed in came from %q: %s", got, entry)
		}
	})
	t.Run("nothing new", func(t *testing.T) {
		tag := s.boss.Do("GET", "/api/cars/"+car, nil).Header.Get("ETag")
		res := s.boss.Do("GET", "/api/cars/"+car, nil, "If-None-Match: "+tag)
		if res.Status != 304 || len(res.Body) > 0 || res.Header.Get("ETag") != tag || res.Header.Get("Cache-Control") == "" {
			t.Errorf("%s %v", res, res.Header)
		}
	})
	t.Run("compression", func(t *testing.T) {
		for header, want := range map[string]string{"zstd, gzip": "zstd", "gzip": "gzip", "": ""} {
			if res := s.boss.Do("GET", "/openapi.json", nil, "Accept-Encoding: "+header); res.Header.Get("Content-Encoding") != want {
				t.Errorf("who takes %q gets %q", header, res.Header.Get("Content-Encoding"))
			}
		}
		res := s.boss.Do("GET", "/openapi.json", nil, "Accept-Encoding: gzip", "X-No-Compression: 1")
		if res.Status != 200 || res.Header.Get("Content-Encoding") != "" {
			t.Errorf("nginx compresses by itself: %v", res.Header)
		}
	})
	t.Run("large bodies", func(t *testing.T) {
		large := strings.Repeat("x", 1<<20+1)
		res := s.boss.Do("POST", "/api/cars", large)
		if res.Status != 413 || res.Text("code") != "body_too_large" || res.Text("requestId") == "" {
			t.Errorf("1 MiB and more: %s", res)
		}
		if res := s.boss.Do("POST", "/api/import/cars", large, "Content-Type: text/csv"); res.Status == 413 || res.Text("code") == "" && res.Text("success") == "" {
			t.Errorf("a file does not reach the program: %s", res)
		}
		if res := s.boss.Do("POST", "/api/import/cars", strings.Repeat("x", 20<<20+1), "Content-Type: text/csv"); res.Status != 413 {
			t.Errorf("20 MiB and more: %s", res)
		}
	})
	t.Run("metrics", func(t *testing.T) {
		if res := s.boss.Do("GET", "/metrics", nil); res.Status != 404 {
			t.Error(res)
		}
	})
	s.nginx.Stop()
	if log := s.nginx.Log() + s.nginx.Errors(); strings.Contains(log, "zq7") || strings.Contains(log, "?") {
		t.Errorf("queries are in the log:\n%s", log)
	}
}

// An instance that is away is no 502, also for what must not be sent twice; when
// all are away, clients are told to come back, and the log has no query either.
func TestInstanceAway(t *testing.T) {
	t.Parallel()
	s := begin(t)
	if code := s.one.Terminate(t)(); code != 0 {
		t.Fatalf("the program ended with %d", code)
	}
	for i := range 20 { // three by three, since the two take turns
		s.boss.Make("/api/cars", apptest.Car(fmt.Sprintf("A%02d-K-345", i)))
		s.boss.Make("/api/cars", apptest.Car(fmt.Sprintf("B%02d-K-345", i)))
		if res := s.boss.Do("GET", "/api/cars?q=zq7", nil); res.Status != 200 {
			t.Fatal(res)
		}
	}
	s.two.Kill()
	for _, method := range []string{"GET", "POST"} {
		res := s.boss.Do(method, "/api/cars?q=zq7", apptest.Car("Z00-K-345"))
		if res.Status != 503 || res.Text("code") != "not_ready" || res.Header.Get("Retry-After") != "5" {
			t.Errorf("%s: %s %v", method, res, res.Header)
		}
	}
	s.nginx.Stop()
	log := s.nginx.Log()
	if !strings.Contains(log, `"`+addr(s.one)+", "+addr(s.two)+`" "502, 201"`) {
		t.Errorf("nobody was sent from one to the other:\n%s", log)
	}
	if log += s.nginx.Errors(); strings.Contains(log, "zq7") {
		t.Errorf("queries are in the log:\n%s", log)
	}
}

func TestConnectionsOfOneAddress(t *testing.T) {
	t.Parallel()
	s := begin(t, "limit_conn cartracker_calls 100;", "limit_conn cartracker_calls 2;")
	var finish []func() (apptest.Response, error)
	for i := range 2 {
		f, err := s.boss.Begin("POST", "/api/cars", apptest.Car(fmt.Sprintf("A%02d-K-345", i)))
		if err != nil {
			t.Fatal(err)
		}
		finish = append(finish, f)
	}
	res := s.boss.Do("GET", "/api/cars", nil)
	if res.Status != 429 || res.Text("code") != "rate_limited" || res.Header.Get("Retry-After") != "1" {
		t.Errorf("a third request: %s", res)
	}
	for _, f := range finish {
		if res, err := f(); err != nil || res.Status != 201 {
			t.Errorf("%s (%v)", res, err)
		}
	}
	apptest.Until(t, "the end of the refusals", func() bool { return s.boss.Do("GET", "/api/cars", nil).Status == 200 })
}

// The reference client is connected by nginx, whichever way it comes, hears what
// the other instance changes, and comes back when its own one ends.
func TestSocketsByNginx(t *testing.T) {
	t.Parallel()
	node := nodetest.Start(t)
	s := begin(t)
	ways := map[string]*nodetest.Client{}
	for way, o := range map[string]nodetest.Options{
		"upgrade": {}, "polling": {Transports: []string{"polling"}}, "websocket": {Transports: []string{"websocket"}},
	} {
		o.Auth = apptest.JSON{"token": s.boss.Token}
		ways[way] = node.Connect(s.nginx.URL(), o)
		ways[way].Connected()
		ways[way].Ask("subscribe", apptest.JSON{"topic": "cars"})
	}
	if to := ways["upgrade"].Upgraded(); to != "websocket" {
		t.Errorf("upgraded to %s", to)
	}
	for _, p := range []*apptest.Process{s.one, s.two} {
		p.As(s.boss).Make("/api/cars", apptest.Car("Z"+addr(p)[len("127.0.0.1:"):]))
		for _, c := range ways {
			c.Expect("changed")
		}
	}
	// All of one address are at one instance. That one goes.
	theirs, other := s.one, s.two
	if log := s.logged(t, polled+`"127`, 1); regexp.MustCompile(polled + `"` + regexp.QuoteMeta(addr(s.two))).MatchString(log) {
		theirs, other = s.two, s.one
	}
	theirs.Terminate(t)()
	for way, c := range ways {
		c.Disconnected()
		c.Connected()
		if way == "polling" && c.Transport() != "polling" {
			t.Errorf("who polled has come back by %s", c.Transport())
		}
		c.Ask("subscribe", apptest.JSON{"topic": "cars"})
	}
	other.As(s.boss).Make("/api/cars", apptest.Car("A12-K-345"))
	for _, c := range ways {
		c.Expect("changed")
		c.Disconnect()
	}
	s.nginx.Stop()
	if log := s.nginx.Log() + s.nginx.Errors(); !strings.Contains(log, `/socket.io/" 101 `) || strings.Contains(log, "sid=") || strings.Contains(log, "EIO") {
		t.Errorf("no websocket, or queries, are in the log:\n%s", log)
	}
}

// Requests of sockets from one address go to one instance, and of several to both.
func TestSocketsStay(t *testing.T) {
	t.Parallel()
	s := begin(t)
	const addresses, times = 16, 3
	for i := range addresses {
		from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i+1))}}
		client := &http.Client{Transport: &http.Transport{DialContext: from.DialContext, DisableKeepAlives: true}}
		for range times {
			res, err := client.Get(s.nginx.URL() + "/socket.io/?EIO=4&transport=polling")
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode != 200 {
				t.Fatal(res.Status)
			}
		}
	}
	log := s.logged(t, `/socket.io/" 200`, addresses*times)
	asked := map[string]map[string]bool{}
	instances := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^(127\.0\.1\.\d+) .*`+polled+`"(\S+)"`).FindAllStringSubmatch(log, -1) {
		if asked[m[1]] == nil {
			asked[m[1]] = map[string]bool{}
		}
		asked[m[1]][m[2]], instances[m[2]] = true, true
	}
	for from, at := range asked {
		if len(at) != 1 {
			t.Errorf("%s was sent to %v", from, at)
		}
	}
	if len(asked) != addresses || len(instances) != 2 {
		t.Errorf("%d addresses were sent to %v", len(asked), instances)
	}
}
