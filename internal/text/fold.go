package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Fold returns s as a search compares it: in lower case, without marks, so
// that sarac finds Šarac. It is stored beside what it was made from: when it
// changes, every stored copy has to be made anew.
func Fold(s string) string {
	lower, ascii := scan(s)
	switch {
	case lower && ascii:
		return s
	case ascii:
		return strings.ToLower(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range norm.NFKD.String(s) {
		fold(&b, r)
	}
	return b.String()
}

// scan reports whether s has no capitals of ASCII, and nothing but ASCII.
func scan(s string) (lower, ascii bool) {
	lower = true
	for i := range len(s) {
		switch c := s[i]; {
		case c >= utf8.RuneSelf:
			return lower, false
		case c >= 'A' && c <= 'Z':
			lower = false
		}
	}
	return lower, true
}

// fold writes what is left of r, a character of decomposed text.
func fold(b *strings.Builder, r rune) {
	switch r = unicode.ToLower(r); {
	case r < utf8.RuneSelf:
		b.WriteByte(byte(r))
	case r == 'ß':
		b.WriteString("ss")
	case !mark(r):
		b.WriteRune(plain(r))
	}
}

// mark reports whether r only marks the character before it. What combines
// but is no nonspacing mark goes too: without the marks between them such
// characters would fall into another order the next time.
func mark(r rune) bool {
	return unicode.Is(unicode.Mn, r) ||
		unicode.Is(unicode.Mc, r) && norm.NFKD.PropertiesString(string(r)).CCC() != 0
}

// plain returns the letter that people type for r where Unicode knows no
// decomposition. A sigma at the end of a word is a sigma.
func plain(r rune) rune {
	switch r {
	case 'đ':
		return 'd'
	case 'ł':
		return 'l'
	case 'ø':
		return 'o'
	case 'ı':
		return 'i'
	case 'ς':
		return 'σ'
	case '’':
		return '\''
	}
	return r
}
