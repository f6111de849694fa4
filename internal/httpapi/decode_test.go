package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/httpapi/middleware"
	"cartracker/internal/overload"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

// alone serves one route without any service behind it.
func alone[I any](method string, handle func(context.Context, *I) (reply, error)) http.Handler {
	a := &API{mux: &guardedMux{ServeMux: http.NewServeMux()}, Gate: overload.New(overload.Room{})}
	a.huma = newHuma(a.mux)
	register(a, route{method: method, path: "/alone", access: record.Anyone, limiter: never}, handle)
	a.mux.ServeMux.HandleFunc("/", a.unrouted)
	return middleware.Chain(a.mux.ServeMux, middleware.Visit(nil), middleware.Address(a.refuse))
}

// FuzzBody decodes any body into drafts: it never panics, tells every wrong
// key once, and what it takes is what encoding/json reads there.
func FuzzBody(f *testing.F) {
	for _, s := range []string{
		`{}`, ``, `{"model":"Golf","year":2020}`, `{"year":1e3,"year":2}`, `{"model":null,"id":"x"}`, `{"a":[[[[{}]]]]}`, `{"model":"\u0000"}`, "\xff", `[1]`, `{"pricePerDay":1.234}`,
		`{"startDate":"2026-02-30","dailyRate":-1}`, `{"\u006dodel":"x"}`, `{"model":"x"} `, `{"seats":5,}`,
	} {
		f.Add([]byte(s))
	}
	cars := newShape(reflect.TypeFor[fleet.Draft](), reflect.TypeFor[fleet.Car](), false)
	contracts := newShape(reflect.TypeFor[rental.Draft](), reflect.TypeFor[rental.Contract](), true)
	f.Fuzz(func(t *testing.T, body []byte) {
		var car fleet.Draft
		err := cars.fill(body, "", &car)
		checkFault(t, err)
		if err == nil && len(bytes.TrimSpace(body)) > 0 {
			var plain map[string]json.RawMessage
			if err := json.Unmarshal(body, &plain); err != nil {
				t.Fatalf("taken, but no JSON: %v", err)
			}
			if v, ok := plain["model"]; ok {
				var model string
				if err := json.Unmarshal(v, &model); err != nil || model != car.Model || strings.ContainsRune(model, 0) {
					t.Fatalf("model is %q, read as %q (%v)", model, car.Model, err)
				}
			}
		}
		var contract rental.Draft
		checkFault(t, contracts.fill(body, "", &contract))
	})
}

// checkFault fails unless err is nil or one that its caller may be told.
func checkFault(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Kind != fault.Malformed && e.Kind != fault.Invalid || (e.Kind == fault.Invalid) != (len(e.Fields) > 0) {
		t.Fatalf("not told as a fault of the body: %v", err)
	}
	var names []string
	for _, f := range e.Fields {
		if slices.Contains(names, f.Field) {
			t.Fatalf("%s is told twice", f.Field)
		}
		names = append(names, f.Field)
	}
}

// FuzzQuery sends any query to a list: it is decoded within its bounds or
// refused, and a refusal never has a value that was sent.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"", "from=2026-07-01&to=2026-07-02", "page=-1", "limit=1001", "page=9223372036854775808", "sort=x", "unknown=1", "q=%25_%27", "q=%00", "q=%ff", "%zz", "page=1&page=2", "a;b",
		"from=2026-07-01&to=2026-07-02&minPrice=1e999", "from=2026-07-01&to=2026-07-02&minPrice=5.55&minSeats=4&archived=all&sort=-year&limit=5&cursor=x", "from=2027-02-29&to=0000-01-01",
	} {
		f.Add(s)
	}
	var got *availableQuery
	h := alone(http.MethodGet, func(_ context.Context, q *availableQuery) (reply, error) {
		got = q
		return nothing("")
	})
	f.Fuzz(func(t *testing.T, query string) {
		got = nil
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/alone", nil)
		r.URL.RawQuery = query
		h.ServeHTTP(w, r)
		var envelope struct{ Success bool }
		if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil || envelope.Success != (w.Code == 200) || w.Code != 200 && w.Code != 400 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		if w.Code == 400 {
			return
		}
		values, err := url.ParseQuery(query)
		if err != nil || got == nil {
			t.Fatalf("taken: %v", err)
		}
		if got.Page < 0 || got.Limit < 0 || got.Limit > 1000 || got.From.IsZero() || got.To.IsZero() || got.Q != values.Get("q") || len([]rune(got.Q)) > 200 ||
			got.MinSeats.Set != (values.Get("minSeats") != "") || got.MinSeats.Value < 0 || got.From.String() != values.Get("from") {
			t.Fatalf("%q is decoded as %+v", query, got)
		}
	})
}

// TestSlowHandler: a request that is answered slowly is not taken for one whose
// client left, although the server's deadline to read it passes meanwhile.
func TestSlowHandler(t *testing.T) {
	t.Parallel()
	for method, body := range map[string]string{"GET": "", "POST": "{}"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewUnstartedServer(alone(method, func(ctx context.Context, _ *struct{}) (reply, error) {
				select {
				case <-ctx.Done():
					return reply{}, ctx.Err()
				case <-time.After(400 * time.Millisecond):
					return nothing("done")
				}
			}))
			srv.Config.ReadTimeout = 100 * time.Millisecond
			srv.Start()
			defer srv.Close()
			req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+"/alone", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", "application/json")
			res, err := srv.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != 200 {
				t.Errorf("got %s", res.Status)
			}
		})
	}
}
