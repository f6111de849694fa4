package encode_test

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"

	"cartracker/internal/encode"
)

func TestAppendText(t *testing.T) {
	for _, s := range []string{
		"", "Škoda", `a"b`, `a\b`, "a\nb", "\x00\x1f\x7f", "<b>&", "\u2028\u2029", "€", "\xff", "Đ\xc3", "日本", "\U0001f697", "�",
	} {
		want, _ := json.Marshal(s)
		if got := encode.AppendText([]byte("x"), s); string(got) != "x"+string(want) {
			t.Errorf("%q is written %s, want %s", s, got[1:], want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "s")
		want, _ := json.Marshal(s)
		if got := encode.AppendText(nil, s); string(got) != string(want) {
			t.Fatalf("%q is written %s, want %s", s, got, want)
		}
	})
}

// number writes itself.
type number int

func (n number) AppendJSON(b []byte) []byte { return append(b, byte('0'+n)) }

func TestObject(t *testing.T) {
	text, n, three := "a", -4, number(3)
	o := encode.Begin([]byte("["))
	o.Text("text", text)
	o.Int("int", 5)
	o.Bool("bool", true)
	o.OptionalText("optional", &text)
	o.OptionalText("no", nil)
	o.OptionalInt("number", &n)
	o.OptionalInt("none", nil)
	encode.Value(&o, "value", three)
	encode.Optional(&o, "given", &three)
	encode.Optional[number](&o, "left", nil)
	const want = `[{"text":"a","int":5,"bool":true,"optional":"a","no":null,"number":-4,"none":null,"value":3,"given":3,"left":null}`
	if got := string(o.End()); got != want {
		t.Errorf("the object is %s, want %s", got, want)
	}
	empty := encode.Begin(nil)
	if got := string(empty.End()); got != "{}" {
		t.Errorf("an empty object is %s", got)
	}
}
