package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app"
	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/overload"
	"cartracker/internal/store/testdb"
)

// A visitor is somebody with a browser, which keeps its cookie and shows
// answers without going on to where they send it.
type visitor struct {
	t      *testing.T
	url    string
	http   *http.Client
	cookie string
}

func visit(t *testing.T, c *apptest.Company) *visitor {
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &visitor{t: t, url: c.URL, http: &http.Client{Transport: transport, CheckRedirect: stay}}
}

// A webAnswer is what a browser is answered.
type webAnswer struct {
	status int
	header http.Header
	body   string
}

func (s webAnswer) String() string { return fmt.Sprintf("%d %.600s", s.status, s.body) }

func (v *visitor) get(path string, headers ...string) webAnswer {
	v.t.Helper()
	return v.do("GET", path, "", headers...)
}

// post sends a form: names and values in turn.
func (v *visitor) post(path string, fields ...string) webAnswer {
	v.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return v.do("POST", path, form.Encode(), "Content-Type: application/x-www-form-urlencoded", "Origin: "+v.url)
}

func (v *visitor) do(method, path, body string, headers ...string) webAnswer {
	v.t.Helper()
	req, err := http.NewRequest(method, v.url+path, strings.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	if v.cookie != "" {
		req.Header.Set("Cookie", "refreshToken="+v.cookie)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := v.http.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Error(err)
	}
	for _, c := range res.Cookies() {
		v.cookie = c.Value
	}
	return webAnswer{res.StatusCode, res.Header, string(text)}
}

const pagePolicy = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// isPage fails unless s is a page with this status and these texts, behind the
// headers that every page has.
func isPage(t *testing.T, what string, s webAnswer, status int, texts ...string) {
	t.Helper()
	if s.status != status {
		t.Errorf("%s: got %s, want %d", what, s, status)
		return
	}
	for name, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": pagePolicy, "Cache-Control": "no-store", "ETag": "",
		"Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Content-Encoding": "",
	} {
		if got := s.header.Get(name); got != want {
			t.Errorf("%s: %s is %q, want %q", what, name, got, want)
		}
	}
	for _, text := range append(texts, "<!doctype html>", `<meta name="viewport"`, "<title>", "</html>") {
		if !strings.Contains(s.body, text) {
			t.Errorf("%s: the page lacks %q: %s", what, text, s)
		}
	}
	for _, no := range []string{"<script", "<style", "style=", "onload", "javascript:", "://", "ZgotmplZ", "<no value>"} {
		if strings.Contains(s.body, no) {
			t.Errorf("%s: the page has %q", what, no)
		}
	}
	for _, m := range labelled.FindAllStringSubmatch(s.body, -1) {
		if !strings.Contains(s.body, `<label for="`+m[1]+`">`) || !strings.Contains(m[0], "autocomplete=") {
			t.Errorf("%s: %s has no label or no autocomplete", what, m[0])
		}
	}
}

var labelled = regexp.MustCompile(`<input id="([^"]*)"[^>]*>`)

func TestSignInPage(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		v := visit(t, c)
		isPage(t, "the form", v.get("/sign-in"), 200, `lang="en"`, `autocomplete="username"`, `autocomplete="current-password"`, `href="/sign-in?forgot"`, "Car Tracker")
		style := regexp.MustCompile(`href="(/assets/pages\.[0-9a-f]{16}\.css)"`).FindStringSubmatch(v.get("/sign-in").body)
		if style == nil || v.get(style[1]).status != 200 {
			t.Errorf("the style sheet %v is not there", style)
		}
		if head := v.do("HEAD", "/sign-in/", ""); head.status != 200 || head.body != "" || head.header.Get("Content-Security-Policy") != pagePolicy {
			t.Errorf("HEAD: %v", head)
		}
		in := v.post("/sign-in", "username", "Uma@Example.com", "password", apptest.Password)
		set := in.header.Get("Set-Cookie")
		if in.status != 303 || in.header.Get("Location") != "/sign-in" || in.header.Get("Cache-Control") != "no-store" || !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Lax") {
			t.Fatalf("signed in: %s %v", in, in.header)
		}
		isPage(t, "signed in", v.get("/sign-in"), 200, "You are signed in", "<strong>uma</strong>", `name="do" value="out"`, `href="/docs"`)
		isPage(t, "led there by another site", v.get("/sign-in", "Sec-Fetch-Site: cross-site"), 200, "<strong>uma</strong>")
		if res := refresh(c.Nobody, v.cookie); res.Status != 200 {
			t.Errorf("the cookie in the API: %s", res)
		}
		out := v.post("/sign-in", "do", "out")
		if out.status != 303 || v.cookie != "" || !strings.Contains(out.header.Get("Set-Cookie"), "Max-Age=0") {
			t.Errorf("signed out: %s %v", out, out.header)
		}
		cookie, _, _ := strings.Cut(strings.TrimPrefix(set, "refreshToken="), ";")
		v.cookie = cookie
		isPage(t, "with the cookie of before", v.get("/sign-in"), 200, `autocomplete="username"`)
		if again := v.post("/sign-in", "do", "out"); again.status != 303 {
			t.Errorf("signed out again: %s", again)
		}
		audit := c.Admin.Do("GET", "/api/audit-logs?limit=2&resource=session&sort=-createdAt&userId="+string(c.User.ID), nil)
		if audit.Text("data.0.action")+audit.Text("data.1.action") != "LOGOUTLOGIN" {
			t.Errorf("the audit log: %s", audit)
		}
	})
}

// TestSignInPageRefuses: unknown, inactive and wrong are one page.
func TestSignInPageRefuses(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	gone := c.Admin.Make("/api/users", apptest.JSON{"username": "gone", "email": "gone@example.com", "password": apptest.Password})
	c.Admin.Do("PATCH", "/api/users/"+gone, apptest.JSON{"active": false})
	v := visit(t, c)
	var first string
	for _, name := range []string{"uma", "gone", "stranger"} {
		began := time.Now()
		res := v.post("/sign-in", "username", name, "password", "typed-Wrongly-99")
		if took := time.Since(began); took < 250*time.Millisecond {
			t.Errorf("refused after %s", took)
		}
		isPage(t, name, res, 401, `role="alert">User name or password is wrong.`, `value="`+name+`"`)
		told := strings.ReplaceAll(res.body, `value="`+name+`"`, "")
		if first == "" {
			first = told
		}
		if told != first || strings.Contains(told, "typed-Wrongly") || res.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: refused otherwise: %s", name, res)
		}
	}
	odd := v.post("/sign-in", "username", `"><b>{{.}}`, "password", "x")
	isPage(t, "an odd name", odd, 401, `value="&#34;&gt;&lt;b&gt;{{.}}"`)
	isPage(t, "nothing", v.post("/sign-in"), 422, `aria-describedby="username-error"`, `id="password-error" role="alert">Please fill this in.`)
	long := v.post("/sign-in", "username", strings.Repeat("a", 300), "password", strings.Repeat("š", 1025))
	isPage(t, "too much", long, 422, `id="username-error" role="alert">This has too many characters.`, `id="password-error" role="alert">This has too many characters.`)
}

func TestPageLanguages(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t), func(c *config.Config) { c.DefaultLanguage = "bs" })
	v := visit(t, c)
	for asked, want := range map[string]string{
		"": "bs", "bs": "bs", "bs-Cyrl-BA": "bs", "hr-HR,hr;q=0.9": "bs", "sr-Latn": "bs", "en-US,en;q=0.5": "en", "de, en;q=0.5, bs;q=0.7": "bs",
		"de, fr": "bs", "en;q=0.1, bs;q=0": "en", "nonsense;;;q=x": "bs", "*": "bs",
	} {
		text := map[string]string{"bs": "Korisničko ime", "en": "User name"}[want]
		isPage(t, asked, v.get("/sign-in", "Accept-Language: "+asked), 200, `<html lang="`+want+`">`, text)
	}
}

// TestSignInPageOfAClient sends people on to the web client, whose place the
// policy lets the form lead to.
func TestSignInPageOfAClient(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t), func(c *config.Config) {
		c.BaseURL, c.AppURL = "https://api.example.com", "https://app.example.com/desk"
	})
	v := visit(t, c)
	want := strings.Replace(pagePolicy, "'self'; base", "'self' https://app.example.com; base", 1)
	if form := v.get("/sign-in"); form.status != 200 || form.header.Get("Content-Security-Policy") != want {
		t.Errorf("the policy is %q, want %q", form.header.Get("Content-Security-Policy"), want)
	}
	in := v.do("POST", "/sign-in", "username=uma&password="+apptest.Password, "Content-Type: application/x-www-form-urlencoded", "Origin: https://api.example.com")
	set := in.header.Get("Set-Cookie")
	if in.status != 303 || in.header.Get("Location") != "https://app.example.com/desk" || !strings.HasPrefix(set, "__Host-refreshToken=") || !strings.Contains(set, "Secure") {
		t.Errorf("signed in: %s %v", in, in.header)
	}
}

func TestForgotPage(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		v := visit(t, c)
		isPage(t, "the form", v.get("/sign-in?forgot"), 200, `type="email"`, `autocomplete="email"`, `name="do" value="forgot"`)
		first := v.post("/sign-in", "do", "forgot", "email", "uma@example.com")
		isPage(t, "known", first, 202, "If there is an account", `role="status"`)
		if other := v.post("/sign-in", "do", "forgot", "email", " nobody@example.com "); other.status != 202 || other.body != first.body {
			t.Errorf("unknown: %s", other)
		}
		mails := c.Mails()
		if len(mails) != 2 || mails[0].Email != "uma@example.com" || mails[1].Email != "nobody@example.com" {
			t.Errorf("mails: %v", mails)
		}
		for _, email := range badAddresses {
			if strings.ContainsAny(email, "\r\n\x01\x7f") {
				continue
			}
			isPage(t, email, v.post("/sign-in", "do", "forgot", "email", email), 422, `id="email-error" role="alert"`, `aria-invalid="true"`)
		}
		if n := len(c.Mails()); n != 2 {
			t.Errorf("%d mails", n)
		}
	})
}

func TestSetPasswordPage(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		c.User.Do("PATCH", "/api/users/me", apptest.JSON{"language": "bs"})
		v := visit(t, c)
		token := c.Link(c.User.ID)
		path := "/set-password?token=" + token
		for range 3 {
			isPage(t, "the form", v.get(path, "Accept-Language: en"), 200, `lang="bs"`, "Odaberite lozinku", "<strong>uma</strong>", `autocomplete="new-password"`, `name="token" value="`+token+`"`)
			if head := v.do("HEAD", path, ""); head.status != 200 || head.body != "" {
				t.Errorf("HEAD: %v", head)
			}
		}
		for what, typed := range map[string][3]string{
			"two passwords": {another, another + "x", `id="repeat-error" role="alert"`},
			"none":          {"", "", `id="new-error" role="alert">Molimo popunite.`},
			"a short one":   {"short", "short", `id="new-error" role="alert">Ovo mora imati najmanje 8 znakova.`},
			"a common one":  {"password1", "password1", "Ovo je previše uobičajeno"},
			"a long one":    {strings.Repeat("šđž", 400), strings.Repeat("šđž", 400), "najviše 1024"},
		} {
			res := v.post("/set-password", "token", token, "new", typed[0], "repeat", typed[1])
			isPage(t, what, res, 422, typed[2], `aria-invalid="true"`, `value="`+token+`"`)
			if typed[0] != "" && strings.Contains(res.body, typed[0]) {
				t.Errorf("%s: the page has the password", what)
			}
		}
		isPage(t, "set", v.post("/set-password", "token", token, "new", another, "repeat", another), 200, `lang="bs"`, "Lozinka je postavljena", `href="/sign-in"`)
		if res := login(c.Nobody, "uma", another); res.Status != 200 || alive(t, c.User) {
			t.Errorf("after it was set: %s", res)
		}
		nowhere(t, c, token, another)
		deadLinks(t, c, v, token)
	})
}

// deadLinks opens links that cannot be used, of which one was: all are one page.
func deadLinks(t *testing.T, c *apptest.Company, v *visitor, used string) {
	old, inactive := c.Link(c.Employee.ID), c.Link(c.User.ID)
	c.Clock.Move(24 * time.Hour)
	c.Admin = c.Nobody.SignIn("amra")
	c.Admin.Do("PATCH", "/api/users/"+string(c.User.ID), apptest.JSON{"active": false})
	var first string
	for what, token := range map[string]string{
		"used": used, "expired": old, "inactive": inactive, "unknown": strings.Repeat("x", 43), "empty": "", "long": strings.Repeat("a", 5000), "odd": "%27%3E%3Cb%3E",
	} {
		res := v.get("/set-password?token=" + token)
		isPage(t, what, res, 410, "This link does not work", `href="/sign-in?forgot"`)
		if first == "" {
			first = res.body
		}
		if res.body != first {
			t.Errorf("%s: another page: %s", what, res)
		}
		if plain, err := url.QueryUnescape(token); err != nil || v.post("/set-password", "token", plain, "new", another, "repeat", another).body != first {
			t.Errorf("%s: posting it gets another page (%v)", what, err)
		}
	}
	if res := v.get("/set-password"); res.status != 410 || res.body != first {
		t.Errorf("no token: %s", res)
	}
}

// TestForeignForms sends forms as pages of other sites would: nothing is done.
func TestForeignForms(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	v, token := visit(t, c), c.Link(c.User.ID)
	v.post("/sign-in", "username", "uma", "password", apptest.Password)
	cookie := v.cookie
	const kind = "Content-Type: application/x-www-form-urlencoded"
	for _, from := range []string{
		"Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site",
		"Origin: " + strings.Replace(v.url, "127.0.0.1", "localhost", 1), "Origin: " + v.url + "0",
	} {
		for path, form := range map[string]string{
			"/sign-in":      "username=emir&password=" + apptest.Password,
			"/sign-in?out":  "do=out",
			"/sign-in?ask":  "do=forgot&email=uma@example.com",
			"/set-password": "token=" + token + "&new=" + another + "&repeat=" + another,
		} {
			res := v.do("POST", path, form, kind, from)
			isPage(t, path+" "+from, res, 403, "another site")
			if res.header.Get("Set-Cookie") != "" {
				t.Errorf("%s %s: %v", path, from, res.header)
			}
		}
	}
	isPage(t, "still signed in", v.get("/sign-in"), 200, "<strong>uma</strong>")
	isPage(t, "still live", v.get("/set-password?token="+token), 200, "uma")
	if v.cookie != cookie || len(c.Mails()) != 0 {
		t.Errorf("a foreign form did something: mails %v", c.Mails())
	}
	if res := v.do("POST", "/sign-in", "do=out", kind, "Sec-Fetch-Site: same-origin"); res.status != 303 {
		t.Errorf("from our own page: %s", res)
	}
}

// TestBadForms sends what no browser would.
func TestBadForms(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	v := visit(t, c)
	const form, canary = "Content-Type: application/x-www-form-urlencoded", "zq7typed"
	for _, path := range []string{"/sign-in", "/set-password"} {
		for _, bad := range []struct {
			body, kind string
			status     int
		}{
			{"username=uma&password=" + canary + "%zz", form, 400},
			{"username=uma&username=" + canary, form, 400},
			{"username=%00" + canary, form, 400},
			{"username=%ff" + canary, form, 400},
			{"a;b=" + canary, form, 400},
			{"username=" + strings.Repeat(canary, 10_000), form, 413},
			{`{"username":"` + canary + `"}`, "Content-Type: application/json", 415},
			{canary, "Content-Type: multipart/form-data; boundary=x", 415},
			{canary, "Content-Type: ", 415},
			{canary, "Content-Type: ;", 415},
		} {
			res := v.do("POST", path, bad.body, bad.kind)
			isPage(t, path+" "+bad.kind, res, bad.status, "cannot be read")
			if strings.Contains(res.body, canary) {
				t.Errorf("%s: the page has what was sent", path)
			}
		}
		if res := v.do("PUT", path, ""); res.status != 405 || res.header.Get("Allow") != "GET, HEAD, POST" {
			t.Errorf("PUT %s: %s %v", path, res, res.header)
		}
		for _, bad := range []string{"?token=%zz", "?token=%ff", "?token=%00", "?token=a&token=b"} {
			if res := v.get(path + bad); res.status != 400 {
				t.Errorf("%s: %s", path+bad, res)
			}
		}
	}
	nowhere(t, c, canary)
}

// TestPagesAreLimited counts what fails on a page and in the API together.
func TestPagesAreLimited(t *testing.T) {
	t.Parallel()
	eachLimiter(t, func(t *testing.T, c *apptest.Company) {
		v := visit(t, c)
		token := c.Link(c.User.ID)
		for range 2 {
			isPage(t, "a wrong password", v.post("/sign-in", "username", "uma", "password", "wrong"), 401)
		}
		isPage(t, "a link that does not work", v.post("/set-password", "token", "x", "new", another, "repeat", another), 410)
		isPage(t, "a link that is asked for", v.post("/sign-in", "do", "forgot", "email", "uma@example.com"), 202)
		checkFailure(t, "in the API", login(c.Nobody, "uma", "wrong"), 401)
		for what, form := range map[string][]string{
			"a right password": {"/sign-in", "username", "uma", "password", apptest.Password},
			"asked for":        {"/sign-in", "do", "forgot", "email", "uma@example.com"},
			"a good link":      {"/set-password", "token", token, "new", another, "repeat", another},
			"a bad link":       {"/set-password", "token", "x", "new", another, "repeat", another},
		} {
			res := v.post(form[0], form[1:]...)
			isPage(t, what, res, 429, "Too many attempts. Try again in 15 min.", `role="alert"`)
			if res.header.Get("Retry-After") == "" || res.header.Get("RateLimit-Limit") != "5" || res.header.Get("Set-Cookie") != "" {
				t.Errorf("%s: %v", what, res.header)
			}
		}
		checkFailure(t, "in the API, too often", login(c.Nobody, "uma", apptest.Password), 429)
		if n := len(c.Mails()); n != 1 {
			t.Errorf("%d mails, want 1", n)
		}
		last := 0
		for range 110 {
			if last = v.get("/sign-in").status; last == 429 {
				break
			}
		}
		isPage(t, "a stranger's 101st request", v.get("/sign-in?forgot"), 429, "Too many attempts.")
		isPage(t, "and a form", v.post("/set-password"), 429, "Too many attempts.")
	})
}

// TestPagesInOverload asks while there is no place at the database.
func TestPagesInOverload(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	v, token := visit(t, c), c.Link(c.User.ID)
	c.API.Gate = overload.New(overload.Room{Reads: 1, All: 1})
	leave, err := c.API.Gate.Enter(t.Context(), overload.SignIn)
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range []webAnswer{
		v.get("/sign-in"), v.get("/set-password?token=" + token), v.post("/sign-in", "username", "uma", "password", apptest.Password), v.post("/set-password", "token", token),
	} {
		if isPage(t, "no place", res, 503, "too much to do", `role="alert"`, "name this number", res.header.Get("X-Request-Id")); res.header.Get("Retry-After") == "" {
			t.Errorf("no place: %v", res.header)
		}
	}
	leave()
	isPage(t, "a place", v.get("/set-password?token="+token), 200)
}

// TestPagesAreListed: pages are in the route table, and not in the document.
func TestPagesAreListed(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	listed := string(c.Admin.Do("GET", "/routes", nil).Body)
	for _, want := range []string{
		`{"method":"GET","path":"/sign-in","role":"anyone","limiter":"api","cache":null}`, `{"method":"POST","path":"/sign-in","role":"anyone","limiter":"auth","cache":null}`,
		`{"method":"GET","path":"/status","role":"admin","limiter":"read","cache":null}`,
		`{"method":"GET","path":"/set-password","role":"anyone","limiter":"api","cache":null}`, `{"method":"POST","path":"/set-password","role":"anyone","limiter":"auth","cache":null}`,
	} {
		if !strings.Contains(listed, want) {
			t.Errorf("the route table lacks %s", want)
		}
	}
	for _, r := range (app.Program{}).Routes() {
		if !strings.Contains(listed, `{"method":"`+r.Method+`","path":"`+r.Path+`","role":"`+r.Role+`"`) {
			t.Errorf("GET /routes lacks %v", r)
		}
	}
	if n, want := len((app.Program{}).Routes()), strings.Count(listed, `"path":`); n != want {
		t.Errorf("cartracker routes has %d, GET /routes %d", n, want)
	}
	for path := range readDocument(t).Paths {
		if path == "/sign-in" || path == "/set-password" || path == "/status" {
			t.Errorf("the document describes %s", path)
		}
	}
}
