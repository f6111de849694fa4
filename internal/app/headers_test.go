package app_test

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/store/testdb"
)

// guarded fails unless an answer has the headers that every answer has.
func guarded(t *testing.T, what string, res apptest.Response) {
	t.Helper()
	for name, want := range map[string]string{
		"X-Content-Type-Options":  "nosniff",
		"X-Frame-Options":         "DENY",
		"Referrer-Policy":         "no-referrer",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
		"Vary":                    "Origin, Authorization, Accept-Encoding",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %s is %q, want %q", what, name, got, want)
		}
	}
	if res.Header.Get("X-Request-Id") == "" {
		t.Errorf("%s: there is no X-Request-Id", what)
	}
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		for _, r := range c.API.Routes() {
			path := w.fill(r.Path) + query(d.at(t, r.Method, r.Path))
			for _, client := range []*apptest.Client{c.Nobody, c.Admin} {
				res := client.Do(r.Method, path+"unknown=1", nil)
				if guarded(t, r.Method+" "+r.Path, res); res.Status != 200 && res.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s %s: Cache-Control of an error is %q", r.Method, path, res.Header.Get("Cache-Control"))
				}
			}
			guarded(t, "preflight", c.Nobody.Do("OPTIONS", w.fill(r.Path), nil, "Origin: https://stranger.example", "Access-Control-Request-Method: "+r.Method))
			if r.Method != "GET" || r.Path == "/api/auth/setup" {
				continue
			}
			get := c.Admin.Do("GET", path, nil)
			if r.Path != "/docs" { // which has a policy of its own
				guarded(t, "GET "+path, get)
			}
			if want := "private, no-cache"; r.Role != "anyone" && get.Header.Get("Cache-Control") != want {
				t.Errorf("GET %s: Cache-Control is %q", path, get.Header.Get("Cache-Control"))
			}
			sameHead(t, c.Admin, path, get)
			slashed := strings.Replace(path, "?", "/?", 1)
			if res := c.Admin.Do("GET", slashed, nil); res.Status != 200 || res.Header.Get("ETag") != get.Header.Get("ETag") {
				t.Errorf("GET %s: %s", slashed, res)
			}
		}
		for _, path := range []string{"/", "/nothing", "/api", "/api/", "/api/Cars", "/API/cars", "/api//cars", "/api/./cars", "/api/cars/../users", "/api/bookings", "/metrics", "/api/cars%2Favailable", "/%2e%2e/etc/passwd"} {
			for _, method := range []string{"GET", "POST", "DELETE", "BREW"} {
				res := c.Admin.Do(method, path, nil)
				checkFailure(t, method+" "+path, res, 404)
				guarded(t, method+" "+path, res)
			}
		}
	})
}

// sameHead fails unless HEAD has the headers of GET, and no body.
func sameHead(t *testing.T, c *apptest.Client, path string, get apptest.Response) {
	t.Helper()
	head := c.Do("HEAD", path, nil)
	if head.Status != get.Status || len(head.Body) != 0 {
		t.Errorf("HEAD %s: %s", path, head)
	}
	for _, h := range []http.Header{get.Header, head.Header} {
		h.Del("Date")
		h.Del("X-Request-Id")
		h.Del("X-Cache")
		if strings.HasPrefix(path, "/health") {
			h.Del("Content-Length") // the time that it tells
		}
	}
	if !maps.EqualFunc(get.Header, head.Header, slices.Equal[[]string]) {
		t.Errorf("HEAD %s: %v, of GET %v", path, head.Header, get.Header)
	}
}

func TestMethodNotAllowed(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	w := newWorld(t, c)
	methods := map[string][]string{}
	for _, r := range c.API.Routes() {
		methods[r.Path] = append(methods[r.Path], r.Method)
		if r.Method == "GET" {
			methods[r.Path] = append(methods[r.Path], "HEAD")
		}
	}
	for path, takes := range methods {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			if slices.Contains(takes, method) {
				continue
			}
			at := w.fill(path)
			if path == "/api/users/me" || path == "/api/cars/available" || path == "/api/cars/calendar" || path == "/api/cars/available-period" || strings.HasPrefix(path, "/api/contracts/") || strings.HasPrefix(path, "/api/notifications/") {
				continue // {id} and {car} take more methods
			}
			res := c.Nobody.Do(method, at, nil)
			checkFailure(t, method+" "+at, res, 405)
			guarded(t, method+" "+at, res)
			allow := strings.Split(res.Header.Get("Allow"), ", ")
			slices.Sort(allow)
			want := slices.Clone(takes)
			slices.Sort(want)
			if !slices.Equal(allow, want) {
				t.Errorf("%s %s: Allow is %v, want %v", method, at, allow, want)
			}
		}
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	for _, id := range []string{"12345678", "a-b_C-9876543210", strings.Repeat("x", 64)} {
		if got := c.Nobody.Do("GET", "/api/cars", nil, "X-Request-Id: "+id).Header.Get("X-Request-Id"); got != id {
			t.Errorf("%s became %s", id, got)
		}
	}
	made := regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)
	for _, id := range []string{"1234567", strings.Repeat("x", 65), "with space", "semi;colon", "šššššššš", "", "../../etc/passwd", "<script>alert(1)"} {
		if got := c.Nobody.Do("GET", "/api/cars", nil, "X-Request-Id: "+id).Header.Get("X-Request-Id"); got == id || !made.MatchString(got) {
			t.Errorf("%q became %q", id, got)
		}
	}
	id := "in-the-log-and-the-audit"
	c.Admin.Do("POST", "/api/cars", apptest.Car("ID-1"), "X-Request-Id: "+id)
	if !strings.Contains(c.Log.String(), "requestId="+id) {
		t.Error("the request id is not in the log")
	}
	if got := c.Admin.Do("GET", "/api/audit-logs?limit=1", nil).Text("data.0.requestId"); got != id {
		t.Errorf("the audit log has the request id %s", got)
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t), func(c *config.Config) {
		c.BaseURL, c.AppURL, c.AllowedOrigins = "https://api.example.com", "https://app.example.com", "https://desk.example.com,http://localhost:5173"
	})
	access := func(res apptest.Response) (all []string) {
		for name := range res.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				all = append(all, name)
			}
		}
		return all
	}
	for _, origin := range []string{"https://api.example.com", "https://app.example.com", "https://desk.example.com", "http://localhost:5173"} {
		for path, status := range map[string]int{"/health": 200, "/api/cars": 401, "/nothing": 404, "/api/cars/%00": 400} {
			res := c.Nobody.Do("GET", path, nil, "Origin: "+origin)
			if res.Status != status || res.Header.Get("Access-Control-Allow-Origin") != origin || res.Header.Get("Access-Control-Allow-Credentials") != "true" {
				t.Errorf("GET %s from %s: %s %v", path, origin, res, res.Header)
			}
			for _, name := range []string{"ETag", "Location", "Retry-After", "RateLimit", "X-Request-Id", "X-Cache", "Idempotency-Replayed"} {
				if !strings.Contains(res.Header.Get("Access-Control-Expose-Headers"), name) {
					t.Errorf("%s is not exposed", name)
				}
			}
		}
		res := c.Nobody.Do("OPTIONS", "/api/cars", nil, "Origin: "+origin, "Access-Control-Request-Method: PATCH", "Access-Control-Request-Headers: authorization,if-match")
		if res.Status != 204 || len(res.Body) != 0 || res.Header.Get("Access-Control-Max-Age") != "600" || !strings.Contains(res.Header.Get("Access-Control-Allow-Methods"), "PATCH") {
			t.Errorf("preflight: %s %v", res, res.Header)
		}
		for _, name := range []string{"Authorization", "Content-Type", "Idempotency-Key", "If-Match", "If-None-Match", "X-Request-Id", "X-No-Compression"} {
			if !strings.Contains(res.Header.Get("Access-Control-Allow-Headers"), name) {
				t.Errorf("%s is not allowed", name)
			}
		}
	}
	for _, origin := range []string{"https://evil.example", "null", "https://app.example.com.evil.example", "http://app.example.com", "https://app.example.com:444", "https://APP.example.com", ""} {
		for _, res := range []apptest.Response{
			c.Nobody.Do("GET", "/health", nil, "Origin: "+origin),
			c.Nobody.Do("GET", "/nothing", nil, "Origin: "+origin),
			c.Nobody.Do("OPTIONS", "/api/cars", nil, "Origin: "+origin, "Access-Control-Request-Method: PATCH"),
		} {
			if all := access(res); all != nil {
				t.Errorf("%q is told %v", origin, all)
			}
		}
	}
}

func TestHSTS(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t), func(c *config.Config) { c.BaseURL = "https://api.example.com" })
	for _, res := range []apptest.Response{c.Nobody.Do("GET", "/health", nil), c.Nobody.Do("GET", "/nothing", nil), c.Nobody.Do("OPTIONS", "/api/cars", nil)} {
		if !strings.HasPrefix(res.Header.Get("Strict-Transport-Security"), "max-age=31536000") {
			t.Errorf("HSTS under https is %q", res.Header.Get("Strict-Transport-Security"))
		}
	}
	c = apptest.New(t, testdb.EmptySQLite(t))
	if h := c.Nobody.Do("GET", "/health", nil).Header.Get("Strict-Transport-Security"); h != "" {
		t.Errorf("HSTS under http is %q", h)
	}
}

func TestRouteTableForWhom(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	checkFailure(t, "in production", c.Nobody.Do("GET", "/routes", nil), 401)
	checkFailure(t, "in production", c.Employee.Do("GET", "/routes", nil), 403)
	res := c.Admin.Do("GET", "/routes", nil)
	const sockets = 2 // GET and POST
	if res.Len("data") != len(c.API.Routes())+len(c.API.Pages)+sockets || res.Text("data.0.method") == "" || res.Text("data.0.role") == "" {
		t.Errorf("the route table: %.300s", res)
	}
	c = apptest.New(t, testdb.EmptySQLite(t), func(c *config.Config) { c.AppEnv = "development" })
	if res := c.Nobody.Do("GET", "/routes", nil); res.Status != 200 {
		t.Errorf("in development: %s", res)
	}
	for path, kind := range map[string]string{"/openapi.json": "application/vnd.oai.openapi+json", "/openapi.yaml": "application/vnd.oai.openapi"} {
		if res := c.Nobody.Do("GET", path, nil); res.Status != 200 || res.Header.Get("Content-Type") != kind || len(res.Body) < 10_000 {
			t.Errorf("GET %s: %.200s", path, res)
		}
	}
}

// TestClientAddress: behind proxies, the audit log has the right-most hop that
// is none of them.
func TestClientAddress(t *testing.T) {
	t.Parallel()
	proxied := apptest.New(t, testdb.EmptySQLite(t), func(c *config.Config) { c.TrustedProxies = "127.0.0.0/8,::1,10.0.0.0/8" })
	direct := apptest.New(t, testdb.EmptySQLite(t))
	for forwarded, want := range map[string]string{
		"":                                  "127.0.0.1",
		"203.0.113.9":                       "203.0.113.9",
		"198.51.100.1, 203.0.113.9":         "203.0.113.9", // who writes the left ones is unknown
		"203.0.113.9, 10.1.2.3":             "203.0.113.9",
		"198.51.100.1,203.0.113.9,10.1.2.3": "203.0.113.9",
		"2001:db8::1":                       "2001:db8::1",
		"nonsense":                          "127.0.0.1",
		"203.0.113.9, nonsense":             "127.0.0.1",
		"::ffff:203.0.113.9":                "203.0.113.9",
	} {
		for c, want := range map[*apptest.Company]string{proxied: want, direct: "127.0.0.1"} {
			login(c.Nobody, "uma", apptest.Password, "X-Forwarded-For: "+forwarded)
			if got := c.Admin.Do("GET", "/api/audit-logs?action=LOGIN&limit=1", nil).Text("data.0.ipAddress"); got != want {
				t.Errorf("X-Forwarded-For: %s is logged as %s, want %s", forwarded, got, want)
			}
		}
	}
	if n := strings.Count(direct.Log.String(), "TRUSTED_PROXIES"); n != 1 {
		t.Errorf("warned %d times of an untrusted proxy", n)
	}
}
