package record

import (
	"strings"
	"unicode"
)

// isDomain reports whether a name is made of labels that can be looked up, at
// most 253 bytes of them in ASCII. IDNA (RFC 5891 to 5893, UTS 46) decides what
// can be; this takes somewhat less, as the tables for the rest would be long.
func isDomain(name string) bool {
	length, labels := -1, strings.Split(name, ".")
	for i, label := range labels {
		text, ok := readable(strings.ToLower(label))
		if !ok {
			return false
		}
		labels[i] = text
		length += 1 + len(inASCII(text))
	}
	return !strings.ContainsFunc(name, isForm) && length <= 253 && strings.Trim(name, "0123456789.") != "" && hasOneDirection(labels)
}

// readable returns a label in its own letters.
func readable(label string) (string, bool) {
	rest, coded := strings.CutPrefix(label, "xn--")
	if !coded {
		return label, isLabel(label)
	}
	text, ok := fromPunycode(rest)
	final := !strings.ContainsFunc(text, notFinal) && strings.ToLower(text) == text
	return text, ok && final && isLabel(text) && inASCII(text) == label
}

// isLabel reports whether a text is a label: of letters, marks, digits and
// hyphens, which are neither at its ends nor third and fourth.
func isLabel(text string) bool {
	runes := []rune(text)
	n := len(runes)
	switch {
	case n == 0 || n > 63 || len(inASCII(text)) > 63, strings.ContainsFunc(text, notInLabel):
		return false
	case runes[0] == '-' || runes[n-1] == '-' || n > 3 && runes[2] == '-' && runes[3] == '-':
		return false
	case strings.Contains(text, "--") && strings.ContainsFunc(text, notASCII): // some letters become two
		return false
	}
	return !unicode.Is(unicode.M, runes[0]) && runes[0] != saraAm && runes[0] != saraAmLao
}

func notASCII(r rune) bool { return r > unicode.MaxASCII }

func notInLabel(r rune) bool {
	if r <= unicode.MaxASCII {
		return r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}
	return !unicode.In(r, unicode.L, unicode.M, unicode.Nd)
}

func isForm(r rune) bool { return unicode.Is(forms, r) }

// The vowels of Thai and Lao that begin with a mark.
const saraAm, saraAmLao = 0x0e33, 0x0eb3

// forms are letters that cannot be looked up, and those that are other forms
// of a letter: wide, ligatures, for formulas.
var forms = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x037a, 0x037a, 1},
		{0x04c0, 0x04c0, 1},
		{0x10a0, 0x10c5, 1},
		{0x115f, 0x1160, 1},
		{0x17b4, 0x17b5, 1},
		{0x2100, 0x2183, 1},
		{0x3164, 0x3164, 1},
		{0xf900, 0xffff, 1},
	},
	R32: []unicode.Range32{{0x1d400, 0x1d7ff, 1}, {0x1fbf0, 0x1fbf9, 1}, {0x2f800, 0x2fa1f, 1}},
}

// notFinal reports whether r may be written otherwise in the end, by itself or
// together with its neighbours. No such name is registered in ASCII, but for
// some with marks: those are taken in their own letters.
func notFinal(r rune) bool { return unicode.In(r, unicode.M, unicode.Lm, forms, passing) }

// passing are small letters that become others.
var passing = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x00aa, 0x00aa, 1},
		{0x00b5, 0x00b5, 1},
		{0x00ba, 0x00ba, 1},
		{0x0132, 0x0133, 1},
		{0x013f, 0x0140, 1},
		{0x0149, 0x0149, 1},
		{0x017f, 0x017f, 1},
		{0x01c4, 0x01cc, 1},
		{0x01f1, 0x01f3, 1},
		{0x03d0, 0x03d6, 1},
		{0x03f0, 0x03f5, 1},
		{0x0587, 0x0587, 1},
		{0x0958, 0x095f, 1},
		{0x09dc, 0x09df, 1},
		{0x0a33, 0x0a36, 1},
		{0x0a59, 0x0a5e, 1},
		{0x0b5c, 0x0b5d, 1},
		{0x0e33, 0x0e33, 1},
		{0x0eb3, 0x0eb3, 1},
		{0x0edc, 0x0edd, 1},
		{0x0f40, 0x0fbc, 1},
		{0x1100, 0x11ff, 1},
		{0x13f8, 0x13fd, 1},
		{0x1c80, 0x1c8a, 1},
		{0x1e9a, 0x1e9b, 1},
		{0x1f00, 0x1fff, 1},
		{0x309f, 0x309f, 1},
		{0x30ff, 0x30ff, 1},
		{0x3131, 0x318e, 1},
		{0xab70, 0xabbf, 1},
	},
}

// hasOneDirection reports whether no label of a name has digits or letters on
// the wrong side: where one is written from right to left, each has letters of
// one direction, and begins with one.
func hasOneDirection(labels []string) bool {
	if !strings.ContainsFunc(strings.Join(labels, ""), isLeftward) {
		return true
	}
	for _, label := range labels {
		leftward, first := strings.ContainsFunc(label, isLeftward), true
		for _, r := range label {
			digit := unicode.IsDigit(r)
			if digit && (first || notASCII(r)) || !digit && r != '-' && isLeftward(r) != leftward || notASCII(r) && !leftward {
				return false
			}
			first = false
		}
	}
	return true
}

// isLeftward reports whether r is from the blocks of scripts written from right to left.
func isLeftward(r rune) bool {
	return r >= 0x590 && r <= 0x8ff || r >= 0x10800 && r <= 0x10fff || r >= 0x1e800 && r <= 0x1efff
}
