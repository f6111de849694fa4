package app_test

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cartracker/internal/app"
	"cartracker/internal/app/apptest"
	"cartracker/internal/mail"
	"cartracker/internal/observe/report/reporttest"
	"cartracker/internal/record"
	"cartracker/internal/store/pgtest"
)

// reporting serves a program that reports to a sink, with a user amra who is an
// admin, and something in it that can go wrong.
func reporting(t *testing.T, sink *reporttest.Sink, database string) (l *lived, s *saboteur, admin *apptest.Client) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("SENTRY_DSN", sink.DSN)
	t.Setenv("TRACES_SAMPLE_RATE", "0")
	t.Setenv("DATABASE_URL", database)
	t.Setenv("ACCESS_TOKEN_SECRET", strings.Repeat("s", 32))
	for _, name := range []string{"RATE_LIMIT_API", "RATE_LIMIT_AUTH", "RATE_LIMIT_READ", "RATE_LIMIT_WRITE"} {
		t.Setenv(name, "off")
	}
	s = &saboteur{mail: mail.NewOutbox(filepath.Join(dir, "outbox"), mail.Address{Email: "desk@firm.example"})}
	s.says.Store("zq7 went wrong")
	l = liveIn(t, dir, app.Program{Version: "test"}.Opened(s.enter), serves...)
	t.Cleanup(l.stop)
	url := l.until(t, `http://127\.0\.0\.1:\d+`)
	apptest.NewSite(t, dir, database).AddUser(t, "amra", record.Admin)
	return l, s, apptest.At(t, url).SignIn("amra")
}

// panics sends a request in which the program panics.
func panics(t *testing.T, c *apptest.Client, key string) {
	t.Helper()
	if res := c.Do("POST", "/api/customers", apptest.Customer(key), "Idempotency-Key: "+key); res.Status != 500 {
		t.Errorf("a panic: %s", res)
	}
}

// What a client has caused is its own affair.
func TestClientsAreNotReported(t *testing.T) {
	sink := reporttest.New(t)
	l, s, admin := reporting(t, sink, "")
	for status, ask := range map[int]func() apptest.Response{
		400: func() apptest.Response { return admin.Do("GET", "/api/cars?limit=x", nil) },
		401: func() apptest.Response { return admin.Do("GET", "/api/cars", nil, "Authorization: Bearer x") },
		404: func() apptest.Response { return admin.Do("GET", "/api/cars/none", nil) },
		405: func() apptest.Response { return admin.Do("PUT", "/health", nil) },
		422: func() apptest.Response { return admin.Do("POST", "/api/cars", apptest.JSON{}) },
	} {
		if res := ask(); res.Status != status {
			t.Errorf("%s, not %d", res, status)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // before it is answered
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, admin.URL()+"/api/cars", nil)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := http.DefaultClient.Do(req); err == nil {
		res.Body.Close()
		t.Error("a client that went away has an answer")
	}
	s.mode.Store("panic")
	panics(t, admin, "7654321")
	l.stop()
	if code := l.end(t); code != 0 {
		t.Errorf("ended with %d", code)
	}
	all := sink.Events()
	if len(all) != 1 || all[0].Transaction != "POST /api/customers" || all[0].User.ID != string(admin.ID) || all[0].User.Username != "amra" {
		t.Errorf("reported: %+v", all)
	}
	if frames := all[0].Exception[0].Stacktrace.Frames; !slices.ContainsFunc(frames, func(f reporttest.Frame) bool { return f.Module == "cartracker/internal/httpapi" && f.InApp }) {
		t.Errorf("its stack is %+v", frames)
	}
}

// An outage of the database is one report, and one error on the status page,
// however many meet it, and on whichever route.
func TestDatabaseAwayIsReportedOnce(t *testing.T) {
	server := pgtest.New(t)
	wire, sink := server.Wire(), reporttest.New(t)
	l, _, admin := reporting(t, sink, wire.URL("cartracker"))
	wire.Cut()
	refused := 0
	apptest.Until(t, "the outage", func() bool {
		for _, path := range []string{"/api/customers?limit=1&q=", "/api/contracts?limit=1&q=", "/api/users?limit=1&q="} {
			if admin.Do("GET", path+fmt.Sprint(refused), nil).Text("code") == "database_away" {
				refused++
			}
		}
		return refused > 30
	})
	sink.Wait(1)
	wire.Mend()
	apptest.Until(t, "the end of the outage", func() bool { return admin.Do("GET", "/api/customers?q=back", nil).Status == 200 })
	v := &visitor{t: t, url: admin.URL(), http: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	defer v.http.CloseIdleConnections()
	v.post("/sign-in", "username", "amra", "password", apptest.Password)
	page := v.get("/status").body
	if n := strings.Count(page, "<code>database_away</code>"); n != 1 || strings.Contains(page, "<code>GET /api/customers</code></td><td class=\"long\">") {
		t.Errorf("it is %d errors on the page: %s", n, page)
	}
	l.stop()
	if code := l.end(t); code != 0 {
		t.Errorf("ended with %d", code)
	}
	if all := sink.Events(); len(all) != 1 || !strings.HasPrefix(all[0].Exception[0].Value, "database_away: ") {
		t.Errorf("reported: %+v", all)
	}
}

// However bad the sink is, requests are answered as without one, and the program
// stops in its usual time and 2 s.
func TestBadSinkChangesNothing(t *testing.T) {
	for name, lie := range map[string]http.HandlerFunc{
		"hangs": reporttest.Hang, "garbage": reporttest.Garbage, "500": reporttest.Answer(500, "", "no"),
		"429": reporttest.Answer(429, "Retry-After: 60", ""), "away": nil,
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			sink := reporttest.New(t)
			sink.Lie(lie)
			if lie == nil {
				sink.Close()
			}
			l, s, admin := reporting(t, sink, "")
			s.mode.Store("panic")
			began := time.Now()
			for i := range 50 {
				panics(t, admin, fmt.Sprint(7000000+i))
				if res := admin.Do("GET", "/api/cars?q="+fmt.Sprint(i), nil); res.Status != 200 {
					t.Errorf("beside a panic: %s", res)
				}
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("100 requests took %s", took)
			}
			began = time.Now()
			l.stop()
			if code := l.end(t); code != 0 {
				t.Errorf("ended with %d", code)
			}
			took := time.Since(began)
			if took > 4*time.Second {
				t.Errorf("the stop took %s", took)
			}
			t.Logf("the stop took %s", took)
			if log := l.log.String(); strings.Contains(log, reporttest.Key) || !strings.Contains(log, "reports of errors cannot be sent") {
				t.Errorf("the log:\n%s", log)
			}
			sink.Close()
			http.DefaultClient.CloseIdleConnections()
			if err := goleak.Find(before, goleak.IgnoreTopFunction("internal/poll.runtime_pollWait")); err != nil { // connections of the test
				t.Error(err)
			}
		})
	}
}

// A program that does not come to serve reports why.
func TestFailureToStartIsReported(t *testing.T) {
	for flag, c := range map[string]struct{ value, why string }{ // addresses that no machine has
		"--host": {"192.0.2.1", "cannot listen: "}, "--metrics-addr": {"192.0.2.1:9464", "METRICS_ADDR: "},
	} {
		t.Run(flag, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			sink := reporttest.New(t)
			t.Setenv("SENTRY_DSN", sink.DSN)
			l := live(t, app.Program{Version: "test"}, append(slices.Clone(serves), flag, c.value)...)
			defer l.stop()
			if code := l.end(t); code != 1 {
				t.Errorf("ended with %d:\n%s", code, &l.log)
			}
			if all := sink.Events(); len(all) != 1 || all[0].Level != "fatal" || !strings.HasPrefix(all[0].Exception[0].Value, c.why) {
				t.Errorf("reported: %+v", all)
			}
			sink.Close()
			if err := goleak.Find(before); err != nil {
				t.Error(err)
			}
		})
	}
}
