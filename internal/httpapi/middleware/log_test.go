package middleware_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"cartracker/internal/httpapi/middleware"
	"cartracker/internal/observe"
	"cartracker/internal/record"
)

// logged serves one request and returns the line that the log has of it.
func logged(t *testing.T, level slog.Level, slow time.Duration, target string, h http.HandlerFunc) map[string]any {
	t.Helper()
	var out bytes.Buffer
	least := new(slog.LevelVar)
	least.Set(level)
	before := slog.Default()
	slog.SetDefault(observe.NewLogger(&out, "json", least, nil))
	defer slog.SetDefault(before)
	r := httptest.NewRequest("GET", target, nil)
	r.Header.Set("X-Request-Id", "req-12345678")
	middleware.Chain(h, middleware.Visit(nil), middleware.Trace(nil, nil), middleware.Log(slow)).ServeHTTP(httptest.NewRecorder(), r)
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil && out.Len() > 0 {
		t.Fatalf("%v: %s", err, &out)
	}
	return line
}

func answer(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		middleware.NoteRoute(w, "/api/cars/{car}")
		w.WriteHeader(status)
	}
}

func TestLog(t *testing.T) {
	line := logged(t, slog.LevelInfo, time.Hour, "/api/cars/zq7?q=zq8", func(w http.ResponseWriter, r *http.Request) {
		middleware.NoteRoute(w, "/api/cars/{car}")
		middleware.NotePerson(w, record.Person{ID: "u1"})
		w.Header()["X-Cache"] = []string{"MISS"}
		_, _ = w.Write([]byte("12345"))
	})
	for key, want := range map[string]any{
		"level": "INFO", "msg": "request", "method": "GET", "route": "/api/cars/{car}", "status": 200.0, "bytes": 5.0,
		"userId": "u1", "requestId": "req-12345678", "cache": "MISS",
	} {
		if line[key] != want {
			t.Errorf("%s: %v, want %v", key, line[key], want)
		}
	}
	if ms, ok := line["ms"].(float64); !ok || ms < 0 || len(line) != 11 { // with the time
		t.Error(line)
	}
	line = logged(t, slog.LevelDebug, time.Hour, "/api/cars/zq7?q=zq8", answer(200))
	if line["path"] != "/api/cars/zq7" || len(line) != 9+1 {
		t.Errorf("who looks for errors: %v", line)
	}
}

func TestLogWarns(t *testing.T) {
	long := func(w http.ResponseWriter, r *http.Request) { middleware.NoteLong(w); answer(200)(w, r) }
	for what, c := range map[string]struct {
		slow    time.Duration
		answer  http.HandlerFunc
		message any
	}{
		"a failure":              {time.Hour, answer(500), "request"},
		"a refusal":              {time.Hour, answer(409), nil},
		"a slow one":             {1, answer(200), "slow request"},
		"a slow one that is off": {0, answer(200), nil},
		"a long one":             {1, long, nil},
	} {
		if line := logged(t, slog.LevelWarn, c.slow, "/", c.answer); line["msg"] != c.message {
			t.Errorf("%s: %v, want %v", what, line, c.message)
		}
	}
}
