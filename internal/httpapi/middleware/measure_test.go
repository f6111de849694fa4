package middleware_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cartracker/internal/httpapi/middleware"
	"cartracker/internal/observe"
	"cartracker/internal/observe/metrics"
)

// serve lets h answer a request behind what every request passes that measures,
// and returns what is measured then.
func serve(t *testing.T, h http.HandlerFunc, r *http.Request) string {
	t.Helper()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	s := metrics.New("test")
	func() {
		defer func() {
			if v := recover(); v != nil && v != http.ErrAbortHandler {
				panic(v)
			}
		}()
		fail := func(w http.ResponseWriter, _ *http.Request, err error) {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
		middleware.Chain(h, middleware.Measure(s.Requests), middleware.Visit(nil), middleware.Recover(fail)).ServeHTTP(httptest.NewRecorder(), r)
	}()
	w, scrape := httptest.NewRecorder(), httptest.NewRequest("GET", "/metrics", nil)
	scrape.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	s.Handler().ServeHTTP(w, scrape)
	return w.Body.String()
}

func TestMeasure(t *testing.T) {
	for name, c := range map[string]struct {
		do   http.HandlerFunc
		want string
	}{
		"refused":              {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }, `route="/api/cars",status="429"`},
		"a body alone":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) }, `route="/api/cars",status="200"`},
		"nothing said":         {func(http.ResponseWriter, *http.Request) {}, `route="/api/cars",status="200"`},
		"a panic":              {func(http.ResponseWriter, *http.Request) { panic(errors.New("odd")) }, `route="/api/cars",status="500"`},
		"a panic in an answer": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(206); panic("odd") }, `route="/api/cars",status="206"`},
		"cut off":              {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, `route="/api/cars",status="500"`},
	} {
		text := serve(t, func(w http.ResponseWriter, r *http.Request) {
			middleware.NoteRoute(w, "/api/cars")
			c.do(w, r)
		}, httptest.NewRequest("POST", "/api/cars?q=amra", nil))
		for _, line := range []string{`cartracker_http_requests_total{method="POST",` + c.want + `} 1.0`, "cartracker_http_requests_in_flight 0.0"} {
			if !strings.Contains(text, line) {
				t.Errorf("%s: there is no %q in\n%s", name, line, text)
			}
		}
	}
}

func TestMeasureTells(t *testing.T) {
	for kept, want := range map[tracer]int{true: 1, false: 0} {
		h := middleware.Trace(kept, nil)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		text := serve(t, h.ServeHTTP, httptest.NewRequest("GET", "/", nil))
		if n := strings.Count(text, `# {trace_id="4bf92f3577b34da6a3ce929d0e0e4736"}`); n != want {
			t.Errorf("%d traces, want %d, in\n%s", n, want, text)
		}
	}
	text := serve(t, func(w http.ResponseWriter, _ *http.Request) { middleware.NoteWait(w) }, httptest.NewRequest("GET", "/", nil))
	if strings.Contains(text, "duration_seconds_count{") || !strings.Contains(text, `route="unmatched",status="200"} 1.0`) {
		t.Errorf("what waits on purpose has a duration:\n%s", text)
	}
}

// A tracer keeps all traces, or none, which are all the same.
type tracer bool

func (keeps tracer) Begin(observe.Kind, string, observe.Link, bool) observe.Recorder {
	if keeps {
		return recorder{}
	}
	return nil
}

type recorder struct{}

func (recorder) Begin(observe.Kind, string) observe.Recorder { return nil }
func (recorder) Rename(string)                               {}
func (recorder) Text(string, string)                         {}
func (recorder) Number(string, int64)                        {}
func (recorder) Fail()                                       {}
func (recorder) End()                                        {}
func (r recorder) TraceID() string                           { return r.Link().TraceID() }

func (recorder) Link() observe.Link {
	l, _ := observe.ParseLink("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "")
	return l
}

// chains are one without and one with Measure.
func chains() map[string]http.Handler {
	s := metrics.New("test")
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		middleware.NoteRoute(w, "/api/cars")
		w.WriteHeader(http.StatusOK)
	})
	slog.SetDefault(slog.New(slog.DiscardHandler))
	return map[string]http.Handler{
		"without": middleware.Chain(h, middleware.Log(0)),
		"with":    middleware.Chain(h, middleware.Measure(s.Requests), middleware.Log(0)),
	}
}

// silent is a response that nobody reads.
type silent struct{}

func (silent) Header() http.Header         { return nil }
func (silent) Write(b []byte) (int, error) { return len(b), nil }
func (silent) WriteHeader(int)             {}

func TestMeasureAllocatesNothing(t *testing.T) {
	r, n := httptest.NewRequest("GET", "/api/cars", nil), map[string]float64{}
	for name, h := range chains() {
		n[name] = testing.AllocsPerRun(1000, func() { h.ServeHTTP(silent{}, r) })
	}
	if n["with"] != n["without"] {
		t.Errorf("allocations: %v", n)
	}
}

// BenchmarkMeasure is what it costs to measure a request: the difference.
func BenchmarkMeasure(b *testing.B) {
	r := httptest.NewRequest("GET", "/api/cars", nil)
	for name, h := range chains() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(silent{}, r)
			}
		})
	}
}
