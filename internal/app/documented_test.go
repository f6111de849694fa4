package app_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/httpapi"
)

// TestAnswersAreAsDocumented calls every route so that it succeeds, and once
// so that it fails: both answers are what the document says.
func TestAnswersAreAsDocumented(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		routes := slices.Clone(c.API.Routes())
		rank := map[string]int{"GET": 0, "POST": 1, "PATCH": 2, "PUT": 3, "DELETE": 4}
		slices.SortStableFunc(routes, func(a, b httpapi.Route) int { return rank[a.Method] - rank[b.Method] })
		for _, r := range routes {
			if r.Path == "/api/auth/setup" || r.Path == "/api/auth/logout" {
				continue // tested with signing in
			}
			op := d.at(t, r.Method, r.Path)
			var body any
			kind := "Content-Type: application/json"
			switch {
			case op.takesFile():
				body, kind = "plate,price\nA12-K-345,60\nB1,1\n", "Content-Type: text/csv"
			case op.RequestBody != nil:
				body = fullJSON(w.body(t, r.Method, r.Path))
			}
			if r.Method == "PUT" && r.Path == "/api/users/{id}/password" {
				continue // ends the admin's session; tested with signing in
			}
			if r.Method == "DELETE" && r.Path != "/api/contracts/{id}" {
				continue // needs something that nobody uses: below
			}
			res := w.Admin.Do(r.Method, w.fill(r.Path)+query(op), body, "Cookie: refreshToken="+w.Admin.Cookie, kind)
			documented(t, d, r.Method, r.Path, res)
			if res.Status >= 300 && r.Path != "/api/contracts/{id}" { // by then it is cancelled
				t.Errorf("%s %s: %s", r.Method, r.Path, res)
			}
			failed := w.Admin.Do(r.Method, w.fill(r.Path)+"?unknown=1", body)
			documented(t, d, r.Method, r.Path, failed)
		}
		for _, path := range []string{"/api/cars/{car}", "/api/customers/{id}", "/api/users/{id}"} {
			res := w.Admin.Do("DELETE", w.fill(path), nil)
			documented(t, d, "DELETE", path, res) // in use, but for the user
		}
		w.car, w.customer = w.Admin.Make("/api/cars", apptest.Car("X-1")), w.Admin.Make("/api/customers", apptest.Customer("X1"))
		for _, path := range []string{"/api/cars/{car}", "/api/customers/{id}"} {
			res := w.Admin.Do("DELETE", w.fill(path), nil)
			if documented(t, d, "DELETE", path, res); res.Status != 200 {
				t.Errorf("DELETE %s: %s", path, res)
			}
		}
		for _, path := range []string{"/api/cars/{car}", "/api/contracts/{id}"} { // what a role user or a cancelled contract shows
			documented(t, d, "GET", path, w.Admin.Do("GET", w.fill(path), nil))
		}
		documented(t, d, "GET", "/api/cars", w.User.Do("GET", "/api/cars?archived=all", nil))
		documented(t, d, "GET", "/api/audit-logs", w.Admin.Do("GET", "/api/audit-logs?limit=1000", nil))
		documented(t, d, "GET", "/api/auth/session-check", w.Nobody.Do("GET", "/api/auth/session-check", nil))
	}, open)
}

// fullJSON makes of no body an empty one.
func fullJSON(b apptest.JSON) apptest.JSON {
	if b == nil {
		b = apptest.JSON{}
	}
	return b
}

// documented fails unless the document describes the answer.
func documented(t *testing.T, d *document, method, path string, res apptest.Response) {
	t.Helper()
	described, ok := d.at(t, method, path).Responses[fmt.Sprint(res.Status)]
	if !ok {
		t.Errorf("%s %s: %d is not documented: %.200s", method, path, res.Status, res)
		return
	}
	s := described.Content["application/json"].Schema
	if s == nil {
		return // the document itself
	}
	var v any
	if err := json.Unmarshal(res.Body, &v); err != nil {
		t.Errorf("%s %s: %v", method, path, err)
	}
	for _, bad := range d.fits(s, v, "answer") {
		t.Errorf("%s %s %d: %s", method, path, res.Status, bad)
	}
}

// TestDocumentedBounds writes the least and the most that each field of a
// record may be, as the document says. What lies beyond is TestBadInput's.
func TestDocumentedBounds(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		for _, path := range []string{"/api/cars/{car}", "/api/customers/{id}", "/api/contracts/{id}", "/api/users/{id}", "/api/users/me"} {
			body := d.body(d.at(t, "PATCH", path))
			for _, name := range slices.Sorted(maps.Keys(body.Properties)) {
				for _, v := range bounds(name, body.Properties[name]) {
					res := w.Admin.Do("PATCH", w.fill(path), apptest.JSON{name: v})
					if path == "/api/users/me" && res.Status == 409 { // the spare user has these by now
						continue
					}
					computed := name == "mileageCorrection" || v == nil && res.At("data.totalAmount") != nil
					if res.Status != 200 || !computed && fmt.Sprint(res.At("data."+name)) != shownAs(v) {
						t.Errorf("PATCH %s %s=%.60v: %.300s", path, name, v, res)
					}
				}
			}
		}
	})
}

func shownAs(v any) string {
	if f, ok := v.(float64); ok {
		return strings.TrimSuffix(fmt.Sprintf("%.2f", f), ".00")
	}
	return fmt.Sprint(v)
}

// bounds returns the extremes of a field that the document describes.
func bounds(name string, s *schema) (out []any) {
	if s.is("null") {
		out = append(out, nil)
	}
	out = append(out, s.Enum...)
	for _, m := range []*float64{s.Minimum, s.Maximum} {
		if m != nil {
			out = append(out, *m)
		}
	}
	for _, n := range []*int{s.MinLength, s.MaxLength} {
		if n == nil || *n == 0 {
			continue
		}
		text := strings.Repeat("7", *n)
		switch {
		case s.Format == "email":
			text = strings.Repeat("a", *n%50+1) + "@" + strings.Repeat(strings.Repeat("x", 49)+".", *n/50-1) + strings.Repeat("x", 48)
		case strings.HasSuffix(name, "Url"):
			text = "https://example.com/" + strings.Repeat("a", *n-len("https://example.com/"))
		case s.Pattern == "" && !strings.HasPrefix(name, "phone"):
			text = strings.Repeat("š", *n) // characters count, not bytes
		}
		out = append(out, text)
	}
	return out
}

// TestForgedCursor sends cursors that are well-formed and hold what no list
// has given: they are refused or answered, and are never an error of ours.
func TestForgedCursor(t *testing.T) {
	t.Parallel()
	lists := map[string][]string{
		"/api/cars":          {"createdAt", "manufacturer", "pricePerDay", "year", "mileage", "licensePlate"},
		"/api/customers":     {"name", "createdAt"},
		"/api/contracts":     {"startDate", "endDate", "createdAt", "totalAmount"},
		"/api/users":         {"username", "createdAt", "lastActiveAt"},
		"/api/audit-logs":    {"createdAt"},
		"/api/notifications": {"createdAt"},
	}
	values := []string{
		`1`, `-1`, `1.5`, `9223372036854775807`, `-9223372036854775808`, `1e999`, `""`, `"x"`, `"\u0000"`, `"%_\\'"`, `null`, `true`, `[]`, `{}`,
		`"2026-07-01"`, `"0000-01-01"`, `"9999-12-31"`, `"2999-12-31"`, `"0000-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`, `"2026-07-01T10:00:00Z"`,
	}
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		newWorld(t, c)
		for path, sorts := range lists {
			for _, sort := range sorts {
				for _, v := range values {
					for _, id := range []string{`"x"`, `"\u0000"`, `1`, `null`} {
						cursor := base64.RawURLEncoding.EncodeToString([]byte(`{"s":"-` + sort + `","v":` + v + `,"i":` + id + `}`))
						res := c.Admin.Do("GET", path+"?sort=-"+sort+"&cursor="+cursor, nil)
						if res.Status != 200 {
							checkFailure(t, path+" sort "+sort+" value "+v+" id "+id, res, 400)
						}
					}
				}
			}
		}
	})
}
