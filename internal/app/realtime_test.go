package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/record"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/testdb"
)

// within is the time in which a revocation has to reach each instance.
const within = 5 * time.Second

// eachTrio runs a test against two instances on one database: SQLite,
// PostgreSQL, and PostgreSQL with a Redis that they share.
func eachTrio(t *testing.T, test func(t *testing.T, one, two *apptest.Company)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		one := apptest.New(t, testdb.EmptySQLite(t))
		test(t, one, one.Beside(t))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		one := apptest.New(t, testdb.MigratedPostgres(t))
		test(t, one, one.Beside(t))
	})
	t.Run("PostgreSQL and Redis", func(t *testing.T) {
		t.Parallel()
		url := redistest.New(t, redistest.Options{}).URL()
		shared := func(c *config.Config) { c.RedisURL = config.NewSecret(url) }
		one := apptest.New(t, testdb.MigratedPostgres(t), shared)
		test(t, one, one.Beside(t, shared))
	})
}

const deskOrigin = "https://desk.example.com"

func withDeskOrigin(c *config.Config) { c.AllowedOrigins = deskOrigin }

// Who a socket is comes from its handshake only.
func TestSocketIdentity(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		cookie := "Cookie: refreshToken=" + c.User.Cookie
		good := apptest.JSON{"token": c.User.Token}
		refused := apptest.ErrRefused{Message: "unauthorized", Code: "unauthorized"}
		for name, try := range map[string]struct {
			auth    any
			headers []string
			want    error
		}{
			"a token":                             {good, nil, nil},
			"a token and who else it should be":   {apptest.JSON{"token": c.User.Token, "userId": c.Admin.ID, "role": "admin"}, nil, nil},
			"a token from an allowed page":        {good, []string{"Origin: " + deskOrigin}, nil},
			"a token from the program's own page": {good, []string{"Origin: " + c.URL}, nil},
			"nobody":                              {nil, nil, refused},
			"nobody, in an object":                {apptest.JSON{}, nil, refused},
			"no token":                            {apptest.JSON{"token": nil}, nil, refused},
			"a token that is none":                {apptest.JSON{"token": "abc"}, nil, refused},
			"a token that is a number":            {apptest.JSON{"token": 7}, nil, refused},
			"a cookie from an allowed page":       {nil, []string{cookie, "Origin: " + deskOrigin}, nil},
			"a cookie from the program's page":    {apptest.JSON{"token": ""}, []string{cookie, "Origin: " + c.URL}, nil},
			"a cookie of the same origin":         {nil, []string{cookie, "Sec-Fetch-Site: same-origin"}, nil},
			"a cookie alone":                      {nil, []string{cookie}, refused},
			"a cookie of no page":                 {nil, []string{cookie, "Sec-Fetch-Site: none"}, refused},
			"a cookie that is none":               {nil, []string{"Cookie: refreshToken=abc", "Origin: " + deskOrigin}, refused},
			"a wrong token and a good cookie":     {apptest.JSON{"token": "abc"}, []string{cookie, "Origin: " + deskOrigin}, refused},
		} {
			s, err := c.Nobody.TryConnect(try.auth, try.headers...)
			if !errors.Is(err, try.want) {
				t.Errorf("%s: %v, want %v", name, err, try.want)
			}
			if err != nil {
				continue
			}
			if got := s.Ask("subscribe", apptest.JSON{"topic": "contracts"}); got.Text("code") != "forbidden" {
				t.Errorf("%s: a user may subscribe to contracts: %s", name, got.Args)
			}
			s.Lose()
		}
		c.Clock.Move(time.Hour)
		if _, err := c.Nobody.TryConnect(good); !errors.Is(err, apptest.ErrRefused{Message: "unauthorized", Code: "token_expired"}) {
			t.Errorf("an expired token: %v", err)
		}
		if _, err := c.Nobody.TryConnect(good, cookie, "Origin: "+deskOrigin); !errors.Is(err, apptest.ErrRefused{Message: "unauthorized", Code: "token_expired"}) {
			t.Errorf("an expired token with a good cookie: %v", err)
		}
	}, withDeskOrigin)
}

// Pages of other sites come nowhere, on either transport.
func TestSocketForeign(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		const path = "/socket.io/?EIO=4&transport=polling"
		for header, want := range map[string]int{
			"Origin: https://stranger.example": 403, "Origin: null": 403, "Sec-Fetch-Site: cross-site": 403, "Sec-Fetch-Site: same-site": 403,
			"Origin: " + deskOrigin: 200, "Origin: " + c.URL: 200, "Sec-Fetch-Site: same-origin": 200, "Sec-Fetch-Site: none": 200, "X-None: x": 200,
		} {
			open := c.Nobody.Do("GET", path, nil, header)
			if open.Status != want {
				t.Errorf("handshake with %s: %s", header, open)
			}
			if told := open.Header.Get("Access-Control-Allow-Origin"); told != "" && want == 403 || header == "Origin: "+deskOrigin && told != deskOrigin {
				t.Errorf("handshake with %s: Access-Control-Allow-Origin is %q", header, told)
			}
			_, err := c.Nobody.TryConnect(apptest.JSON{"token": c.User.Token}, header)
			if foreign := err != nil && strings.HasPrefix(err.Error(), "403"); foreign != (want == 403) || !foreign && err != nil {
				t.Errorf("websocket with %s: %v", header, err)
			}
			sid := poll(t, c.Nobody)
			if got := c.Nobody.Do("POST", path+"&sid="+sid, "40", header); got.Status != want {
				t.Errorf("POST with %s: %s", header, got)
			}
		}
	}, withDeskOrigin)
}

// poll opens a session by polling and returns its id.
func poll(t *testing.T, c *apptest.Client) string {
	t.Helper()
	res := c.Do("GET", "/socket.io/?EIO=4&transport=polling", nil)
	var open struct{ SID string }
	if len(res.Body) < 2 || json.Unmarshal(res.Body[1:], &open) != nil || open.SID == "" {
		t.Fatalf("no session: %s", res)
	}
	return open.SID
}

// Polling is enough to be a socket, and nothing of it is logged but the route.
func TestSocketByPolling(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		sid := poll(t, c.Nobody)
		path := "/socket.io/?EIO=4&transport=polling&sid=" + sid
		if res := c.Nobody.Do("POST", path, `40{"token":"`+c.Employee.Token+`"}`, "Content-Type: text/plain"); res.Status != 200 || string(res.Body) != "ok" {
			t.Fatal(res)
		}
		if res := c.Nobody.Do("GET", path, nil); res.Status != 200 || !strings.HasPrefix(string(res.Body), `40{"`) || res.Header.Get("Cache-Control") != "no-store" {
			t.Fatal(res, res.Header)
		}
		c.Nobody.Do("POST", path, `420["subscribe",{"topic":"cars"}]`, "Content-Type: text/plain")
		if res := c.Nobody.Do("GET", path, nil); !strings.Contains(string(res.Body), `430[{"ok":true,"seq":`) {
			t.Fatal(res)
		}
		finished := make(chan apptest.Response, 1)
		go func() { finished <- c.Nobody.Do("GET", path, nil) }()
		car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		if res := <-finished; !strings.Contains(string(res.Body), `"changed"`) || !strings.Contains(string(res.Body), car) {
			t.Errorf("a poll is answered %s", res)
		}
		log := c.Log.String()
		if strings.Contains(log, sid) || !strings.Contains(log, "route=/socket.io/") {
			t.Error("the log has the id of a session, or not its route")
		}
		for _, method := range []string{"HEAD", "PUT", "PATCH", "DELETE"} {
			if res := c.Nobody.Do(method, "/socket.io/?EIO=4&transport=polling", nil); res.Status != 405 || res.Header.Get("Allow") != "GET, POST" {
				t.Errorf("%s: %s", method, res)
			}
		}
		for _, path := range []string{"/socket.io", "/socket.io/"} {
			if res := c.Nobody.Do("GET", path+"?EIO=4&transport=polling", nil); res.Status != 200 {
				t.Errorf("%s: %s", path, res)
			}
		}
		if res := c.Nobody.Do("GET", "/socket.io/x?EIO=4&transport=polling", nil); res.Status != 404 {
			t.Errorf("beneath: %s", res)
		}
		preflight := c.Nobody.Do("OPTIONS", "/socket.io/", nil, "Origin: "+deskOrigin, "Access-Control-Request-Method: POST")
		if preflight.Status != 204 || preflight.Header.Get("Access-Control-Allow-Origin") != deskOrigin || preflight.Header.Get("Access-Control-Allow-Credentials") != "true" {
			t.Errorf("preflight: %s %v", preflight, preflight.Header)
		}
	}, withDeskOrigin)
}

// The log has one line of a websocket, and its line tells nothing but the route.
func TestSocketLog(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	const id = "websocket-of-this-test"
	s, err := c.Nobody.TryConnect(apptest.JSON{"token": c.User.Token}, "X-Request-Id: "+id)
	if err != nil {
		t.Fatal(err)
	}
	s.Ask("join", "anything")
	s.Lose()
	s.Ends(within)
	var lines []string
	apptest.Until(t, "a line in the log", func() bool {
		lines = nil
		for line := range strings.Lines(c.Log.String()) {
			if strings.Contains(line, id) {
				lines = append(lines, line)
			}
		}
		return len(lines) > 0
	})
	if len(lines) != 1 || !strings.Contains(lines[0], "status=101") || !strings.Contains(lines[0], "route=/socket.io/") || strings.Contains(lines[0], "EIO") {
		t.Errorf("the log has %q", lines)
	}
}

// A socket is told what its events did, whatever they are, and bad ones harm nobody.
func TestSocketEvents(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		s, other := c.User.Connect(), c.Employee.Connect()
		for _, ask := range []struct {
			event string
			args  []any
			code  string // "" if it is done
		}{
			{"user:online", nil, ""},
			{"user:online", []any{c.Admin.ID}, ""},
			{"join", []any{"user:" + string(c.Admin.ID)}, ""},
			{"join", []any{apptest.JSON{"userId": c.Admin.ID}}, ""},
			{"markAllAsRead", nil, ""},
			{"markAllAsRead", []any{c.Admin.ID}, ""},
			{"markAsRead", nil, "bad_request"},
			{"markAsRead", []any{7}, "bad_request"},
			{"markAsRead", []any{"x"}, "bad_request"},
			{"markAsRead", []any{[]any{[]any{}}}, "bad_request"},
			{"markAsRead", []any{noImport}, "no_notification"},
			{"sendNotification", []any{apptest.JSON{"recipientId": c.Admin.ID, "message": "hello"}}, "forbidden"},
			{"subscribe", nil, "bad_request"},
			{"subscribe", []any{"cars"}, "bad_request"},
			{"subscribe", []any{apptest.JSON{"topic": "users"}}, "bad_request"},
			{"subscribe", []any{apptest.JSON{"topic": "cars", "since": "x"}}, "bad_request"},
			{"subscribe", []any{apptest.JSON{"topic": "customers"}}, "forbidden"},
			{"unsubscribe", []any{nil}, "bad_request"},
			{"unsubscribe", []any{apptest.JSON{"topic": "cars"}}, ""},
		} {
			got := s.Ask(ask.event, ask.args...)
			ok := "true"
			if ask.code != "" {
				ok = "false"
			}
			if got.Text("ok") != ok || got.Text("code") != ask.code || ask.code != "" && got.Text("message") == "" {
				t.Errorf("%s %v is answered %s", ask.event, ask.args, got.Args)
			}
			s.Emit(ask.event, ask.args...) // the same without an answer
		}
		for _, args := range []any{nil, 7, "x", apptest.JSON{}, apptest.JSON{"recipientId": 7, "message": "x"}, apptest.JSON{"recipientId": c.Admin.ID, "message": "a\x00b"}} {
			if got := other.Ask("sendNotification", args); got.Text("ok") != "false" || got.Text("code") != "bad_request" && got.Text("code") != "invalid" {
				t.Errorf("sendNotification %v is answered %s", args, got.Args)
			}
		}
		if got := other.Ask("join", 1); got.Text("ok") != "true" {
			t.Errorf("a socket was disturbed: %s", got.Args)
		}
		if log := c.Log.String(); strings.Contains(log, "panicked") {
			t.Error("the log tells of a panic")
		}
	})
}

// The 21st socket of a user is refused, others are not, and each is counted
// until it has gone.
func TestSocketsOfOneUser(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		results := make(chan error)
		sockets := make(chan *apptest.Socket, 1000)
		work := make(chan struct{})
		for range 20 {
			go func() {
				for range work {
					s, err := c.Nobody.TryConnect(apptest.JSON{"token": c.User.Token})
					if err == nil {
						sockets <- s
					}
					results <- err
				}
			}()
		}
		go func() {
			defer close(work)
			for range 1000 {
				work <- struct{}{}
			}
		}()
		admitted := 0
		for range 1000 {
			err := <-results
			full := errors.Is(err, apptest.ErrRefused{Message: "too_many_sockets", Code: "too_many_sockets"})
			if err == nil {
				admitted++
			} else if !full {
				t.Errorf("refused by %v", err)
			}
		}
		if admitted != 20 {
			t.Errorf("%d sockets were admitted", admitted)
		}
		c.Employee.Connect()
		(<-sockets).Lose()
		apptest.Until(t, "room for one more", func() bool {
			_, err := c.Nobody.TryConnect(apptest.JSON{"token": c.User.Token})
			return err == nil
		})
	})
}

// Who shakes hands and never says who they are fills a bounded number of places.
func TestSocketStrangers(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	var all []*apptest.Socket
	for i := range 100 {
		s, err := c.Nobody.Dial()
		if err != nil {
			t.Fatalf("number %d: %v", i, err)
		}
		all = append(all, s)
	}
	if _, err := c.Nobody.Dial(); err == nil || !strings.HasPrefix(err.Error(), "503") {
		t.Errorf("one more: %v", err)
	}
	if res := c.Nobody.Do("GET", "/socket.io/?EIO=4&transport=polling", nil); res.Status != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("one more by polling: %s %v", res, res.Header)
	}
	all[0].Lose()
	apptest.Until(t, "room for one more", func() bool {
		s, err := c.Nobody.TryConnect(apptest.JSON{"token": c.User.Token})
		return err == nil && s.ID != ""
	})
	if _, err := c.Nobody.Dial(); err != nil { // who said who it is takes no place
		t.Error(err)
	}
	first, closed := all[1], time.Now()
	if err := first.Gone(30 * time.Second); err != nil {
		t.Errorf("who says nothing is not closed: %v after %s", err, time.Since(closed))
	}
}

// A socket that sends more than 50 events a second is closed, and nobody else.
func TestSocketFlood(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	s, other := c.User.Connect(), c.User.Connect()
	for range 200 {
		if s.Send(`42["join"]`) != nil {
			break
		}
	}
	if byPacket, ended := s.Ends(within); !ended || byPacket {
		t.Errorf("ended %t, by a packet %t", ended, byPacket)
	}
	big := c.User.Connect()
	_ = big.Send(`42["join","` + strings.Repeat("x", 64<<10) + `"]`)
	if _, ended := big.Ends(within); !ended {
		t.Error("a message of more than 64 KiB is taken")
	}
	if got := other.Ask("join", strings.Repeat("x", 60<<10)); got.Text("ok") != "true" {
		t.Errorf("another socket: %s", got.Args)
	}
}

// subscribe subscribes and returns the number up to which the socket knows all.
func subscribe(t *testing.T, s *apptest.Socket, topic record.Topic, since ...int64) int64 {
	t.Helper()
	in := apptest.JSON{"topic": topic}
	if since != nil {
		in["since"] = since[0]
	}
	got := s.Ask("subscribe", in)
	if got.Text("ok") != "true" || got.Number("seq") < 0 {
		t.Fatalf("subscribe %v is answered %s", in, got.Args)
	}
	return got.Number("seq")
}

// about tells events about one record.
func about(id string) func(apptest.SocketEvent) bool {
	return func(e apptest.SocketEvent) bool { return e.Text("id") == id }
}

func describe(e apptest.SocketEvent) string {
	return fmt.Sprint(e.Text("topic"), " ", e.Text("id"), " ", e.Text("kind"), " ", e.Text("version"))
}
