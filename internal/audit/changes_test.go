package audit

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// What members splits is what decoding finds, whatever the values are.
func TestMembers(t *testing.T) {
	type record struct {
		Name  string            `json:"name"`
		None  *string           `json:"none"`
		Notes *string           `json:"notes"`
		Rate  float64           `json:"rate"`
		List  []string          `json:"list"`
		Deep  map[string]string `json:"deep"`
	}
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{`"`, `\`, `\"`, `},{`, `["`, `a","b":"c`, "\n\x00", "<&>"}))
	rapid.Check(t, func(t *rapid.T) {
		notes := text.Draw(t, "notes")
		v := record{
			Name: text.Draw(t, "name"), Notes: &notes, Rate: rapid.Float64Range(-1e9, 1e9).Draw(t, "rate"),
			List: rapid.SliceOf(text).Draw(t, "list"), Deep: rapid.MapOf(text, text).Draw(t, "deep"),
		}
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(raw, &want); err != nil {
			t.Fatal(err)
		}
		if got := members(raw); !reflect.DeepEqual(got, want) {
			t.Fatalf("%s is split into %s, want %s", raw, got, want)
		}
	})
	if got := members([]byte("{}")); len(got) != 0 {
		t.Errorf("nothing is split into %s", got)
	}
	if _, err := fields("text"); err == nil {
		t.Error("a text is taken for a record")
	}
}
