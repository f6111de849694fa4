package text

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"
)

func TestFold(t *testing.T) {
	for in, want := range map[string]string{
		"":                            "",
		"sarac":                       "sarac",
		"Šarac":                       "sarac",
		"S\u030carac":                 "sarac",
		"ČĆŽŠĐ čćžšđ":                 "cczsd cczsd",
		"Łódź":                        "lodz",
		"Ørsted":                      "orsted",
		"İSTANBUL Diyarbakır ISPARTA": "istanbul diyarbakir isparta",
		"Straße GROẞ":                 "strasse gross",
		"O’Brien":                     "o'brien",
		"O'Brien":                     "o'brien",
		"ΟΔΥΣΣΕΥΣ Οδυσσεύς":           "οδυσσευσ οδυσσευσ",
		"Ёлка":                        "елка",
		"ﬁat ５００":                     "fiat 500",
		"A12-K-345":                   "a12-k-345",
		"100%_\\":                     "100%_\\",
		"a\u00a0b":                    "a b",
		"Nguyễn":                      "nguyen",
		"a\xffb":                      "a\ufffdb",
		"\u0301":                      "",
	} {
		if got := Fold(in); got != want {
			t.Errorf("Fold(%q) = %q, want %q", in, got, want)
		}
	}
}

// anyText is text with more marks, capitals and wrong bytes than people write.
var anyText = rapid.Custom(func(t *rapid.T) string {
	part := rapid.OneOf(
		rapid.String(),
		rapid.StringOfN(rapid.RuneFrom(nil, unicode.Mn, unicode.Mc, unicode.Me), 0, 8, -1),
		rapid.StringOfN(rapid.RuneFrom([]rune("aZšĐłØıİßẞ’ςΣ \u00a0\u3000")), 0, 8, -1),
		rapid.SampledFrom([]string{"\xff", "\xc3", "\U0001d165\U0001d16d", strings.Repeat("\u0301", 40)}),
	)
	return strings.Join(rapid.SliceOfN(part, 0, 6).Draw(t, "parts"), "")
})

func TestFoldProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := anyText.Draw(t, "s")
		once := Fold(s)
		if twice := Fold(once); twice != once {
			t.Fatalf("Fold(%q) = %q, then %q", s, once, twice)
		}
		if got := Fold(norm.NFC.String(s)); got != once && utf8.ValidString(s) {
			t.Fatalf("Fold(%q) = %q, composed first %q", s, once, got)
		}
		if !utf8.ValidString(once) {
			t.Fatalf("Fold(%q) = %q, which is not UTF-8", s, once)
		}
	})
}

func TestFoldEveryRune(t *testing.T) {
	for r := range rune(unicode.MaxRune + 1) {
		if !utf8.ValidRune(r) {
			continue
		}
		s := string(r)
		once := Fold(s)
		if twice := Fold(once); twice != once {
			t.Errorf("Fold(%q) = %q, then %q", s, once, twice)
		}
		if up := Fold(string(unicode.ToUpper(r))); up != once && Fold(string(unicode.ToLower(unicode.ToUpper(r)))) == once {
			t.Errorf("Fold(%q) = %q, of its capital %q", s, once, up)
		}
	}
}

func TestFoldAllocates(t *testing.T) {
	const s = "golf 8 a12-k-345"
	if n := testing.AllocsPerRun(100, func() { Fold(s) }); n != 0 {
		t.Errorf("Fold of plain text allocates %v times", n)
	}
}

func BenchmarkFold(b *testing.B) {
	for _, s := range []string{"golf 8 a12-k-345", "Golf 8 A12-K-345", "Šarac Đorđe, Travnik"} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Fold(s)
			}
		})
	}
}
