package metrics_test

import (
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cartracker/internal/observe/metrics"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// scrape returns what is measured, as Prometheus reads it.
func scrape(t testing.TB, s *metrics.Set) string {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil)
	r.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	s.Handler().ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// has fails the test for each line that is not in what was scraped.
func has(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if !strings.Contains("\n"+text, "\n"+l) {
			t.Errorf("there is no %q in\n%s", l, text)
		}
	}
}

func TestRequests(t *testing.T) {
	s := metrics.New("v9")
	s.Requests.Begin()
	s.Requests.Begin()
	s.Requests.Begin()
	s.Requests.Begin()
	s.Requests.End(metrics.Request{Route: "/api/cars/{car}", Method: "GET", Status: 200, Took: 30 * time.Millisecond})
	s.Requests.End(metrics.Request{Route: "/api/cars/{car}", Method: "GET", Status: 200, Took: 30 * time.Millisecond, Trace: "4bf92f3577b34da6a3ce929d0e0e4736"})
	s.Requests.End(metrics.Request{Route: "/socket.io/", Method: "GET", Status: 200, Took: 25 * time.Second, Waits: true})
	text := scrape(t, s)
	has(t, text,
		`cartracker_http_requests_total{method="GET",route="/api/cars/{car}",status="200"} 2.0`,
		`cartracker_http_requests_total{method="GET",route="/socket.io/",status="200"} 1.0`,
		`cartracker_http_requests_in_flight 1.0`,
		`cartracker_http_request_duration_seconds_count{method="GET",route="/api/cars/{car}"} 2`,
		`cartracker_build_info{goversion="go1.`,
		"go_goroutines ", "process_open_fds ")
	if strings.Contains(text, `duration_seconds_count{method="GET",route="/socket.io/"}`) {
		t.Errorf("a poll that waits counts as a slow answer:\n%s", text)
	}
	if !regexp.MustCompile(`le="0.05"} 2 # \{trace_id="4bf92f3577b34da6a3ce929d0e0e4736"\} 0\.03 `).MatchString(text) {
		t.Errorf("there is no exemplar with the trace:\n%s", text)
	}
}

// What clients make up makes no series.
func TestLabelsAreBounded(t *testing.T) {
	s := metrics.New("v9")
	for i := range 10_000 {
		s.Requests.Begin()
		s.Requests.End(metrics.Request{Method: strings.Repeat("X", 1+i%500), Status: 404})
	}
	has(t, scrape(t, s), `cartracker_http_requests_total{method="other",route="unmatched",status="404"} 10000.0`)
	if n := strings.Count(scrape(t, s), "\ncartracker_http_requests_total{"); n != 1 {
		t.Errorf("there are %d series", n)
	}
}

func TestCounted(t *testing.T) {
	s := metrics.New("v9")
	s.Limited("read", true, true)
	s.Limited("auth", false, false)
	s.Worked("credentials", "done", time.Second)
	s.Failed("credentials", "given_up")
	s.Mailed("sent", 20*time.Millisecond)
	s.Queried("sqlite", "commit", 3*time.Millisecond)
	s.Called(200 * time.Microsecond)
	s.Hashed(40 * time.Millisecond)
	s.Read(func(put metrics.Put) { put("cartracker_cars", 7, "available") })
	has(t, scrape(t, s),
		`cartracker_rate_limit_decisions_total{counted="shared",outcome="allowed",rule="read"} 1.0`,
		`cartracker_rate_limit_decisions_total{counted="local",outcome="refused",rule="auth"} 1.0`,
		`cartracker_job_attempts_total{kind="credentials",outcome="done"} 1.0`,
		`cartracker_job_duration_seconds_sum{kind="credentials"} 1.0`,
		`cartracker_job_failures_total{kind="credentials",outcome="given_up"} 1.0`,
		`cartracker_mail_send_duration_seconds_bucket{outcome="sent",le="0.025"} 1`,
		`cartracker_db_query_duration_seconds_bucket{database="sqlite",operation="commit",le="0.0025"} 0`,
		`cartracker_db_query_duration_seconds_bucket{database="sqlite",operation="commit",le="0.005"} 1`,
		`cartracker_redis_call_duration_seconds_count 1`,
		`cartracker_argon2_duration_seconds_count 1`,
		`cartracker_cars{status="available"} 7.0`)
}

// A value that is wrong is left out, and takes no other with it.
func TestWrongValue(t *testing.T) {
	s := metrics.New("v9")
	s.Read(func(put metrics.Put) {
		put("cartracker_nothing", 1)
		put("cartracker_cars", 1)
		put("cartracker_contracts_active", 5)
	})
	text := scrape(t, s)
	has(t, text, "cartracker_contracts_active 5.0")
	if strings.Contains(text, "cartracker_nothing") || strings.Contains(text, "cartracker_cars") {
		t.Error(text)
	}
}

// TestDocument holds docs/metrics.md to the families.
func TestDocument(t *testing.T) {
	const file = "../../../docs/metrics.md"
	want := document()
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got, err := io.ReadAll(f); err != nil || string(got) != want {
		t.Errorf("docs/metrics.md is out of date: run make generate (%v)", err)
	}
}

func document() string {
	var b strings.Builder
	b.WriteString(`# Metrics

What ` + "`/metrics`" + ` on the private listener tells, besides what client_golang tells of the process (` + "`process_…`" + `) and of Go (` + "`go_…`" + `).
[Operations](operations.md#metrics) says how to get there. Written by ` + "`make generate`" + `.

`)
	b.WriteString("| Name | Kind | Labels | Meaning |\n|---|---|---|---|\n")
	for _, f := range metrics.Families() {
		help := f.Help
		if f.With != "" {
			help += " Only with " + f.With + "."
		}
		labels := ""
		if len(f.Labels) > 0 {
			labels = "`" + strings.Join(f.Labels, "`, `") + "`"
		}
		b.WriteString("| `" + f.Name + "` | " + string(f.Kind) + " | " + labels + " | " + help + " |\n")
	}
	return b.String()
}

func BenchmarkRequest(b *testing.B) {
	for name, q := range map[string]metrics.Request{
		"plain":  {Route: "/api/cars/{car}", Method: "GET", Status: 200, Took: 3 * time.Millisecond},
		"traced": {Route: "/api/cars/{car}", Method: "GET", Status: 200, Took: 3 * time.Millisecond, Trace: "4bf92f3577b34da6a3ce929d0e0e4736"},
	} {
		b.Run(name, func(b *testing.B) {
			s := metrics.New("v9")
			b.ReportAllocs()
			for b.Loop() {
				s.Requests.Begin()
				s.Requests.End(q)
			}
		})
	}
}

func BenchmarkLimited(b *testing.B) {
	s := metrics.New("v9")
	b.ReportAllocs()
	for b.Loop() {
		s.Limited("read", true, false)
	}
}

func BenchmarkQueried(b *testing.B) {
	s := metrics.New("v9")
	b.ReportAllocs()
	for b.Loop() {
		s.Queried("sqlite", "read", 300*time.Microsecond)
	}
}
