package middleware_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cartracker/internal/httpapi/middleware"
	"cartracker/internal/observe"
	"cartracker/internal/part"
	"cartracker/internal/record"
)

// reported serves a request by h, and returns what is told of it.
func reported(t *testing.T, h http.HandlerFunc) (all []observe.Trouble, ids []string) {
	t.Helper()
	report := func(ctx context.Context, trouble observe.Trouble) {
		all, ids = append(all, trouble), append(ids, observe.RequestID(ctx))
	}
	fail := func(w http.ResponseWriter, r *http.Request, err error) {
		middleware.Tell(r.Context(), w, err, false)
		w.WriteHeader(http.StatusInternalServerError)
	}
	srv := httptest.NewServer(middleware.Chain(h, middleware.Visit(nil), middleware.Report(report), middleware.Recover(fail)))
	defer srv.Close()
	req, err := http.NewRequest(http.MethodGet, srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Request-Id", "req-12345678")
	if res, err := http.DefaultClient.Do(req); err == nil {
		_, _ = io.Copy(io.Discard, res.Body)
		res.Body.Close()
	}
	http.DefaultClient.CloseIdleConnections()
	return all, ids
}

// A panic is told once, with the route and the person, whether there is still an
// answer to give or it has begun.
func TestReportPanics(t *testing.T) {
	for name, begin := range map[string]func(http.ResponseWriter){
		"before the answer": func(http.ResponseWriter) {},
		"in the answer":     func(w http.ResponseWriter) { _, _ = io.WriteString(w, "it begins") },
	} {
		t.Run(name, func(t *testing.T) {
			all, ids := reported(t, func(w http.ResponseWriter, _ *http.Request) {
				middleware.NoteRoute(w, "/api/cars/{car}")
				middleware.NotePerson(w, record.Person{ID: "u1", Username: "emir", Role: record.Employee})
				begin(w)
				panic("zq7 went wrong")
			})
			if len(all) != 1 || ids[0] != "req-12345678" {
				t.Fatalf("told %+v for %q", all, ids)
			}
			p, ok := errors.AsType[*part.Panic](all[0].Err)
			if !ok || p.Value != "zq7 went wrong" || !strings.Contains(p.Stack, "report_test.go") {
				t.Errorf("told of %v", all[0].Err)
			}
			all[0].Err = nil
			if want := (observe.Trouble{Source: observe.InRequest, Place: "/api/cars/{car}", Method: "GET", User: observe.User{ID: "u1", Username: "emir", Role: "employee"}}); all[0] != want {
				t.Errorf("told %+v, not %+v", all[0], want)
			}
		})
	}
}

// An answer that is cut off on purpose is no trouble, and neither is one that is whole.
func TestReportNothing(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"cut off": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"well":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
	} {
		if all, _ := reported(t, h); all != nil {
			t.Errorf("%s: told %+v", name, all)
		}
	}
}
