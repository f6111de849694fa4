package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/httpapi"
)

// canary is in every wrong value: no answer may have it.
const canary = "zq7canary"

// TestBadInput sends what no route may take to every route: it is refused with
// the right status in the one envelope, and nothing changes.
func TestBadInput(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		before := w.state(t)
		for _, r := range c.API.Routes() {
			a := &attack{world: w, d: d, route: r, op: d.at(t, r.Method, r.Path)}
			a.path = w.fill(r.Path)
			a.addresses(t)
			a.queries(t)
			if r.Method != "GET" && !a.op.takesFile() { // of which TestImportOverHTTP has the bad ones
				a.bodies(t)
				a.media(t)
			}
			w.unchanged(t, before, r.Method+" "+r.Path)
			if t.Failed() {
				before = w.state(t)
			}
		}
	}, open)
}

// An attack is one route with what is needed to misuse it.
type attack struct {
	*world
	d     *document
	route httpapi.Route
	op    operation
	path  string
}

func (a *attack) refused(t *testing.T, status int, path, body string, headers ...string) []string {
	t.Helper()
	var sent any
	if body != "" {
		sent = body
	}
	what := fmt.Sprintf("%s %.100s %.100q", a.route.Method, path, body)
	res := a.Admin.Do(a.route.Method, path, sent, headers...)
	if strings.Contains(string(res.Body), canary) {
		t.Errorf("%s: the answer has the value: %.300s", what, res)
	}
	if a.route.Path == "/api/auth/setup" && res.Status == 404 && status != 413 { // there is an admin: nothing is set up
		status = 404
	}
	return checkFailure(t, what, res, status)
}

// valid returns a body that the route takes.
func (a *attack) valid(t *testing.T) string {
	if a.op.RequestBody == nil || a.op.takesFile() {
		return ""
	}
	return asJSON(t, a.body(t, a.route.Method, a.route.Path))
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const unknownID = "01890000-0000-7000-8000-000000000000"

func (a *attack) addresses(t *testing.T) {
	q := query(a.op)
	for _, bad := range []string{"unknown=" + canary, "%zz=1", "x=%ff", "x=%00", "a;b=1", "x=1&x=2", "unknown"} {
		a.refused(t, 400, a.path+q+bad, a.valid(t))
	}
	for _, bad := range []string{"%00", "%ff", "a%00b", "%c3%28"} {
		a.refused(t, 400, a.path+"/"+bad, a.valid(t))
	}
	a.refused(t, 404, "/"+a.path+q, a.valid(t))
	a.refused(t, 404, a.path+"/nothing/here", a.valid(t))
	before, after, ok := strings.Cut(a.route.Path, "{id}")
	if ok {
		for _, bad := range []string{"x", "1", "%27", "-1", strings.Repeat("a", 36), unknownID + "0", strings.Repeat("a", 5000), "%25", "null"} {
			if bad == "null" && after == "" && a.route.Method == "GET" {
				continue
			}
			a.refused(t, 400, before+bad+after+q, a.valid(t))
		}
		status := 404
		if a.route.Path == "/api/users/{id}/password" {
			status = 403 // it is not the own
		}
		a.refused(t, status, before+unknownID+after+q, a.valid(t))
	}
	if before, after, ok := strings.Cut(a.route.Path, "{car}"); ok {
		for _, bad := range []string{"%27%20OR%201", "%25", "_", "A%2FB", strings.Repeat("a", 100), "%20", "-"} {
			a.refused(t, 400, before+bad+after+q, a.valid(t))
		}
		a.refused(t, 404, before+"ZZ-404"+after+q, a.valid(t))
		a.refused(t, 404, before+unknownID+after+q, a.valid(t))
	}
}

var tooBig = []string{"9223372036854775807", "9223372036854775808", "99999999999999999999"}

func (a *attack) queries(t *testing.T) {
	for _, p := range a.op.Parameters {
		if p.In != "query" {
			continue
		}
		q := query(a.op)
		if p.Required {
			a.refused(t, 400, a.path, a.valid(t))
			q = strings.Replace(q, p.Name+"=2026", p.Name+"=x", 1)
			a.refused(t, 400, a.path+q, a.valid(t))
			q = strings.Replace(query(a.op), p.Name+"=", "other=", 1) + p.Name + "="
			q = strings.Replace(q, "other=2026-09-01&", "", 1)
			q = strings.Replace(q, "other=2026-09-03&", "", 1)
		} else {
			q += p.Name + "="
			a.refused(t, 400, a.path+q+"1&"+p.Name+"=1", a.valid(t))
		}
		for _, bad := range badParameter(p) {
			a.refused(t, 400, a.path+q+bad, a.valid(t))
		}
	}
	if slices.ContainsFunc(a.op.Parameters, func(p parameter) bool { return p.Name == "to" && p.In == "query" }) && strings.Contains(query(a.op), "from") {
		a.refused(t, 400, a.path+"?from=2026-09-03&to=2026-09-01", a.valid(t))
	}
}

// badParameter returns values that a parameter never takes.
func badParameter(p parameter) []string {
	s := p.Schema
	var bad []string
	switch {
	case p.Name == "cursor":
		bad = append(bad, canary, "%22", "e30", "bnVsbA", "eyJzIjoiIn0", strings.Repeat("a", 1025))
	case s.Enum != nil:
		bad = append(bad, canary, "-", "%27", "id", "-"+canary)
	case s.Format == "date":
		bad = append(bad, canary, "2027-02-29", "0000-01-01", "2026-13-01", "2026-1-1", "20260101", "2026-01-01T00:00:00Z", "9999-12-31")
	case s.Format == "uuid":
		bad = append(bad, canary, "1", "%27")
	case s.is("integer"):
		bad = append(bad, "x", "-1", "1.5", "1e3", "0x10", "%27", "")
		bad = append(bad[:len(bad)-1], tooBig...)
		if s.Minimum != nil && *s.Minimum > 0 {
			bad = append(bad, "0")
		}
		if s.Maximum != nil {
			bad = append(bad, fmt.Sprint(int(*s.Maximum)+1))
		}
	case s.is("number"):
		bad = append(bad, "x", "1.234", "1e999", "NaN", "Infinity", "0x10", "--1", "1e16")
	}
	if s.MaxLength != nil {
		bad = append(bad, strings.Repeat("a", *s.MaxLength+1))
	}
	return bad
}

func (a *attack) bodies(t *testing.T) {
	for _, bad := range []string{
		"{", "}", "nul", "{\"a\":1}x", "{\"a\":}", "{\"a\" 1}", "{a:1}", "{\"a\":1,}", "'a'", "{\"a\":\"\xff\"}", "{\"\xc3\x28\":1}",
		`{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`, strings.Repeat("[", 10_000), "{\"a\":\"b\nc\"}", "{\"a\":01}", "\x00", "\ufeff{}",
	} {
		a.refused(t, 400, a.path, bad)
	}
	for _, bad := range []string{"[]", `"` + canary + `"`, "1", "null", "true", "[{}]"} {
		a.refused(t, 422, a.path, bad)
	}
	a.refused(t, 413, a.path, `{"name":"`+strings.Repeat("a", 1<<20)+`"}`)
	a.refused(t, 422, a.path, `{"nothingLikeIt":"`+canary+`"}`)
	a.refused(t, 422, a.path, `{"a\u0000b":1,"a\u0000b":2}`)
	body := a.d.body(a.op)
	if body == nil {
		return
	}
	valid := a.body(t, a.route.Method, a.route.Path)
	if len(body.Required) > 0 {
		for _, empty := range []string{"", "{}"} {
			a.named(t, empty, body.Required)
		}
	}
	all := apptest.JSON{}
	names := slices.Sorted(maps.Keys(body.Properties))
	for _, name := range names {
		all[name] = apptest.JSON{canary: 1}
		a.named(t, with(t, valid, name, `"a", "`+name+`":"b"`), []string{name}) // twice
		if a.route.Method == "PUT" && a.d.Paths[a.route.Path]["patch"].RequestBody != nil {
			continue // the same route as PATCH
		}
		for _, bad := range badValues(body.Properties[name]) {
			a.named(t, with(t, valid, name, bad), []string{name})
		}
	}
	a.named(t, asJSON(t, all), names)
	if _, ok := body.Properties["endDate"]; ok {
		a.named(t, with(t, apptest.JSON{"startDate": "2026-09-03", "carId": a.car, "customerId": a.customer}, "endDate", `"2026-09-01"`), []string{"endDate"})
	}
}

// named fails unless the body is refused and every one of these fields is told of.
func (a *attack) named(t *testing.T, body string, fields []string) {
	t.Helper()
	got := a.refused(t, 422, a.path, body)
	for _, f := range fields {
		if got != nil && !slices.Contains(got, f) {
			t.Errorf("%s %s %.200s: errors tell of %v, not of %s", a.route.Method, a.path, body, got, f)
		}
	}
}

// with returns the JSON of body with one raw value replaced.
func with(t *testing.T, body apptest.JSON, name, raw string) string {
	t.Helper()
	b := maps.Clone(body)
	if b == nil {
		b = apptest.JSON{}
	}
	delete(b, name)
	rest := strings.TrimPrefix(asJSON(t, b), "{")
	if rest != "}" {
		rest = "," + rest
	}
	return `{"` + name + `":` + raw + rest
}

// badValues returns raw JSON that a field never takes.
func badValues(s *schema) []string {
	bad := []string{`{"` + canary + `":1}`, `["` + canary + `"]`, `[]`}
	if !s.is("null") {
		bad = append(bad, `null`)
	}
	switch {
	case s.is("string"):
		bad = append(bad, `12`, `true`, `1e999`, `"`+canary+`\u0000"`)
		bad = append(bad, badTexts(s)...)
	case s.is("integer"):
		bad = append(bad, `"5"`, `1.5`, `true`, `1e999`, `9223372036854775808`, `9007199254740993`, `-9007199254740993`, `"`+canary+`"`)
		bad = append(bad, beyond(s, 1)...)
	case s.is("number"):
		bad = append(bad, `"5"`, `1.234`, `true`, `1e999`, `-1e999`, `1e-3`, `9007199254740993`, `-0.01`, `"`+canary+`"`)
		bad = append(bad, beyond(s, 0.01)...)
	case s.is("boolean"):
		bad = append(bad, `"true"`, `1`, `0`, `""`)
	}
	return bad
}

func beyond(s *schema, step float64) (bad []string) {
	if s.Minimum != nil {
		bad = append(bad, fmt.Sprintf("%.2f", *s.Minimum-step))
	}
	if s.Maximum != nil {
		bad = append(bad, fmt.Sprintf("%.2f", *s.Maximum+step))
	}
	for i := range bad {
		bad[i] = strings.TrimSuffix(bad[i], ".00")
	}
	return bad
}

func badTexts(s *schema) (bad []string) {
	switch {
	case s.Format == "date":
		bad = append(bad, `"`+canary+`"`, `"2027-02-29"`, `"0000-01-01"`, `"2026-1-1"`, `""`, `"2026-01-01T00:00:00Z"`, `"9999-12-31"`)
	case s.Format == "uuid", s.Enum != nil, s.Format == "email":
		bad = append(bad, `"`+canary+`"`, `"`+canary+`'--"`)
	case s.Pattern != "":
		bad = append(bad, `"`+canary+`#%"`)
	}
	if s.MinLength != nil && *s.MinLength > 0 {
		if !s.is("null") {
			bad = append(bad, `""`)
		}
		if *s.MinLength > 1 {
			bad = append(bad, `"`+strings.Repeat("A", *s.MinLength-1)+`"`)
		}
	}
	if s.MaxLength != nil {
		bad = append(bad, `"`+strings.Repeat("A", *s.MaxLength+1)+`"`, `"`+strings.Repeat("š", *s.MaxLength+1)+`"`)
	}
	return bad
}

func (a *attack) media(t *testing.T) {
	body := a.valid(t)
	if body == "" {
		body = "{}"
	}
	for _, kind := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "multipart/form-data; boundary=x", "application/xml", "json", ";"} {
		a.refused(t, 415, a.path, body, "Content-Type: "+kind)
	}
	for _, coding := range []string{"gzip", "br", "identity"} {
		a.refused(t, 415, a.path, body, "Content-Encoding: "+coding)
	}
}
