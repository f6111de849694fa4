package app_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
)

func TestConditionalGET(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		for _, r := range c.API.Routes() {
			if r.Method != "GET" || r.Role == "anyone" || r.Path == "/api/audit-logs/export" { // which is no record and no list
				continue
			}
			path := w.fill(r.Path) + query(d.at(t, "GET", r.Path))
			res := c.Admin.Do("GET", path, nil)
			tag := res.Header.Get("ETag")
			if !strings.HasPrefix(tag, `"`) || !strings.HasSuffix(tag, `"`) || len(tag) < 10 {
				t.Errorf("GET %s: the ETag is %q", r.Path, tag)
				continue
			}
			if v, ok := res.At("data.version").(fmt.Stringer); ok != strings.Contains(tag, "-") || ok && !strings.HasPrefix(tag, `"`+v.String()+"-") {
				t.Errorf("GET %s: the ETag %s of version %v", r.Path, tag, v)
			}
			bare := strings.TrimSuffix(tag, `"`)
			for _, match := range []string{tag, "W/" + tag, bare + `-gzip"`, bare + `-zstd"`, `"x", ` + tag, `"x",W/` + bare + `-gzip" , "y"`, "*"} {
				again := c.Admin.Do("GET", path, nil, "If-None-Match: "+match)
				if again.Status != 304 || len(again.Body) != 0 || again.Header.Get("ETag") != tag || again.Header.Get("Cache-Control") != "private, no-cache" {
					t.Errorf("GET %s with If-None-Match %s: %s %v", r.Path, match, again, again.Header)
				}
			}
			for _, other := range []string{`"x"`, bare, `"x", "y"`, `""`, "nothing"} {
				if other == bare {
					continue // without a closing quote: anything may be made of it
				}
				if again := c.Admin.Do("GET", path, nil, "If-None-Match: "+other); again.Status != 200 {
					t.Errorf("GET %s with If-None-Match %s: %s", r.Path, other, again)
				}
			}
		}
		before := c.Admin.Do("GET", "/api/cars", nil).Header.Get("ETag")
		c.Admin.Do("PATCH", "/api/cars/"+w.car, apptest.JSON{"color": "green"})
		if res := c.Admin.Do("GET", "/api/cars", nil, "If-None-Match: "+before); res.Status != 200 {
			t.Errorf("a list with something changed: %s", res)
		}
	})
}

// amendable are the resources that can be read, changed and sent back.
func (w *world) amendable() map[string]apptest.JSON {
	return map[string]apptest.JSON{
		"/api/cars/" + w.car:           {"color": "blue"},
		"/api/customers/" + w.customer: {"notes": "asks for a child seat"},
		"/api/contracts/" + w.contract: {"additionalNotes": "winter tyres"},
		"/api/users/" + w.spare:        {"address": "Titova 1"},
		"/api/users/me":                {"address": "Titova 2"},
	}
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		for path, change := range w.amendable() {
			for _, method := range []string{"PUT", "PATCH"} {
				first := c.Admin.Do("GET", path, nil).Header.Get("ETag")
				bare := strings.TrimSuffix(first, `"`)
				version, _, _ := strings.Cut(strings.Trim(first, `"`), "-")
				before := w.state(t)
				for _, stale := range []string{`"999-abc"`, `"0-abc"`, `"-1"`, `"abc"`, "abc", `""`, `"999", "998-x"`, `"99999999999999999999-a"`, `W/"999-x"`, ","} {
					res := c.Admin.Do(method, path, change, "If-Match: "+stale)
					if checkFailure(t, method+" "+path+" If-Match "+stale, res, 412); res.Text("code") != "stale" {
						t.Errorf("stale: %s", res)
					}
				}
				w.unchanged(t, before, "stale changes of "+path)
				n := 0
				for _, fresh := range []string{bare + `-gzip"`, `"` + version + `"`, "W/" + first, `"999-x", ` + first, "*", `"x", *`} {
					n++
					for name := range change {
						change[name] = fmt.Sprint(method, n)
					}
					now := c.Admin.Do("GET", path, nil).Header.Get("ETag")
					is, _, _ := strings.Cut(strings.Trim(now, `"`), "-")
					fresh = strings.ReplaceAll(strings.ReplaceAll(fresh, bare, strings.TrimSuffix(now, `"`)), `"`+version+`"`, `"`+is+`"`)
					res := c.Admin.Do(method, path, change, "If-Match: "+fresh)
					if res.Status != 200 || res.Header.Get("ETag") == now || res.Header.Get("ETag") != c.Admin.Do("GET", path, nil).Header.Get("ETag") {
						t.Errorf("%s %s If-Match %s: %s %v", method, path, fresh, res, res.Header)
					}
				}
				if res := c.Admin.Do(method, path, maps.Clone(change)); res.Status != 200 { // the last writer wins
					t.Errorf("%s %s without If-Match: %s", method, path, res)
				}
			}
		}
		for _, path := range []string{"/api/cars/" + w.car, "/api/customers/" + w.customer, "/api/contracts/" + w.contract, "/api/users/" + w.spare} {
			checkFailure(t, "DELETE "+path, c.Admin.Do("DELETE", path, nil, `If-Match: "999-x"`), 412)
		}
		checkFailure(t, "cancel", c.Admin.Do("POST", "/api/contracts/"+w.contract+"/cancel", apptest.JSON{"reason": "the customer is ill"}, `If-Match: "999-x"`), 412)
		checkFailure(t, "mileage", c.Admin.Do("PATCH", "/api/cars/"+w.car+"/mileage", apptest.JSON{"mileage": 1}, `If-Match: "999-x"`), 412)
		tag := c.Admin.Do("GET", "/api/contracts/"+w.contract, nil).Header.Get("ETag")
		if res := c.Admin.Do("DELETE", "/api/contracts/"+w.contract, nil, "If-Match: "+tag); res.Status != 200 || string(res.Body) == "" || res.At("data") != nil {
			t.Errorf("DELETE with If-Match: %s", res)
		}
	})
}

// TestSentBack: what was read can be sent back, and nothing is then changed.
func TestSentBack(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		c.Employee.Do("PATCH", "/api/contracts/"+w.contract, apptest.JSON{"totalAmount": 400, "additionalNotes": "agreed"})
		before := w.state(t)
		for path := range w.amendable() {
			whole := c.Admin.Do("GET", path, nil)
			for _, method := range []string{"PUT", "PATCH"} {
				for _, body := range []any{whole.At("data"), apptest.JSON{}, ""} {
					res := c.Admin.Do(method, path, body, "If-Match: "+whole.Header.Get("ETag"))
					if res.Status != 200 || res.Header.Get("ETag") != whole.Header.Get("ETag") {
						t.Errorf("%s %s of %v: %s", method, path, body, res)
					}
				}
				other := apptest.JSON{"id": unknownID}
				if fields := checkFailure(t, "another id", c.Admin.Do(method, path, other), 422); len(fields) != 1 || fields[0] != "id" {
					t.Errorf("%s %s with another id: errors tell of %v", method, path, fields)
				}
			}
		}
		w.unchanged(t, before, "sending back")
	})
}

// TestPartialChange: PUT is PATCH, null clears what is optional, and an empty
// text is null.
func TestPartialChange(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		path := "/api/customers/" + w.customer
		for _, method := range []string{"PUT", "PATCH"} {
			for _, none := range []any{nil, "", "  "} {
				res := c.Employee.Do(method, path, apptest.JSON{"notes": "x", "email": "a@example.com"})
				if res.Text("data.notes") != "x" || res.Text("data.name") != "Šaćir Đurić" {
					t.Errorf("%s: %s", method, res)
				}
				res = c.Employee.Do(method, path, apptest.JSON{"notes": none, "email": none})
				got, _ := res.At("data").(map[string]any)
				if v, there := got["notes"]; res.Status != 200 || !there || v != nil || got["email"] != nil {
					t.Errorf("%s with %q: %s", method, none, res)
				}
			}
		}
		res := c.Employee.Do("PATCH", path, apptest.JSON{"version": 77, "createdAt": "2000-01-01T00:00:00Z", "createdBy": nil, "updatedBy": nil, "name": "Ana"})
		if res.Text("data.version") == "77" || !strings.HasPrefix(res.Text("data.createdAt"), "2026-07-01") || res.Text("data.createdBy.username") != "emir" {
			t.Errorf("what only the program writes: %s", res)
		}
	})
}
