package app_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
	"cartracker/internal/store/testdb"
)

// onSQLite runs a test of what does not depend on the database.
func onSQLite(t *testing.T, test func(*testing.T, *apptest.Company)) {
	test(t, apptest.New(t, testdb.EmptySQLite(t)))
}

// kept are requests whose answers are kept, with what makes each of them another.
func (w *world) kept() []string {
	return []string{
		"/api/cars", "/api/cars?limit=10", "/api/cars/" + w.car, "/api/cars/" + url.PathEscape(w.plate),
		"/api/cars/available?from=2026-09-01&to=2026-09-03", "/api/cars/" + w.car + "/availability?from=2026-08-01&to=2026-09-01",
		"/api/cars/calendar?from=2026-08-01&to=2026-09-01",
		"/api/contracts", "/api/contracts/" + w.contract, "/api/contracts/active", "/api/contracts/expired", "/api/contracts/expiring",
		"/api/contracts/pending-notification", "/api/customers", "/api/customers/" + w.customer, "/api/customers/" + w.customer + "/contracts",
	}
}

func TestKeptAnswers(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		for _, path := range w.kept() {
			first := c.Employee.Do("GET", path, nil)
			second := c.Employee.Do("GET", path, nil)
			if first.Header.Get("X-Cache") != "MISS" || second.Header.Get("X-Cache") != "HIT" {
				t.Errorf("GET %s: %s, then %s", path, first.Header.Get("X-Cache"), second.Header.Get("X-Cache"))
			}
			for _, h := range []http.Header{first.Header, second.Header} {
				h.Del("X-Cache")
				h.Del("X-Request-Id")
				h.Del("Date")
			}
			if first.Status != 200 || !bytes.Equal(first.Body, second.Body) || fmt.Sprint(first.Header) != fmt.Sprint(second.Header) {
				t.Errorf("GET %s: %s %v, kept as %s %v", path, first, first.Header, second, second.Header)
			}
			if head := c.Employee.Do("HEAD", path, nil); head.Header.Get("X-Cache") != "HIT" || len(head.Body) > 0 || head.Header.Get("Etag") != second.Header.Get("Etag") ||
				head.Header.Get("Content-Length") != fmt.Sprint(len(second.Body)) {
				t.Errorf("HEAD %s: %v", path, head.Header)
			}
			if not := c.Employee.Do("GET", path, nil, "If-None-Match: "+second.Header.Get("Etag")); not.Status != 304 || not.Header.Get("X-Cache") != "HIT" || len(not.Body) > 0 {
				t.Errorf("GET %s again: %s", path, not)
			}
		}
	})
}

// An answer is kept for the callers of one role, and is nobody's who may not
// see it: neither who is not signed in, nor who was signed out.
func TestKeptForOneRole(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		for _, path := range w.kept() {
			c.Admin.Do("GET", path, nil)
			staff := c.Employee.Do("GET", path, nil)
			if staff.Header.Get("X-Cache") != "MISS" {
				t.Errorf("GET %s: an employee gets what was kept for admins", path)
			}
			if res := c.Nobody.Do("GET", path, nil); res.Status != 401 || res.Header.Get("X-Cache") != "" {
				t.Errorf("GET %s: nobody gets %s", path, res)
			}
			res := c.User.Do("GET", path, nil)
			switch {
			case !strings.HasPrefix(path, "/api/cars") || strings.Contains(path, "calendar"):
				if res.Status != 403 || res.Header.Get("X-Cache") != "" {
					t.Errorf("GET %s: a user gets %s", path, res)
				}
			case res.Status != 200 || strings.Contains(string(res.Body), "emir") || strings.Contains(string(res.Body), `"amra"`) || strings.Contains(string(res.Body), "1234567"):
				t.Errorf("GET %s: a user gets %s", path, res)
			}
		}
		other := c.SignUp(t, "edin", record.Employee)
		c.Employee.Do("GET", "/api/contracts", nil)
		if res := other.Do("GET", "/api/contracts", nil); res.Header.Get("X-Cache") != "HIT" {
			t.Errorf("a colleague gets a %s", res.Header.Get("X-Cache"))
		}
		if res := other.Do("POST", "/api/auth/logout", apptest.JSON{}); res.Status != 200 {
			t.Fatal(res)
		}
		if res := other.Do("GET", "/api/contracts", nil); res.Status != 401 {
			t.Errorf("who was signed out gets %s", res)
		}
	})
}

// Whatever a write changes is seen by the next reader.
func TestWritesAreSeen(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		fresh := map[string]string{}
		read := func() {
			for _, path := range w.kept() {
				fresh[path] = string(c.Employee.Do("GET", path, nil).Body)
			}
		}
		read()
		for _, write := range []struct {
			what, method, path string
			body               any
			changes            []string // in some of these answers it shows
		}{
			{"a car", "PATCH", "/api/cars/" + w.car, apptest.JSON{"color": "purple"}, []string{"/api/cars", "/api/cars/" + w.car, "/api/cars/" + w.plate}},
			{"another car", "POST", "/api/cars", apptest.Car("B77-T-001"), []string{"/api/cars", "/api/cars?limit=10", "/api/cars/available?from=2026-09-01&to=2026-09-03", "/api/cars/calendar?from=2026-08-01&to=2026-09-01"}},
			{"a customer's name", "PATCH", "/api/customers/" + w.customer, apptest.JSON{"name": "Selma Hodžić"}, []string{"/api/customers", "/api/contracts", "/api/contracts/" + w.contract, "/api/cars/calendar?from=2026-08-01&to=2026-09-01", "/api/cars/" + w.car + "/availability?from=2026-08-01&to=2026-09-01"}},
			{"a contract's dates", "PATCH", "/api/contracts/" + w.contract, apptest.JSON{"endDate": "2026-08-12"}, []string{"/api/contracts", "/api/contracts/" + w.contract, "/api/customers/" + w.customer + "/contracts", "/api/cars/" + w.car + "/availability?from=2026-08-01&to=2026-09-01"}},
			{"a new contract", "POST", "/api/contracts", apptest.Contract(w.car, w.customer, "2026-07-01", "2026-07-03"), []string{"/api/cars", "/api/cars/" + w.car, "/api/cars/" + w.plate, "/api/contracts/active", "/api/contracts/expiring"}},
			{"told", "POST", "/api/contracts/" + w.contract + "/mark-notification-sent", nil, []string{"/api/contracts/pending-notification", "/api/contracts/" + w.contract}},
			{"cancelled", "POST", "/api/contracts/" + w.contract + "/cancel", apptest.JSON{"reason": "the customer is ill"}, []string{"/api/contracts/" + w.contract, "/api/cars/" + w.car + "/availability?from=2026-08-01&to=2026-09-01"}},
			{"a clerk's name", "PATCH", "/api/users/" + string(c.Employee.ID), apptest.JSON{"name": "Emir Begić"}, []string{"/api/contracts", "/api/customers", "/api/contracts/" + w.contract}},
			{"archived", "POST", "/api/cars/" + w.car + "/archive", nil, []string{"/api/cars", "/api/cars/" + w.car}},
		} {
			if res := c.Admin.Do(write.method, write.path, write.body); res.Status >= 300 {
				t.Fatalf("%s: %s", write.what, res)
			}
			for _, path := range write.changes {
				if res := c.Employee.Do("GET", path, nil); string(res.Body) == fresh[path] || res.Header.Get("X-Cache") != "MISS" {
					t.Errorf("%s: GET %s still answers %s", write.what, path, res)
				}
			}
			read()
		}
		c.Clock.Move(24 * time.Hour)
		if res := c.Nobody.SignIn("emir").Do("GET", "/api/cars", nil); res.Header.Get("X-Cache") != "MISS" {
			t.Errorf("the next day: %s", res)
		}
	})
}

// The order of parameters, and how they are escaped, makes no other question.
func TestQueriesAreNormalized(t *testing.T) {
	t.Parallel()
	onSQLite(t, func(t *testing.T, c *apptest.Company) {
		c.Admin.Do("GET", "/api/cars?q=a%20b&limit=5&sort=year", nil)
		for _, same := range []string{"?limit=5&q=a+b&sort=year", "?sort=year&limit=5&q=%61%20b", "/?q=a%20b&limit=5&sort=year"} {
			if res := c.Admin.Do("GET", "/api/cars"+same, nil); res.Header.Get("X-Cache") != "HIT" {
				t.Errorf("%s is a %s", same, res.Header.Get("X-Cache"))
			}
		}
		for _, other := range []string{"?limit=5&q=a+b", "?limit=6&q=a+b&sort=year", "?limit=5&q=a++b&sort=year", "?limit=5&q=A+b&sort=year", "?q=a%20b&limit=5&sort=year&status="} {
			if res := c.Admin.Do("GET", "/api/cars"+other, nil); res.Header.Get("X-Cache") != "MISS" {
				t.Errorf("%s is a %s", other, res.Header.Get("X-Cache"))
			}
		}
		for _, unknown := range []string{"?unknown=1", "?q=a%20b&limit=5&sort=year&unknown=", "?unknown=1"} {
			if res := c.Admin.Do("GET", "/api/cars"+unknown, nil); res.Status != 400 || res.Header.Get("X-Cache") != "" {
				t.Errorf("a bad query: %s %v", res, res.Header)
			}
		}
		for range 2 {
			if res := c.Admin.Do("GET", "/api/cars/01a2058b-2335-7748-8db6-c93b7236d40c", nil); res.Status != 404 {
				t.Errorf("no such car: %s", res)
			}
		}
	})
}

// plainBody returns the body of an answer without its coding.
func plainBody(t *testing.T, res apptest.Response) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(res.Body)
	var err error
	switch res.Header.Get("Content-Encoding") {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		var d *zstd.Decoder
		if d, err = zstd.NewReader(r); err == nil {
			defer d.Close()
			r = d
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCompression(t *testing.T) {
	t.Parallel()
	onSQLite(t, func(t *testing.T, c *apptest.Company) {
		for i := range 20 {
			c.Admin.Make("/api/cars", apptest.Car(fmt.Sprintf("A%02d-K-345", i)))
		}
		for _, path := range []string{"/api/cars", "/api/audit-logs", "/openapi.json"} {
			plain := c.Admin.Do("GET", path, nil)
			tag := strings.TrimSuffix(plain.Header.Get("ETag"), `"`)
			for accept, coding := range map[string]string{
				"": "", "identity": "", "gzip": "gzip", "gzip, deflate, br": "gzip", "gzip, deflate, br, zstd": "zstd", "zstd;q=0, gzip": "gzip",
				"gzip;q=0": "", "br": "", "*": "zstd", "*;q=0": "", "GZIP": "gzip", "zstd;q=0.5, gzip;q=0.6": "gzip", "nonsense;;q=,": "",
			} {
				for _, method := range []string{"GET", "GET", "HEAD"} { // the second is kept
					res := c.Admin.Do(method, path, nil, "Accept-Encoding: "+accept)
					want := tag + `"`
					if coding != "" {
						want = tag + "-" + coding + `"`
					}
					if res.Header.Get("Content-Encoding") != coding || res.Header.Get("ETag") != want || !strings.Contains(res.Header.Get("Vary"), "Accept-Encoding") {
						t.Errorf("%s %s with %q: %v", method, path, accept, res.Header)
					}
					if method == "GET" && (plainBody(t, res) != string(plain.Body) || res.Header.Get("Content-Length") != fmt.Sprint(len(res.Body))) {
						t.Errorf("GET %s with %q has another body", path, accept)
					}
					if again := c.Admin.Do(method, path, nil, "Accept-Encoding: "+accept, "If-None-Match: "+plain.Header.Get("ETag")); again.Status != 304 || again.Header.Get("ETag") != want {
						t.Errorf("%s %s with %q again: %s %v", method, path, accept, again, again.Header)
					}
				}
			}
			if res := c.Admin.Do("GET", path, nil, "Accept-Encoding: gzip", "X-No-Compression: 1"); res.Header.Get("Content-Encoding") != "" {
				t.Errorf("GET %s is compressed although it must not be", path)
			}
		}
		many := strings.Join(names(200), ",")
		for what, res := range map[string]apptest.Response{
			"an answer under 1 KiB":  c.Admin.Do("GET", "/api/users/me", nil, "Accept-Encoding: gzip"),
			"an answer with a token": c.Nobody.Do("POST", "/api/auth/login", apptest.JSON{"username": "amra", "password": apptest.Password}, "Accept-Encoding: gzip"),
			"a picture":              c.Nobody.Do("GET", pictureOf(t, c), nil, "Accept-Encoding: gzip, zstd, br"),
		} {
			if res.Status != 200 || res.Header.Get("Content-Encoding") != "" {
				t.Errorf("%s: %d %v", what, res.Status, res.Header)
			}
		}
		if res := c.Admin.Do("POST", "/api/cars", "{"+many+"}", "Accept-Encoding: gzip"); res.Status != 422 || res.Header.Get("Content-Encoding") != "gzip" || !strings.Contains(plainBody(t, res), `"odd4"`) {
			t.Errorf("a long failure: %d %v", res.Status, res.Header)
		}
	})
}

// names returns members of an object that no resource has.
func names(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf(`"odd%d":1`, i))
	}
	return all
}

// pictureOf returns the path of a picture that a page has.
func pictureOf(t *testing.T, c *apptest.Company) string {
	t.Helper()
	page := string(c.Nobody.Do("GET", "/docs", nil).Body)
	_, rest, found := strings.Cut(page, `<link rel="icon" href="`)
	path, _, _ := strings.Cut(rest, `"`)
	if !found {
		t.Fatalf("the page has no icon: %s", page)
	}
	return path
}

func TestCacheRoutes(t *testing.T) {
	t.Parallel()
	onSQLite(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		misses := func() string {
			var all []string
			for _, path := range w.kept() {
				if c.Employee.Do("GET", path, nil).Header.Get("X-Cache") == "MISS" {
					all = append(all, strings.TrimPrefix(path, "/api/"))
				}
			}
			return strings.Join(all, " ")
		}
		misses()
		if again := misses(); again != "" {
			t.Fatalf("not kept: %s", again)
		}
		for pattern, want := range map[string]struct {
			raised float64
			keeps  string // whose answers stay, by the beginning of their paths
		}{"cars:*": {2, "customers"}, "car:*": {2, "customers"}, "customer:*": {2, "cars"}, "contracts:*": {2, "cars"}, "": {7, ""}, "*": {7, ""}} {
			res := c.Admin.Do("DELETE", "/api/cache?pattern="+url.QueryEscape(pattern), nil)
			if res.Status != 200 || res.Number("data.tagsRaised") != want.raised {
				t.Errorf("DELETE %q: %s", pattern, res)
			}
			got := " " + misses()
			kind := strings.TrimSuffix(strings.TrimSuffix(pattern, ":*"), "s") + "s"
			if pattern == "" || pattern == "*" {
				kind = "customers"
			}
			if !strings.Contains(got, " "+kind) || want.keeps != "" && strings.Contains(got, " "+want.keeps+" ") {
				t.Errorf("DELETE %q made these anew: %s", pattern, got)
			}
		}
		for _, bad := range []string{"car", "cars*", "nobody:*", "cars:1", "**", "*:*", "cars:*,car:*"} {
			res := c.Admin.Do("DELETE", "/api/cache?pattern="+url.QueryEscape(bad), nil)
			if checkFailure(t, "DELETE "+bad, res, 400); !strings.Contains(string(res.Body), "cars:*") {
				t.Errorf("DELETE %q does not say what there is: %s", bad, res)
			}
		}
		stats := c.Admin.Do("GET", "/api/cache/stats", nil)
		if stats.Number("data.entries") < 10 || stats.Number("data.bytes") < 1000 || stats.Number("data.mostBytes") != 64<<20 || stats.At("data.trusted") != true {
			t.Errorf("stats: %s", stats)
		}
		if stats.Text("data.routes.0.route") != "/api/cars" || stats.Number("data.routes.0.hits") < 1 || stats.Number("data.routes.0.misses") < 1 {
			t.Errorf("stats: %s", stats)
		}
	})
}

// While the feed of changes is not followed nothing that is kept is used.
func TestBypassed(t *testing.T) {
	t.Parallel()
	onSQLite(t, func(t *testing.T, c *apptest.Company) {
		c.Admin.Do("GET", "/api/cars", nil)
		c.StopFeed()
		for range 2 {
			if res := c.Admin.Do("GET", "/api/cars", nil); res.Status != 200 || res.Header.Get("X-Cache") != "BYPASS" {
				t.Errorf("%s %v", res, res.Header)
			}
		}
	})
}

// A hit asks the database nothing, not even who asks, and takes few allocations.
func TestHitIsCheap(t *testing.T) {
	for name, empty := range map[string]testdb.Empty{"SQLite": testdb.EmptySQLite, "PostgreSQL": testdb.MigratedPostgres} {
		t.Run(name, func(t *testing.T) { // not in parallel: allocations are counted over all goroutines
			c := apptest.New(t, empty(t))
			for i := range 100 {
				c.Admin.Make("/api/cars", apptest.Car(fmt.Sprintf("A%02d-K-345", i)))
			}
			tag := c.Employee.Do("GET", "/api/cars", nil).Header.Get("ETag")
			c.Employee.Do("GET", "/api/cars", nil, "Accept-Encoding: gzip")
			if err := c.DB.Close(); err != nil {
				t.Fatal(err)
			}
			for what, headers := range map[string][]string{"identity": nil, "gzip": {"Accept-Encoding", "gzip"}, "304": {"If-None-Match", tag}} {
				r := httptest.NewRequest("GET", "/api/cars", nil)
				r.Header.Set("Authorization", "Bearer "+c.Employee.Token)
				if headers != nil {
					r.Header.Set(headers[0], headers[1])
				}
				w := httptest.NewRecorder()
				if c.Served.ServeHTTP(w, r); w.Header().Get("X-Cache") != "HIT" || (w.Code == 304) != (what == "304") {
					t.Fatalf("%s without a database: %d %s %v", what, w.Code, w.Body, w.Header())
				}
				n := testing.AllocsPerRun(100, func() { c.Served.ServeHTTP(&unread{header: http.Header{}}, r) })
				t.Logf("%s: %.0f allocations", what, n)
				if n > 40 {
					t.Errorf("%s: %.0f allocations", what, n)
				}
			}
		})
	}
}

// An unread response goes nowhere.
type unread struct{ header http.Header }

func (u *unread) Header() http.Header         { return u.header }
func (u *unread) Write(b []byte) (int, error) { return len(b), nil }
func (u *unread) WriteHeader(int)             {}

// Long answers that are made as they are sent are compressed as well, short
// ones are not.
func TestStreamsAreCompressed(t *testing.T) {
	t.Parallel()
	onSQLite(t, func(t *testing.T, c *apptest.Company) {
		for i := range 20 {
			c.Admin.Make("/api/cars", apptest.Car(fmt.Sprintf("A%02d-K-345", i)))
		}
		const path = "/api/audit-logs/export?resource=car&format="
		for _, format := range []string{"csv", "json"} {
			whole := c.Admin.Do("GET", path+format, nil)
			for _, coding := range []string{"gzip", "zstd"} {
				res := c.Admin.Do("GET", path+format, nil, "Accept-Encoding: "+coding)
				if res.Header.Get("Content-Encoding") != coding || plainBody(t, res) != string(whole.Body) || len(res.Body)*3 > len(whole.Body) {
					t.Errorf("%s in %s: %d bytes of %d, %v", format, coding, len(res.Body), len(whole.Body), res.Header)
				}
			}
			if res := c.Admin.Do("GET", path+format+"&action=LOGOUT", nil, "Accept-Encoding: gzip"); res.Status != 200 || res.Header.Get("Content-Encoding") != "" {
				t.Errorf("nothing as %s: %s %v", format, res, res.Header)
			}
		}
	})
}
