package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/observe/report/reporttest"
	"cartracker/internal/overload"
	"cartracker/internal/record"
	"cartracker/internal/redis"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/pgtest"
	"cartracker/internal/store/testdb"
)

// TestStatusIsForAdmins asks for the page as everybody, in every way.
func TestStatusIsForAdmins(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		nobody := visit(t, c)
		toSignIn := func(what string, res webAnswer) {
			t.Helper()
			if res.status != 303 || res.header.Get("Location") != "/sign-in?to=status" || res.body != "" || res.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: %s %v", what, res, res.header)
			}
		}
		toSignIn("anyone", nobody.get("/status"))
		nobody.cookie = "unknown"
		toSignIn("an unknown cookie", nobody.get("/status"))
		toSignIn("a bearer token opens nothing", visit(t, c).get("/status", "Authorization: Bearer "+c.Admin.Token))
		for _, name := range []string{"uma", "emir"} {
			v := visit(t, c)
			v.post("/sign-in", "username", name, "password", apptest.Password)
			res := v.get("/status")
			isPage(t, name, res, 403, "Only an administrator may see this page.", `href="/status"`)
			if strings.Contains(res.body, "http-equiv") || strings.Contains(res.body, `href="/status">How`) || strings.Contains(v.get("/sign-in").body, `href="/status"`) {
				t.Errorf("%s: %s", name, res)
			}
		}
		v := visit(t, c)
		if in := v.post("/sign-in", "username", "amra", "password", apptest.Password, "to", "status"); in.status != 303 || in.header.Get("Location") != "/status" {
			t.Fatalf("signed in: %s %v", in, in.header)
		}
		isPage(t, "the admin", v.get("/status"), 200, "<h1>Status</h1>", `<meta http-equiv="refresh" content="10">`, `id="instances"`, `href="/sign-in">amra</a>`)
		isPage(t, "in Bosnian", v.get("/status", "Accept-Language: bs"), 200, `lang="bs"`, "<h1>Stanje</h1>", "Najsporije rute")
		if head := v.do("HEAD", "/status", ""); head.status != 200 || head.body != "" {
			t.Errorf("HEAD: %s", head)
		}
		isPage(t, "where to look", v.get("/sign-in"), 200, `href="/status"`)
		for _, from := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example", "Origin: null"} {
			isPage(t, from, v.get("/status", from), 403, "A page of another site has led here.", `href="/status"`)
		}
		for _, from := range []string{"Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: none", "Origin: " + v.url} {
			isPage(t, from, v.get("/status", from), 200, "<h1>Status</h1>")
		}
		c.Admin.Do("POST", "/api/auth/logout", apptest.JSON{"everywhere": true})
		toSignIn("a session that was ended", v.get("/status"))
	})
}

// TestStatusAfterSignIn: the form leads back to the page, and nowhere else.
func TestStatusAfterSignIn(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t), func(c *config.Config) { c.AppURL = "https://desk.example.com" })
	v := visit(t, c)
	if form := v.get("/sign-in?to=status"); !strings.Contains(form.body, `<input type="hidden" name="to" value="status">`) {
		t.Errorf("the form: %s", form)
	}
	if again := v.post("/sign-in", "username", "amra", "password", "wrong", "to", "status"); again.status != 401 || !strings.Contains(again.body, `name="to" value="status"`) {
		t.Errorf("after a wrong password: %s", again)
	}
	for to, want := range map[string]string{
		"status": "/status", "": "https://desk.example.com", "/status": "https://desk.example.com", "//evil.example": "https://desk.example.com",
		"https://evil.example": "https://desk.example.com", "status/../x": "https://desk.example.com", "docs": "https://desk.example.com",
	} {
		if form := v.get("/sign-in?to=" + to); to != "status" && strings.Contains(form.body, `name="to"`) {
			t.Errorf("%q is taken over: %s", to, form)
		}
		in := visit(t, c).post("/sign-in", "username", "amra", "password", apptest.Password, "to", to)
		if got := in.header.Get("Location"); in.status != 303 || got != want {
			t.Errorf("to %q: %s leads to %q", to, in, got)
		}
	}
}

// TestStatusKeepsNothingAlive: to look changes nothing, so that a page that is
// left open does not keep its session.
func TestStatusKeepsNothingAlive(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		v := visit(t, c)
		v.post("/sign-in", "username", "amra", "password", apptest.Password)
		w := &world{Company: c, raw: c.Database.Raw(t)}
		cookie, before := v.cookie, w.state(t)
		for range 3 {
			c.Clock.Move(time.Minute)
			if res := v.get("/status"); res.status != 200 || res.header.Get("Set-Cookie") != "" {
				t.Fatalf("%s %v", res, res.header)
			}
		}
		w.unchanged(t, before, "looking")
		if err := c.Activity.Flush(t.Context()); err != nil {
			t.Error(err)
		}
		w.unchanged(t, before, "looking, when activity is written")
		if v.cookie != cookie {
			t.Error("the cookie is another one")
		}
		for range 90 { // a page that is left open
			c.Clock.Move(24 * time.Hour)
			if v.get("/status").status == 303 {
				return
			}
		}
		t.Error("the session does not end")
	})
}

// TestStatusLimits: a page that is left open uses up nothing of its office, and
// strangers are counted.
func TestStatusLimits(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t), func(c *config.Config) { c.RateLimitAPI, c.RateLimitRead = "5/15m", "20/15m" })
	v := visit(t, c)
	v.post("/sign-in", "username", "amra", "password", apptest.Password)
	for range 20 {
		if res := v.get("/status"); res.status != 200 || res.header.Get("RateLimit-Policy") != `"read";q=200;w=900` {
			t.Fatalf("%s %v", res, res.header)
		}
	}
	stranger := visit(t, c)
	for range 5 {
		if res := stranger.get("/status"); res.status != 303 {
			t.Fatalf("a stranger: %s", res)
		}
	}
	isPage(t, "a stranger's 6th request", stranger.get("/status"), 429, "Too many attempts.")
}

// TestStatusInOverload: without a place at the database nobody is recognised.
func TestStatusInOverload(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	v := visit(t, c)
	v.post("/sign-in", "username", "amra", "password", apptest.Password)
	c.API.Gate = overload.New(overload.Room{Reads: 1, All: 1})
	leave, err := c.API.Gate.Enter(t.Context(), overload.SignIn)
	if err != nil {
		t.Fatal(err)
	}
	isPage(t, "no place", v.get("/status"), 503, "too much to do", `http-equiv="refresh"`)
	leave()
	isPage(t, "a place", v.get("/status"), 200)
}

// TestStatusEscapes: whatever gets into an error, a route or a header is a text.
func TestStatusEscapes(t *testing.T) {
	const hostile = `<img src=x onerror=alert(1)>"'&{{.}}`
	sink := reporttest.New(t)
	l, s, boss := reporting(t, sink, "")
	s.says.Store(hostile)
	s.mode.Store("panic")
	panics(t, boss, "7654321")
	v := &visitor{t: t, url: boss.URL(), http: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	defer v.http.CloseIdleConnections()
	v.post("/sign-in", "username", "amra", "password", apptest.Password)
	for range 2 {
		v.get("/"+strings.ReplaceAll(hostile, " ", "%20"), "User-Agent: "+hostile, "X-Request-Id: "+hostile)
	}
	res := v.get("/status", "User-Agent: "+hostile, "Accept-Language: "+hostile)
	isPage(t, "the page", res, 200, "<code>POST /api/customers</code>", "no fingerprint of", "&lt;img src=x onerror=")
	if strings.Contains(res.body, "<img") || strings.Contains(res.body, "passport") && strings.Contains(res.body, "7654321") {
		t.Errorf("the page: %s", res.body)
	}
	l.stop()
	if code := l.end(t); code != 0 {
		t.Errorf("ended with %d", code)
	}
}

// A watcher is an admin who looks at the page again and again.
type watcher struct{ *visitor }

func watching(t *testing.T, p *apptest.Process) watcher {
	t.Helper()
	v := visit(t, &apptest.Company{URL: p.Nobody.URL()})
	if in := v.post("/sign-in", "username", "amra", "password", apptest.Password, "to", "status"); in.header.Get("Location") != "/status" {
		t.Fatalf("signed in: %s", in)
	}
	return watcher{v}
}

// until waits for texts to be on the page.
func (w watcher) until(what string, patterns ...string) {
	w.t.Helper()
	body := ""
	defer func() {
		if w.t.Failed() {
			w.t.Logf("the page is %s", body)
		}
	}()
	apptest.Until(w.t, what, func() bool {
		body = w.get("/status").body
		for _, p := range patterns {
			if !regexp.MustCompile(p).MatchString(body) {
				return false
			}
		}
		return true
	})
}

// TestStatusMoves: what happens is on the page soon after, on a machine alone.
func TestStatusMoves(t *testing.T) {
	t.Parallel()
	s := apptest.NewSite(t, t.TempDir(), "", append(strict, "SLOW_QUERY=1ms", "BUSINESS_TZ=Asia/Tokyo")...)
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	boss, w := p.Nobody.SignIn("amra"), watching(t, p)
	w.until("the page", "Only this instance is known: REDIS_URL is not set", `<strong>SQLite</strong>: <span class="good">connected`, "<td>write</td>", "in this process",
		`\(JST, Asia/Tokyo\)`, `<dt>Cars: available</dt><dd>0</dd>`, `<dt>To be tried later</dt><dd>0</dd>`, `id="requests"`, `There were none\.`)
	socket := boss.Connect()
	defer socket.Lose()
	boss.Make("/api/cars", apptest.Car("A12-K-345"))
	boss.Make("/api/users", apptest.JSON{"username": "novak", "email": "novak@example.com", "sendCredentials": true})
	for p.Nobody.Do("POST", "/api/auth/login", apptest.JSON{"username": "emir", "password": "wrong"}).Status != http.StatusTooManyRequests {
	}
	w.until("what happened", `<dt>Cars: available</dt><dd>1</dd>`, `<dt>To be tried later</dt><dd>1</dd>`, `<dt>Connections of browsers here</dt><dd>1</dd>`,
		`<dt>People online, of all instances</dt><dd>1</dd>`, `<td class="number">[\d.,]+ m?s</td><td class="number">1</td><td class="rest"><code>POST /api/cars</code>`,
		`<td class="number">[\d.]+ m?s</td><td class="number">\d+</td><td class="rest long"><code>(INSERT|SELECT|UPDATE) `, `429, last hour</dt><dd>[1-9]`)
	if strings.Contains(w.get("/status").body, "novak") {
		t.Error("the page has what was sent")
	}
	boss.Do("POST", "/api/email-queue/pause", nil)
	w.until("the pause", `<p class="bad">Mails are paused</p>`, `<li class="warn"><span class="name">Jobs and mails`)
	boss.Do("GET", "/api/cars", nil)
	w.until("an answer from the cache", `last hour</dt><dd>\d+ %`)
}

// TestStatusOfInstances: two instances with PostgreSQL, a replica and Redis know
// of each other, and of what is away.
func TestStatusOfInstances(t *testing.T) {
	t.Parallel()
	primary := pgtest.New(t)
	replica := primary.Replica()
	server := redistest.New(t, redistest.Options{})
	s := apptest.NewSite(t, t.TempDir(), primary.URL("cartracker"), "REDIS_URL="+server.URL(), "DATABASE_REPLICA_URLS="+replica.URL("cartracker"), "DB_INSTANCES=2")
	s.AddUser(t, "amra", record.Admin)
	one := s.Serve(t)
	other := s.Serve(t)
	worker := s.With("BASE_URL=" + one.Nobody.URL()).Work(t)
	w, x := watching(t, one), watching(t, other)
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	row := func(p *apptest.Process, rest string) string {
		return regexp.QuoteMeta("<td>"+host+":"+p.Nobody.URL()[strings.LastIndex(p.Nobody.URL(), ":")+1:]) + rest
	}
	const this, ready = ` <small>\(this one\)</small></td><td class="good">ready`, `</td><td class="good">ready`
	w.until("each other", row(one, this), row(other, ready), `<td>`+regexp.QuoteMeta(host)+` <small>\(works jobs only\)`, `<strong>PostgreSQL</strong>`, `<span class="good">used`,
		`<dt>State</dt><dd>connected</dd>`, `<dt>95 of 100 within</dt>`, `id="lag"`, "<small>of all instances</small></h2>")
	x.until("each other", row(one, ready), row(other, this))
	hearNonsense(t, server.URL())
	w.until("what another version says, as a text", `<td>&lt;img src=x&gt;</td><td class="bad">odd</td>`, row(one, this), row(other, ready))
	if body := w.get("/status").body; strings.Contains(body, "<img") || strings.Contains(body, "nonsense") {
		t.Errorf("nonsense is on the page: %s", body)
	}

	if code := worker.Terminate(t)(); code != 0 {
		t.Errorf("the worker ended with %d", code)
	}
	apptest.Until(t, "the worker is gone", func() bool { return !strings.Contains(w.get("/status").body, "works jobs only") })

	server.Kill()
	w.until("Redis is away", "Only this instance is known now: Redis is away", `<dd class="bad">away</dd>`, row(one, this))
	server.Start()
	w.until("Redis is back", row(one, this), row(other, ready), `<dt>State</dt><dd>connected</dd>`)

	raw := databaseOf(replica).Raw(t)
	if _, err := raw.Exec("SELECT pg_wal_replay_pause()"); err != nil {
		t.Fatal(err)
	}
	one.Nobody.SignIn("amra").Make("/api/cars", apptest.Car("A12-K-345"))
	w.until("the replica that stands still is left out", `<span class="bad">left out</span>: it is too far behind</td><td class="number">[\d.]+ `, `<li class="warn"><span class="name">Database`)
	if _, err := raw.Exec("SELECT pg_wal_replay_resume()"); err != nil {
		t.Fatal(err)
	}
	w.until("the replica is there", `<span class="good">used`)

	other.Kill()
	apptest.Until(t, "who was killed is forgotten", func() bool {
		return !regexp.MustCompile(row(other, "")).MatchString(w.get("/status").body)
	})

	primary.Hang()
	apptest.Until(t, "the database is away", func() bool {
		res := w.get("/status")
		return res.status == 503 && strings.Contains(res.body, "The database is away. Without it nobody can be recognised") && strings.Contains(res.body, `http-equiv="refresh"`)
	})
	primary.Resume()
	w.until("the database is back", `<span class="good">connected`)
}

// hearNonsense puts into Redis what no instance of this version says.
func hearNonsense(t *testing.T, url string) {
	t.Helper()
	link, err := redis.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer link.Close()
	_, err = link.Eval(t.Context(), redis.NewScript(`
local now = redis.call('TIME')[1]
redis.call('HSET', KEYS[1], 'a', 'nonsense', 'b', now .. ' {"name":"nonsense', 'c', now .. ' [1]', 'd', '1 {"name":"nonsense"}')
return {redis.call('HSET', KEYS[1], 'e', now .. ' {"name":"<img src=x>","state":"odd","more":1}')}`), []string{"cartracker:instances"})
	if err != nil {
		t.Fatal(err)
	}
}

// TestStatusTellsErrors: an error is told with its route, its request and how often.
func TestStatusTellsErrors(t *testing.T) {
	sink := reporttest.New(t)
	l, s, boss := reporting(t, sink, "")
	s.says.Store("password=zq7secret of pero@example.com")
	s.mode.Store("panic")
	panics(t, boss, "7654321")
	panics(t, boss, "7654321")
	v := &visitor{t: t, url: boss.URL(), http: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	defer v.http.CloseIdleConnections()
	v.post("/sign-in", "username", "amra", "password", apptest.Password)
	res := v.get("/status")
	isPage(t, "the page", res, 200, "<code>POST /api/customers</code>", `<td class="number">2</td>`, `<li class="bad"><span class="name">Errors`)
	if !regexp.MustCompile(`<td class="number">2</td><td><code>[0-9a-f-]{36}</code>`).MatchString(res.body) {
		t.Errorf("there is no request id: %s", res.body)
	}
	if strings.Contains(res.body, "zq7secret") || strings.Contains(res.body, "pero@") {
		t.Errorf("the page tells secrets: %s", res.body)
	}
	l.stop()
	if code := l.end(t); code != 0 {
		t.Errorf("ended with %d", code)
	}
}

// BenchmarkStatus makes the page, with all that it has, for who is known.
func BenchmarkStatus(b *testing.B) {
	c := apptest.New(b, testdb.EmptySQLite(b))
	login := httptest.NewRecorder()
	form := httptest.NewRequest("POST", "/sign-in", strings.NewReader("username=amra&password="+apptest.Password))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	c.Served.ServeHTTP(login, form)
	cookies := login.Result().Cookies()
	b.ReportAllocs()
	for b.Loop() {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/status", nil)
		for _, k := range cookies {
			r.AddCookie(k)
		}
		if c.Served.ServeHTTP(w, r); w.Code != 200 {
			b.Fatal(fmt.Sprint(w.Code, w.Body))
		}
	}
}
