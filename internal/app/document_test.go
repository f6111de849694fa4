package app_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cartracker/internal/app"
)

// A document is the OpenAPI document as a client reads it.
type document struct {
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]*schema }
}

type operation struct {
	OperationID string
	Parameters  []parameter
	RequestBody *struct {
		Required bool
		Content  map[string]struct{ Schema *schema }
	}
	Responses map[string]struct {
		Content map[string]struct{ Schema *schema }
	}
}

// takesFile reports whether the body is a file and no JSON.
func (op operation) takesFile() bool {
	if op.RequestBody == nil {
		return false
	}
	_, isJSON := op.RequestBody.Content["application/json"]
	return !isJSON
}

type parameter struct {
	Name, In string
	Required bool
	Schema   *schema
}

// A schema is the part of JSON Schema that the document uses.
type schema struct {
	Ref                  string `json:"$ref"`
	Type                 any
	AnyOf                []*schema
	Properties           map[string]*schema
	Required             []string
	AdditionalProperties any
	Items                *schema
	Enum                 []any
	Format, Pattern      string
	MinLength, MaxLength *int
	Minimum, Maximum     *float64
}

func readDocument(t *testing.T) *document {
	t.Helper()
	raw, err := app.Program{}.OpenAPI(true)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return &d
}

// at returns the operation of a route.
func (d *document) at(t *testing.T, method, path string) operation {
	t.Helper()
	op, ok := d.Paths[path][strings.ToLower(method)]
	if !ok {
		t.Fatalf("the document does not know %s %s", method, path)
	}
	return op
}

// body returns the schema of an operation's body, nil if it has none.
func (d *document) body(op operation) *schema {
	if op.RequestBody == nil || op.takesFile() {
		return nil
	}
	return d.follow(op.RequestBody.Content["application/json"].Schema)
}

func (d *document) follow(s *schema) *schema {
	for s != nil && s.Ref != "" {
		s = d.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	return s
}

func (s *schema) types() []string {
	switch t := s.Type.(type) {
	case string:
		return []string{t}
	case []any:
		var out []string
		for _, v := range t {
			out = append(out, v.(string))
		}
		return out
	}
	return nil
}

func (s *schema) is(kind string) bool { return slices.Contains(s.types(), kind) }

// fits returns where and why a value is not what a schema says.
func (d *document) fits(s *schema, v any, at string) []string {
	if s = d.follow(s); s == nil {
		return []string{at + ": there is no schema"}
	}
	if s.AnyOf != nil {
		var all []string
		for _, one := range s.AnyOf {
			bad := d.fits(one, v, at)
			if bad == nil {
				return nil
			}
			all = append(all, bad...)
		}
		return all
	}
	if kind := kindOf(v); s.Type != nil && !s.is(kind) && !(kind == "integer" && s.is("number")) {
		return []string{fmt.Sprintf("%s: is %s, documented as %v", at, kind, s.Type)}
	}
	switch v := v.(type) {
	case map[string]any:
		return d.fitsObject(s, v, at)
	case []any:
		var bad []string
		for i, item := range v {
			bad = append(bad, d.fits(s.Items, item, fmt.Sprintf("%s[%d]", at, i))...)
		}
		return bad
	case string:
		return fitsText(s, v, at)
	}
	return nil
}

func (d *document) fitsObject(s *schema, v map[string]any, at string) (bad []string) {
	for _, name := range s.Required {
		if _, ok := v[name]; !ok {
			bad = append(bad, at+"."+name+": is required and not there")
		}
	}
	for name, value := range v {
		if p, ok := s.Properties[name]; ok {
			bad = append(bad, d.fits(p, value, at+"."+name)...)
		} else if s.AdditionalProperties == false {
			bad = append(bad, at+"."+name+": is not documented")
		}
	}
	return bad
}

var formats = map[string]*regexp.Regexp{
	"uuid":      regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`),
	"date":      regexp.MustCompile(`^\d{4}-\d\d-\d\d$`),
	"date-time": regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$`),
	"email":     regexp.MustCompile(`^[^@]+@[^@]+$`),
}

func fitsText(s *schema, v, at string) (bad []string) {
	if f := formats[s.Format]; f != nil && !f.MatchString(v) {
		bad = append(bad, fmt.Sprintf("%s: %q is no %s", at, v, s.Format))
	}
	if s.Enum != nil && !slices.Contains(s.Enum, any(v)) {
		bad = append(bad, fmt.Sprintf("%s: %q is none of %v", at, v, s.Enum))
	}
	if s.Pattern != "" && !regexp.MustCompile(s.Pattern).MatchString(v) {
		bad = append(bad, fmt.Sprintf("%s: %q is not %s", at, v, s.Pattern))
	}
	return bad
}

func kindOf(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "boolean"
	case string:
		return "string"
	case float64:
		if v == float64(int64(v)) {
			return "integer"
		}
		return "number"
	case []any:
		return "array"
	}
	return "object"
}
