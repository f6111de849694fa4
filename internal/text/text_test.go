package text

import (
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestName(t *testing.T) {
	for in, want := range map[string]string{
		"amir":        "amir",
		"Amir.S":      "Amir.S",
		"ａｍｉｒ":        "amir",
		"amir\u00b2":  "amir2",
		"s\u030carac": "\u0161arac",
		"ﬁlip":        "filip",
		"":            "",
	} {
		if got := Name(in); got != want {
			t.Errorf("Name(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"  Amir \t\r\n":          "Amir",
		"\u00a0Amir\u3000\u2028": "Amir",
		"s\u030carac":            "\u0161arac",
		"two  words":             "two  words",
		"ﬁlip":                   "ﬁlip",
		" \n":                    "",
		"":                       "",
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNameAndCleanTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyText.Draw(t, "s")
		if once := Name(s); Name(once) != once || utf8.ValidString(s) && !norm.NFKC.IsNormalString(once) {
			t.Fatalf("Name(%q) = %q, then %q", s, once, Name(once))
		}
		if once := Clean(s); Clean(once) != once {
			t.Fatalf("Clean(%q) = %q, then %q", s, once, Clean(once))
		}
	})
}
