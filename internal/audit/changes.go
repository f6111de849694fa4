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
	var out map[string]json.RawMessage
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	return out, nil
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
