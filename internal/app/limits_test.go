package app_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/testdb"
)

// limited are the limits as they are by default.
func limited(c *config.Config) {
	c.RateLimitAPI, c.RateLimitAuth, c.RateLimitRead, c.RateLimitWrite = "", "", "", ""
}

// behindProxy lets tests come from wherever they say.
func behindProxy(c *config.Config) { c.TrustedProxies = "127.0.0.1" }

// eachLimiter runs a test against a company that counts by itself, and one that
// counts in Redis.
func eachLimiter(t *testing.T, test func(*testing.T, *apptest.Company), settings ...func(*config.Config)) {
	settings = append([]func(*config.Config){limited}, settings...)
	t.Run("Memory", func(t *testing.T) {
		t.Parallel()
		test(t, apptest.New(t, testdb.EmptySQLite(t), settings...))
	})
	t.Run("Redis", func(t *testing.T) {
		t.Parallel()
		inRedis := func(c *config.Config) { c.RedisURL = config.NewSecret(redistest.New(t, redistest.Options{}).URL()) }
		test(t, apptest.New(t, testdb.MigratedPostgres(t), append(settings, inRedis)...))
	})
}

// Made-up refresh cookies count as requests of somebody unknown, also over a socket.
func TestSocketStrangersAreLimited(t *testing.T) {
	t.Parallel()
	eachLimiter(t, func(t *testing.T, c *apptest.Company) {
		try := func(cookie string) error {
			s, err := c.Nobody.TryConnect(nil, "Origin: "+c.URL, "Cookie: refreshToken="+cookie)
			if err == nil {
				s.Lose()
			}
			return err
		}
		if err := try(c.User.Cookie); err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			if err := try(fmt.Sprint(i)); !errors.Is(err, apptest.ErrRefused{Message: "unauthorized", Code: "unauthorized"}) {
				t.Fatalf("try %d: %v", i+1, err)
			}
		}
		if err := try("one more"); !errors.Is(err, apptest.ErrRefused{Message: "unavailable", Code: "rate_limited"}) {
			t.Error(err)
		}
		if res := c.Nobody.Do("GET", "/api/cars", nil); res.Status != 429 {
			t.Error(res)
		}
		c.User.Connect() // whoever has a token is known
	})
}

// The 101st request of somebody unknown is the first that is refused, by
// whatever way it comes.
func TestStrangersAreLimited(t *testing.T) {
	t.Parallel()
	eachLimiter(t, func(t *testing.T, c *apptest.Company) {
		paths := []string{
			"/api/cars", "/api/cars/", "//api/cars", "/api//cars", "/API/cars", "/api/cars?x=1", "/api/nothing", "/api/cars/%2e%2e", "/docs", "/api/auth/session-check",
			"/api/cars?%zz", "/api/%00", "/openapi.json",
		}
		for i := range 110 {
			method := []string{"GET", "GET", "HEAD", "POST", "OPTIONS", "TRACE"}[i%6]
			res := c.Nobody.Do(method, paths[i%len(paths)], nil, fmt.Sprintf("X-Forwarded-For: 10.0.0.%d", i), fmt.Sprintf("Authorization: Bearer %d", i))
			if (res.Status == 429) != (i >= 100) {
				t.Fatalf("request %d, %s %s: %s", i+1, method, paths[i%len(paths)], res)
			}
			h := res.Header
			left := fmt.Sprint(max(0, 99-i))
			if h.Get("RateLimit-Limit") != "100" || h.Get("RateLimit-Remaining") != left || h.Get("RateLimit-Policy") != `"api";q=100;w=900` ||
				!strings.HasPrefix(h.Get("RateLimit"), `"api";r=`+left+";t=") || h.Get("RateLimit-Reset") == "" {
				t.Errorf("request %d: %v", i+1, h)
			}
			if res.Status == 429 && method == "GET" {
				checkFailure(t, "GET", res, 429)
				if res.Text("code") != "rate_limited" || h.Get("Retry-After") == "" || res.Number("retryAfter") < 1 || res.Number("retryAfter") > 900 {
					t.Errorf("refused: %s %v", res, h)
				}
			}
		}
		for range 3 { // neither is counted or refused
			for _, free := range []string{"/health", "/health/ready"} {
				if res := c.Nobody.Do("GET", free, nil); res.Status != 200 || res.Header.Get("RateLimit-Limit") != "" {
					t.Errorf("GET %s: %s %v", free, res, res.Header)
				}
			}
			if res := c.Nobody.Do("OPTIONS", "/api/cars", nil, "Origin: "+c.URL, "Access-Control-Request-Method: GET"); res.Status != 204 || res.Header.Get("RateLimit-Limit") != "" {
				t.Errorf("a preflight: %s %v", res, res.Header)
			}
			if res := c.User.Do("GET", "/api/auth/session-check", nil); res.Status != 200 || res.Header.Get("RateLimit-Limit") != "" {
				t.Errorf("session-check: %s %v", res, res.Header)
			}
		}
		if res := c.User.Do("GET", "/api/cars", nil); res.Status != 200 || res.Header.Get("RateLimit-Policy") != `"read";q=200;w=900` {
			t.Errorf("who is known: %s %v", res, res.Header)
		}
	})
}

// Callers who are known are counted by who they are: reads and writes apart,
// staff with ten times as many, whatever they get.
func TestCallersAreLimited(t *testing.T) {
	t.Parallel()
	eachLimiter(t, func(t *testing.T, c *apptest.Company) {
		until := func(who *apptest.Client, method, path, policy string, limit int) {
			t.Helper()
			for i := range limit + 2 {
				res := who.Do(method, path, nil, fmt.Sprintf("X-Forwarded-For: 10.%d.0.1", i%200))
				if res.Header.Get("RateLimit-Policy") != policy || (res.Status == 429) != (i >= limit) {
					t.Fatalf("%s %s %d: %d %v", method, path, i+1, res.Status, res.Header)
				}
			}
		}
		until(c.User, "GET", "/api/cars", `"read";q=20;w=900`, 20)
		until(c.User, "POST", "/api/nothing", `"write";q=5;w=900`, 5)
		until(c.Employee, "GET", "/api/cars", `"read";q=60;w=900`, 60)
		until(c.Admin, "DELETE", "/api/cars/nothing", `"write";q=15;w=900`, 15)
		if res := c.Employee.Do("PATCH", "/api/users/me", apptest.JSON{}); res.Status != 200 {
			t.Errorf("who has read too much writes: %s", res)
		}
	}, behindProxy, func(c *config.Config) {
		c.RateLimitRead, c.RateLimitWrite, c.RateLimitStaffFactor = "20/15m", "5/15m", "3"
	})
}

// An address behind a proxy of ours is counted by itself, and an IPv6 network
// as one, however its owner hops in it.
func TestAddressesAreCounted(t *testing.T) {
	t.Parallel()
	eachLimiter(t, func(t *testing.T, c *apptest.Company) {
		ask := func(from string) int { return c.Nobody.Do("GET", "/api/cars", nil, "X-Forwarded-For: "+from).Status }
		for i := range 10 {
			if got := ask(fmt.Sprintf("2001:db8:1:2:%x::%x", i, i)); (got == 429) != (i >= 5) {
				t.Errorf("the %d. address of one network gets %d", i+1, got)
			}
			if got := ask(fmt.Sprintf("2001:db8:1:%x::1", i+16)); got == 429 {
				t.Error("another network is refused")
			}
			if got := ask(fmt.Sprintf("203.0.113.%d", i)); got == 429 {
				t.Error("another address is refused")
			}
			if got := ask(fmt.Sprintf("198.51.100.%d, 192.0.2.1", i)); (got == 429) != (i >= 5) {
				t.Errorf("what a client says of itself counts: %d gets %d", i, got)
			}
		}
		if got := ask("::ffff:192.0.2.1"); got != 429 {
			t.Errorf("the same address written as IPv6 gets %d", got)
		}
	}, behindProxy, func(c *config.Config) { c.RateLimitAPI = "5/15m" })
}

func signIn(c *apptest.Company, name, password, from string) apptest.Response {
	return c.Nobody.Do("POST", "/api/auth/login", apptest.JSON{"username": name, "password": password}, "X-Forwarded-For: "+from)
}

// Only failures count at sign-in: by address, and ten times as many by account.
func TestSignInIsLimited(t *testing.T) {
	t.Parallel()
	eachLimiter(t, func(t *testing.T, c *apptest.Company) {
		for range 3 {
			if res := signIn(c, "emir", apptest.Password, "192.0.2.1"); res.Status != 200 || res.Header.Get("RateLimit-Remaining") != "2" {
				t.Fatalf("a sign-in: %s %v", res, res.Header)
			}
		}
		for i := range 4 {
			res := signIn(c, "emir", "wrong", "192.0.2.1")
			if want := []int{401, 401, 429, 429}[i]; res.Status != want || res.Header.Get("RateLimit-Policy") != `"auth";q=2;w=900` {
				t.Errorf("try %d: %s %v", i+1, res, res.Header)
			}
		}
		if res := signIn(c, "emir", apptest.Password, "192.0.2.1"); res.Status != 429 {
			t.Errorf("the right password after too many wrong ones: %s", res)
		}
		if res := c.Nobody.Do("POST", "/api/auth/refresh", nil, "Cookie: refreshToken=x", "X-Forwarded-For: 192.0.2.1"); res.Status != 429 {
			t.Errorf("a wrong refresh token from there: %s", res)
		}
		if res := signIn(c, "emir", apptest.Password, "192.0.2.2"); res.Status != 200 {
			t.Errorf("from elsewhere: %s", res)
		}
		for i := range 22 { // 18 more are left of 20
			res := signIn(c, []string{"emir", "EMIR", "emir@example.com"}[i%3], "wrong", fmt.Sprintf("198.51.100.%d", i))
			if want := map[bool]int{true: 401, false: 429}[i < 18]; res.Status != want {
				t.Errorf("try %d at one account from many addresses: %s", i+1, res)
			}
		}
		if res := signIn(c, "uma", apptest.Password, "198.51.100.200"); res.Status != 200 {
			t.Errorf("another account: %s", res)
		}
	}, behindProxy, func(c *config.Config) { c.RateLimitAuth = "2/15m" })
}

// Other ways to try a password or a code count as well, and nothing else does.
func TestOtherTriesAreLimited(t *testing.T) {
	t.Parallel()
	eachLimiter(t, func(t *testing.T, c *apptest.Company) {
		until := func(what string, status, limit int, try func(from string) apptest.Response) {
			t.Helper()
			from := "192.0.2." + fmt.Sprint(len(what))
			for i := range limit + 2 {
				res := try("X-Forwarded-For: " + from)
				if want := map[bool]int{true: 429, false: status}[i >= limit]; res.Status != want {
					t.Errorf("%s %d: %s", what, i+1, res)
				}
			}
		}
		until("password", 422, 5, func(from string) apptest.Response {
			return c.User.Do("PUT", "/api/users/"+string(c.User.ID)+"/password", apptest.JSON{"currentPassword": "wrong", "newPassword": "another-Lamp-Neretva-5"}, from)
		})
		until("refresh token", 401, 5, func(from string) apptest.Response {
			return c.Nobody.Do("POST", "/api/auth/refresh", nil, "Cookie: refreshToken=wrong", from)
		})
		until("registering", 403, 5, func(from string) apptest.Response {
			return c.Nobody.Do("POST", "/api/auth/register", apptest.JSON{"username": "x"}, from)
		})
		for range 10 {
			if res := c.Nobody.Do("POST", "/api/auth/refresh", nil, "X-Forwarded-For: 192.0.2.200"); res.Status != 401 {
				t.Errorf("a refresh by somebody who was never signed in: %s", res)
			}
		}
	}, behindProxy)
}

// What comes to no try is counted as any request of somebody unknown, and a
// session can be refreshed and ended whatever others at the address did.
func TestUntriedIsCounted(t *testing.T) {
	t.Parallel()
	eachLimiter(t, func(t *testing.T, c *apptest.Company) {
		const from = "X-Forwarded-For: 192.0.2.1"
		for range 7 {
			c.Nobody.Do("POST", "/api/auth/login", apptest.JSON{"username": "emir", "password": "wrong"}, from)
		}
		fresh := c.Nobody.SignIn("uma")
		if res := c.Nobody.Do("POST", "/api/auth/refresh", nil, "Cookie: refreshToken="+fresh.Cookie, from); res.Status != 200 {
			t.Errorf("a refresh beside who mistyped: %s", res)
		}
		refused := 0
		for i := range 30 {
			res := c.Nobody.Do("POST", []string{"/api/auth/login", "/api/auth/refresh"}[i%2], "{", from)
			if res.Status == 429 {
				refused++
			}
		}
		if refused != 12 { // of the 20 that are allowed, two were the sign-ins that were refused
			t.Errorf("%d of 30 useless requests are refused", refused)
		}
		for range 8 {
			c.User.Do("PATCH", "/api/users/me", apptest.JSON{})
		}
		if res := c.User.Do("POST", "/api/auth/logout", apptest.JSON{}); res.Status != 200 {
			t.Errorf("who has written too much cannot sign out: %s", res)
		}
	}, behindProxy, func(c *config.Config) { c.RateLimitAPI, c.RateLimitWrite = "20/15m", "5/15m" })
}

// Wrong passwords that are tried at the same time get no further than one after
// the other; and clerks of one office who all know theirs are all let in.
func TestTriesAtOnce(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		var all sync.WaitGroup
		var tried, refused, entered atomic.Int32
		for i := range 15 {
			all.Go(func() {
				res := signIn(c, fmt.Sprint("nobody", i), "wrong", "192.0.2.1")
				switch res.Status {
				case 401:
					tried.Add(1)
				case 429:
					refused.Add(1)
				default:
					t.Errorf("a wrong password: %s", res)
				}
			})
		}
		for range 8 {
			all.Go(func() {
				if res := signIn(c, "emir", apptest.Password, "192.0.2.2"); res.Status == http.StatusOK {
					entered.Add(1)
				} else {
					t.Errorf("a right password: %s", res)
				}
			})
		}
		all.Wait()
		if tried.Load() != 5 || refused.Load() != 10 || entered.Load() != 8 {
			t.Errorf("%d wrong passwords were tried and %d refused, %d right ones entered", tried.Load(), refused.Load(), entered.Load())
		}
	}, limited, behindProxy)
}

func TestRouteTableTellsLimits(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	got := map[string]string{}
	for _, r := range c.API.Routes() {
		limiter := "none"
		if r.Limiter != nil {
			limiter = *r.Limiter
		}
		got[r.Method+" "+r.Path] = limiter
	}
	for route, want := range map[string]string{
		"GET /health": "none", "GET /routes": "none", "GET /docs": "api", "GET /api/cars": "read", "POST /api/cars": "write", "POST /api/auth/login": "auth",
		"POST /api/auth/register": "auth", "GET /api/auth/session-check": "api", "GET /api/auth/setup": "api", "POST /api/auth/setup": "auth",
		"PUT /api/users/{id}/password": "write", "POST /api/auth/logout": "api",
	} {
		if got[route] != want {
			t.Errorf("%s is counted by %s, want %s", route, got[route], want)
		}
	}
}
