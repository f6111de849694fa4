package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"cartracker/internal/fault"
)

// A shape says which keys the body of a route may have. It decodes field by
// field, so that every wrong one is told at once.
type shape struct {
	fields   map[string]field // what a client may write
	names    []string         // the same in the order of the type
	ignored  map[string]bool  // the rest of the resource: accepted and left alone
	complete bool             // keys that are neither optional nor have a default must be there
}

type field struct {
	index    []int
	nullable bool // a pointer, or said to be: null clears it
	required bool
}

// newShape returns the shape of a draft type. Fields of the resource type,
// which may be nil, that are not in the draft are ignored.
func newShape(draft, resource reflect.Type, complete bool) *shape {
	s := &shape{fields: map[string]field{}, ignored: map[string]bool{}, complete: complete}
	for _, f := range jsonFields(draft) {
		name := jsonName(f)
		nullable := f.Type.Kind() == reflect.Pointer || f.Tag.Get("nullable") == "true"
		s.fields[name] = field{f.Index, nullable, !nullable && f.Tag.Get("default") == "" && f.Tag.Get("required") != "false"}
		s.names = append(s.names, name)
	}
	if resource != nil {
		for _, f := range jsonFields(resource) {
			s.ignored[jsonName(f)] = true
		}
	}
	return s
}

func jsonFields(t reflect.Type) []reflect.StructField {
	var out []reflect.StructField
	for _, f := range reflect.VisibleFields(t) {
		if !f.Anonymous && f.IsExported() && jsonName(f) != "-" {
			out = append(out, f)
		}
	}
	return out
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		return f.Name
	}
	return name
}

// fill writes the keys of a body into the draft that into points to, and
// reports every key that is wrong. id is what the body may say it is, if it
// says so; "" is anything.
func (s *shape) fill(body []byte, id string, into any) error {
	all, err := members(body)
	if err != nil {
		return err
	}
	var bad fault.Fields
	v, given := reflect.ValueOf(into).Elem(), map[string]bool{}
	for _, m := range all {
		if len(bad) == maxProblems {
			return bad.Err()
		}
		bad.Check(!given[m.key], shown(m.key), "is there twice")
		given[m.key] = true
		f, writable := s.fields[m.key]
		switch {
		case writable:
			problem := set(v.FieldByIndex(f.index), f.nullable, m.raw)
			bad.Check(problem == "", m.key, problem)
		case m.key == "id" && s.ignored["id"]:
			bad.Check(id == "" || sameText(m.raw, id), "id", "is not the id of what is changed")
		default:
			bad.Check(s.ignored[m.key], shown(m.key), "is not a field of this resource")
		}
	}
	for _, name := range s.names {
		bad.Check(!s.complete || given[name] || !s.fields[name].required, name, "is required")
	}
	return bad.Err()
}

// maxProblems bounds how many wrong keys are told, and so how long telling takes.
const maxProblems = 100

// shown cuts a key that is no field's name.
func shown(key string) string {
	if r := []rune(key); len(r) > 100 {
		return string(r[:100]) + "…"
	}
	return key
}

// set writes a JSON value into a field and returns what is wrong with it.
func set(into reflect.Value, nullable bool, raw json.RawMessage) (problem string) {
	if bytes.Equal(raw, []byte("null")) {
		if !nullable {
			return "must not be null"
		}
		into.SetZero()
		return ""
	}
	fresh := reflect.New(into.Type())
	if err := json.Unmarshal(raw, fresh.Interface()); err != nil {
		return typeProblem(into.Type(), err)
	}
	if hasNUL(raw) {
		return "must not have a NUL character"
	}
	into.Set(fresh.Elem())
	return ""
}

func hasNUL(raw json.RawMessage) bool {
	var s string
	return raw[0] == '"' && json.Unmarshal(raw, &s) == nil && strings.ContainsRune(s, 0)
}

func sameText(raw json.RawMessage, s string) bool {
	var got string
	return json.Unmarshal(raw, &got) == nil && strings.EqualFold(got, s)
}

// typeProblem says what a field takes. Our own types say it themselves.
func typeProblem(t reflect.Type, err error) string {
	if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
		return err.Error()
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Int:
		return "must be a whole number"
	case reflect.Bool:
		return "must be true or false"
	}
	return "must be text"
}
