package observe_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"cartracker/internal/observe"
)

// FuzzScrub: whatever stands around a token, an address or a number of a paper,
// it is not shown, and what is shown is text.
func FuzzScrub(f *testing.F) {
	for _, c := range scrubbed {
		f.Add(c.text, c.shown)
	}
	secrets := []string{"Vd2kQ5n0bS7xW1mZp8cTfG3hJ4rYuLaE6oNiXqRwBtk", "emir.h+1@rent.example.com", "BC7310462", "7k2mx-9f3q-w8ta-c4hd-e6zn-5pbr0"}
	f.Fuzz(func(t *testing.T, before, after string) {
		if len(before)+len(after) > 10_000 { // what is too long is cut, maybe in one of them
			return
		}
		text := before + " " + strings.Join(secrets, " ") + " " + after
		got := observe.Scrub(text)
		for _, s := range secrets {
			if strings.Contains(got, s) && !strings.Contains(before, s) && !strings.Contains(after, s) {
				t.Errorf("%q shows %q", got, s)
			}
		}
		if utf8.ValidString(text) && !utf8.ValidString(got) {
			t.Errorf("%q is no text any more: %q", text, got)
		}
	})
}
