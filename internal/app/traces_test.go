package app_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cartracker/internal/app"
	"cartracker/internal/app/apptest"
	"cartracker/internal/mail/mailtest"
	"cartracker/internal/observe/report/reporttest"
	"cartracker/internal/observe/trace/tracetest"
	"cartracker/internal/record"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/testdb"
)

const someTrace = "0af7651916cd43dd8448eb211c80319c"

// eachTraced runs a test as EachSite does, with a collector for each of the sites.
func eachTraced(t *testing.T, test func(*testing.T, *apptest.Site, *tracetest.Sink), settings func(*testing.T) []string) {
	for name, url := range map[string]func(*testing.T) string{
		"SQLite":     func(*testing.T) string { return "" },
		"PostgreSQL": func(t *testing.T) string { return testdb.EmptyPostgres(t).URL },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sink := tracetest.New(t)
			all := append(settings(t), "OTEL_EXPORTER_OTLP_ENDPOINT="+sink.URL, "LOG_FORMAT=json")
			test(t, apptest.NewSite(t, t.TempDir(), url(t), all...), sink)
		})
	}
}

// A forest is what a collector got, by the id of the span.
type forest map[string]tracetest.Span

func grown(sink *tracetest.Sink) forest {
	f := forest{}
	for _, s := range sink.Spans() {
		f[s.ID] = s
	}
	return f
}

// request returns the span of the request that was answered so.
func (f forest) request(t *testing.T, res apptest.Response) tracetest.Span {
	t.Helper()
	for _, s := range f {
		if s.Note["cartracker.request.id"] == res.Header.Get("X-Request-Id") {
			return s
		}
	}
	t.Fatalf("the request %s has no span", res.Header.Get("X-Request-Id"))
	return tracetest.Span{}
}

// way returns the names of the spans from the first one down to s.
func (f forest) way(s tracetest.Span) string {
	if up, ok := f[s.Parent]; ok {
		return f.way(up) + " > " + s.Name
	}
	return s.Name
}

// ways counts the ways of the spans of a trace.
func (f forest) ways(trace string) map[string]int {
	out := map[string]int{}
	for _, s := range f {
		if s.Trace == trace {
			out[f.way(s)]++
		}
	}
	return out
}

// A request is one tree, with its transaction, its queries, what it asks Redis,
// and the mail that is sent because of it, by whoever sends it. Nothing that
// somebody typed is in it.
func TestTraces(t *testing.T) {
	eachTraced(t, func(t *testing.T, s *apptest.Site, sink *tracetest.Sink) {
		s.AddUser(t, "amra", record.Admin)
		p := s.Serve(t)
		in := p.Nobody.Do("POST", "/api/auth/login", apptest.JSON{"username": "amra", "password": apptest.Password})
		admin := *p.Nobody
		admin.Token, admin.ID = in.Text("accessToken"), record.UserID(in.Text("id"))
		car := admin.Make("/api/cars", apptest.Car("ZQ7-C-123"))
		customer := admin.Make("/api/customers", apptest.JSON{
			"name": "Canary Zq8", "driverLicenseNumber": "DLZQ9", "passportNumber": "BZQ10", "countryOfOrigin": "Zq11", "email": "zq12@example.com",
		})
		rented := admin.Do("POST", "/api/contracts", apptest.Contract(car, customer, apptest.Day(time.Now(), 1), apptest.Day(time.Now(), 3)))
		taken := admin.Do("POST", "/api/contracts", apptest.Contract(car, customer, apptest.Day(time.Now(), 1), apptest.Day(time.Now(), 3)))
		made := admin.Do("GET", "/api/cars?q=zq13", nil, "traceparent: 00-"+someTrace+"-b7ad6b7169203331-01", "tracestate: zq14=1")
		kept := admin.Do("GET", "/api/cars?q=zq13", nil)
		lost := admin.Do("GET", "/api/zq15/zq16?zq17", nil, "traceparent: zq18")
		odd := admin.Do("ZQ19", "/api/cars", nil)
		invited := admin.Do("POST", "/api/users", apptest.JSON{"username": "zq20", "email": "zq21@example.com", "name": "Zq22", "sendCredentials": true})
		if rented.Status != http.StatusCreated || taken.Status != http.StatusConflict || invited.Status != http.StatusCreated || kept.Header.Get("X-Cache") != "HIT" {
			t.Fatal(rented, taken, invited, kept.Header)
		}
		apptest.Until(t, "the mail was sent", func() bool { return strings.Contains(p.Output(), `"msg":"a mail was sent"`) })
		if code := p.Terminate(t)(); code != 0 {
			t.Fatalf("ended with %d:\n%s", code, p.Output())
		}
		f := grown(sink)
		checkRented(t, f, rented)
		checkMailed(t, f, invited)
		for what, c := range map[string]struct {
			res  apptest.Response
			name string
			want map[string]string
		}{
			"a sign-in": {in, "POST /api/auth/login", map[string]string{"http.response.status_code": "200", "http.request.method": "POST", "http.route": "/api/auth/login"}},
			"a refusal": {taken, "POST /api/contracts", map[string]string{"http.response.status_code": "409", "user.id": string(admin.ID)}},
			"a miss":    {made, "GET /api/cars", map[string]string{"cartracker.cache": "MISS", "user.id": string(admin.ID)}},
			"a hit":     {kept, "GET /api/cars", map[string]string{"cartracker.cache": "HIT"}},
			"no route":  {lost, "GET", map[string]string{"http.response.status_code": "404"}},
			"no method": {odd, "_OTHER", map[string]string{"http.request.method": "_OTHER"}},
		} {
			s := f.request(t, c.res)
			for key, value := range c.want {
				if s.Note[key] != value {
					t.Errorf("%s: %s is %q, want %q", what, key, s.Note[key], value)
				}
			}
			if s.Name != c.name || s.Kind != "SERVER" || s.Failed {
				t.Errorf("%s: %+v", what, s)
			}
			if s.Trace == someTrace != (what == "a miss") {
				t.Errorf("%s is of the trace %s", what, s.Trace)
			}
			if !strings.Contains(p.Output(), `"requestId":"`+c.res.Header.Get("X-Request-Id")+`","traceId":"`+s.Trace+`"`) {
				t.Errorf("%s: the log does not name its trace", what)
			}
			if c.res.Header.Get("Traceparent") != "" {
				t.Errorf("%s: the answer has a header that is not agreed on", what)
			}
		}
		if ways := f.ways(f.request(t, in).Trace); ways["POST /api/auth/login > verify password"] != 1 {
			t.Error(ways)
		}
		if made := f.request(t, made); made.Parent != "b7ad6b7169203331" || made.State != "" || f.ways(someTrace)["GET /api/cars > load > SELECT"] == 0 {
			t.Error(made, f.ways(someTrace))
		}
		for way, n := range f.ways(f.request(t, kept).Trace) {
			if !strings.HasSuffix(way, "EVALSHA") && n+strings.Count(way, ">") > 1 {
				t.Errorf("what is answered from memory did %q %d times", way, n)
			}
		}
		raw := strings.ToLower(sink.Raw())
		for i := 7; i <= 22; i++ {
			if canary := fmt.Sprint("zq", i); strings.Contains(raw, canary) {
				t.Errorf("%s is sent to the collector: %q", canary, regexp.MustCompile(`.{0,40}`+canary+`.{0,40}`).FindString(raw))
			}
		}
		for _, secret := range []string{admin.Token, strings.ToLower(apptest.Password), "amra", strings.ToLower(car), "$argon2", in.Cookie("refreshToken")} {
			if strings.Contains(raw, strings.ToLower(secret)) {
				t.Errorf("%q is sent to the collector", secret)
			}
		}
	}, func(t *testing.T) []string {
		smtp := mailtest.Start(t)
		return []string{
			"TRACES_SAMPLE_RATE=1", "REDIS_URL=" + redistest.New(t, redistest.Options{}).URL(), "RATE_LIMIT_WRITE=1000/15m",
			"EMAIL_HOST=" + smtp.Host(), fmt.Sprint("EMAIL_PORT=", smtp.Port()),
		}
	})
}

func checkRented(t *testing.T, f forest, rented apptest.Response) {
	t.Helper()
	request := f.request(t, rented)
	ways := f.ways(request.Trace)
	for _, way := range []string{"", " > transaction", " > transaction > SELECT", " > transaction > INSERT", " > EVALSHA"} {
		if ways["POST /api/contracts"+way] == 0 {
			t.Errorf("the trace lacks %q: %v", way, ways)
		}
	}
	seen := false
	for _, s := range f {
		if s.Trace != request.Trace {
			continue
		}
		if f.way(s) != "POST /api/contracts" && !strings.HasPrefix(f.way(s), "POST /api/contracts > ") {
			t.Errorf("%q hangs under nothing", f.way(s))
		}
		if text := s.Note["db.query.text"]; strings.HasPrefix(text, "INSERT INTO contracts (") {
			seen = strings.Contains(text, "?") && s.Note["cartracker.database"] == "primary" && s.Note["db.response.returned_rows"] == "1"
		}
	}
	if !seen {
		t.Errorf("the query that writes the contract is not there as it stands in the program")
	}
}

// checkMailed looks for the mail in the trace of the request that asked for it.
func checkMailed(t *testing.T, f forest, invited apptest.Response) {
	t.Helper()
	ways := f.ways(f.request(t, invited).Trace)
	const job = "POST /api/users > transaction > queue credentials > credentials"
	for _, way := range []string{job, job + " > transaction > INSERT", job + " > SMTP"} {
		if ways[way] == 0 {
			t.Errorf("the trace lacks %q: %v", way, ways)
		}
	}
}

// An outsider names a trace, and cannot have it kept; a proxy of ours can.
func TestTracesFromElsewhere(t *testing.T) {
	for name, proxies := range map[string]string{"an outsider": "10.0.0.0/8", "a proxy": "127.0.0.0/8"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sink := tracetest.New(t)
			s := apptest.NewSite(t, t.TempDir(), "", "TRACES_SAMPLE_RATE=0", "TRUSTED_PROXIES="+proxies, "OTEL_EXPORTER_OTLP_ENDPOINT="+sink.URL, "LOG_FORMAT=json")
			p := s.Serve(t)
			for range 20 {
				p.Nobody.Do("GET", "/health", nil, "traceparent: 00-"+someTrace+"-b7ad6b7169203331-01", "tracestate: vendor=7")
			}
			p.Nobody.Do("GET", "/health", nil, "traceparent: 00-"+someTrace+"-b7ad6b7169203331-00")
			p.Nobody.Do("GET", "/health", nil)
			if code := p.Terminate(t)(); code != 0 {
				t.Errorf("ended with %d", code)
			}
			want := map[string]int{"a proxy": 20}[name]
			if n := len(sink.Spans()); n != want {
				t.Errorf("%d spans are kept, want %d", n, want)
			}
			for _, s := range sink.Spans() {
				if s.Trace != someTrace || s.Parent != "b7ad6b7169203331" || s.State != "vendor=7" {
					t.Errorf("%+v", s)
				}
			}
			if n := strings.Count(p.Output(), `"traceId":"`+someTrace+`"`); n != 21 {
				t.Errorf("%d lines of the log name the trace, want 21", n)
			}
		})
	}
}

// A collector and who takes reports may hang both at once: a stop takes two
// seconds longer, not four.
func TestAllSinksHang(t *testing.T) {
	collector, reports := tracetest.New(t), reporttest.New(t)
	end := make(chan struct{})
	t.Cleanup(func() { close(end) })
	collector.Instead(func(http.ResponseWriter, *http.Request) { <-end })
	reports.Lie(reporttest.Hang)
	t.Setenv("SENTRY_DSN", reports.DSN)
	l := live(t, app.Program{Version: "test"}, append(slices.Clone(serves), "--otel-exporter-otlp-endpoint", collector.URL, "--traces-sample-rate", "1")...)
	client := apptest.At(t, strings.TrimPrefix(l.until(t, `listens on http://\S+`), "listens on "))
	for range 20 {
		client.Do("GET", "/health", nil)
	}
	reports.WaitAsked(1)
	client.Leave()
	l.stop()
	if code := l.end(t); code != 0 {
		t.Errorf("ended with %d", code)
	}
	if ms := telemetryTook(t, l.log.String()); ms < 1500 || ms > 2500 {
		t.Errorf("the end of the telemetry took %g ms", ms)
	}
}

// telemetryTook returns for how many milliseconds a stop waited for it.
func telemetryTook(t *testing.T, log string) (ms float64) {
	t.Helper()
	line := regexp.MustCompile(`"stopping: telemetry" ms=\S+`).FindString(log)
	if _, err := fmt.Sscanf(line, `"stopping: telemetry" ms=%g`, &ms); err != nil {
		t.Errorf("%v:\n%s", err, log)
	}
	return ms
}

// A collector that hangs or lies changes no answer, and no stop by more than two
// seconds, and leaves nothing behind.
func TestCollectorFails(t *testing.T) {
	for what, answer := range map[string]func(end <-chan struct{}) http.HandlerFunc{
		"hangs": func(end <-chan struct{}) http.HandlerFunc { return func(http.ResponseWriter, *http.Request) { <-end } },
		"lies": func(<-chan struct{}) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("\xffzq7\n", 1<<20)) }
		},
	} {
		t.Run(what, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			end := make(chan struct{})
			sink := tracetest.New(t)
			t.Cleanup(func() { close(end) })
			sink.Instead(answer(end))
			t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20hunter2")
			l := live(t, app.Program{Version: "test"}, "serve", "--otel-exporter-otlp-endpoint", sink.URL, "--traces-sample-rate", "1")
			url := strings.TrimPrefix(l.until(t, `listens on http://\S+`), "listens on ")
			client := apptest.At(t, url)
			began := time.Now()
			for range 200 {
				if res := client.Do("GET", "/health", nil); res.Status != http.StatusOK {
					t.Error(res)
				}
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("200 requests take %s", took)
			}
			client.Leave()
			l.stop()
			if code := l.end(t); code != 0 {
				t.Errorf("ended with %d", code)
			}
			log := l.log.String()
			if ms := telemetryTook(t, log); ms > 2500 {
				t.Errorf("the end of the telemetry took %g ms:\n%s", ms, log)
			}
			if n := strings.Count(log, "traces could not be sent"); n != 1 || strings.Contains(log, "hunter2") {
				t.Errorf("told %d times:\n%s", n, log)
			}
			sink.CloseClientConnections()
			if err := goleak.Find(before, goleak.IgnoreAnyFunction("net/http/httptest.(*Server).goServe.func1"), goleak.IgnoreAnyFunction("net/http.(*conn).serve")); err != nil {
				t.Error(err)
			}
		})
	}
}
