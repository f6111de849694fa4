package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Changes are the fields that differ, as they were and as they are: of a new
// record Before is nil, of a deleted one After.
type Changes struct {
	Before map[string]any `json:"before"`
	After  map[string]any `json:"after"`
}

// masked are the fields whose values identify a person's papers: of them the
// log keeps the last 3 characters.
var masked = map[string]bool{
	"passportNumber": true, "driverLicenseNumber": true, "citizenshipId": true, "idOfPerson": true,
}

// diff compares two values of one type by their JSON. Either may be nil.
func diff(before, after any) (Changes, error) {
	b, err := fields(before)
	if err != nil {
		return Changes{}, err
	}
	a, err := fields(after)
	if err != nil {
		return Changes{}, err
	}
	return Changes{Before: differing(b, a), After: differing(a, b)}, nil
}

func fields(v any) (map[string]json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	if raw[0] != '{' {
		return nil, fmt.Errorf("audit: %T is no record", v)
	}
	return members(raw), nil
}

// members splits an object that json.Marshal has written of a struct. To decode
// it would take as long as all else that an entry of an import needs.
func members(raw []byte) map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for at := 1; at < len(raw)-1; {
		name := at + 1 + bytes.IndexByte(raw[at+1:], '"') // no field's name has a quote in it
		end := name + 2 + length(raw[name+2:])
		out[string(raw[at+1:name])] = raw[name+2 : end]
		at = end + 1
	}
	return out
}

// length returns how long the value is that raw begins with.
func length(raw []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case depth == 0 && (c == ',' || c == '}'):
			return i
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		}
	}
	return len(raw)
}

// differing returns the fields of v that o has not, or has otherwise. Against
// nothing, a field that is null is no difference.
func differing(v, o map[string]json.RawMessage) map[string]any {
	if v == nil {
		return nil
	}
	out := map[string]any{}
	for name, raw := range v {
		same := bytes.Equal(raw, o[name]) || o == nil && string(raw) == "null"
		if !same {
			out[name] = shown(name, raw)
		}
	}
	return out
}

func shown(name string, raw json.RawMessage) any {
	lower := strings.ToLower(name)
	if strings.Contains(lower, "password") || strings.Contains(lower, "token") || strings.Contains(lower, "secret") {
		return "[secret]"
	}
	var text *string
	if masked[name] && json.Unmarshal(raw, &text) == nil && text != nil {
		return Mask(*text)
	}
	return raw
}

// Mask hides all but the last 3 characters of s, and all of a shorter one.
func Mask(s string) string {
	n := utf8.RuneCountInString(s)
	if n <= 3 {
		return strings.Repeat("*", n)
	}
	r := []rune(s)
	return strings.Repeat("*", n-3) + string(r[n-3:])
}
