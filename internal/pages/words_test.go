package pages

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"cartracker/internal/fault"
	"cartracker/internal/identity"
	"cartracker/internal/record"
	"cartracker/internal/secret"
)

// TestWords: each language says everything.
func TestWords(t *testing.T) {
	en, bs := reflect.ValueOf(english), reflect.ValueOf(bosnian)
	for i := range en.NumField() {
		name := en.Type().Field(i).Name
		if en.Field(i).Kind() != reflect.String {
			continue
		}
		if en.Field(i).String() == "" || bs.Field(i).String() == "" || en.Field(i).String() == bs.Field(i).String() {
			t.Errorf("%s is %q in English, %q in Bosnian", name, en.Field(i), bs.Field(i))
		}
	}
	if a, b := slices.Sorted(maps.Keys(english.Problems)), slices.Sorted(maps.Keys(bosnian.Problems)); !slices.Equal(a, b) {
		t.Errorf("problems in English %q, in Bosnian %q", a, b)
	}
}

// TestProblems lets the domain say what it says of the fields of our forms.
func TestProblems(t *testing.T) {
	var said []string
	for _, password := range []string{"", "short", strings.Repeat("long ", 300), "uma@example.com", "password1", "aaaaaaaaaaaa"} {
		if problem := secret.CheckPassword(password, "uma", "uma@example.com"); problem != "" {
			said = append(said, problem)
		}
	}
	if len(said) != 6 {
		t.Errorf("of 6 passwords %d are bad", len(said))
	}
	for _, text := range []string{"", "x", strings.Repeat("x", 2000)} {
		for i, most := range []int{254, 254, 1024} {
			var bad fault.Fields
			record.CheckText(&bad, "field", text, []int{3, 1, 1}[i], most)
			record.CheckEmail(&bad, "email", text)
			for _, f := range bad {
				said = append(said, f.Message)
			}
		}
	}
	for _, f := range fault.Of(checkTyped("", "")).Fields {
		said = append(said, f.Message)
	}
	for _, f := range fault.Of(checkTyped("a", "b")).Fields {
		said = append(said, f.Message)
	}
	for _, problem := range said {
		if english.Problems[problem] == "" || bosnian.Problems[problem] == "" {
			t.Errorf("%q is not said in both languages", problem)
		}
	}
	if got := bosnian.of("something new"); got != bosnian.Otherwise {
		t.Errorf("what is not known is said as %q", got)
	}
}

func TestWait(t *testing.T) {
	for seconds, want := range map[int]string{0: "1 s.", 1: "1 s.", 59: "59 s.", 60: "1 min.", 61: "2 min.", 900: "15 min."} {
		if got := wordsIn(identity.English).wait(seconds); got != "Try again in "+want {
			t.Errorf("%d: %s", seconds, got)
		}
	}
	if got := wordsIn("bs").wait(61); got != "Pokušajte ponovo za 2 min." {
		t.Errorf("in Bosnian: %s", got)
	}
}
