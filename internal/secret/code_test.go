package secret

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNewCode(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{4,5}(-[0-9a-hjkmnp-tv-z]{4,5}){5}$`)
	seen := map[string]bool{}
	for range 1000 {
		code := NewCode()
		if !form.MatchString(code) || len(NormalCode(code)) != 26 || seen[code] {
			t.Fatalf("NewCode() = %q", code)
		}
		seen[code] = true
	}
}

func TestNormalCode(t *testing.T) {
	for in, want := range map[string]string{
		"abcd-EFGH":                "abcdefgh",
		" ab cd\t-\u2013\u2011ef ": "abcdef",
		"O0o-Il1":                  "000111",
		"":                         "",
		"---":                      "",
	} {
		if got := NormalCode(in); got != want {
			t.Errorf("NormalCode(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestCodeHoweverTyped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := NewCode()
		var typed strings.Builder
		for _, r := range code {
			variants := []string{string(r), strings.ToUpper(string(r))}
			switch r {
			case '0':
				variants = append(variants, "o", "O")
			case '1':
				variants = append(variants, "l", "I", "i", "L")
			case '-':
				variants = []string{"", "-", " ", "\u2013", "--"}
			}
			typed.WriteString(rapid.SampledFrom(variants).Draw(t, "typed"))
		}
		if got := NormalCode(typed.String()); Digest(got) != Digest(NormalCode(code)) {
			t.Fatalf("%q typed as %q is %q", code, typed.String(), got)
		}
	})
}
