package record

import (
	"math"
	"strings"
	"unicode/utf8"
)

// The figures of Punycode (RFC 3492, section 5).
const (
	punyBase, punyLeast, punyMost = 36, 1, 26
	punySkew, punyDamp            = 38, 700
	punyBias, punyFirst           = 72, 0x80
	punyDigits                    = "abcdefghijklmnopqrstuvwxyz0123456789"
)

// inASCII returns a label as it is looked up.
func inASCII(label string) string {
	var b strings.Builder
	for _, r := range label {
		if !notASCII(r) {
			b.WriteRune(r)
		}
	}
	plain, all := b.Len(), utf8.RuneCountInString(label)
	if plain == all {
		return label
	}
	if plain > 0 {
		b.WriteByte('-')
	}
	next, delta, bias := punyFirst, 0, punyBias
	for done := plain; done < all; next, delta = next+1, delta+1 {
		lowest := lowestFrom(label, next)
		delta += (lowest - next) * (done + 1)
		next = lowest
		for _, r := range label {
			if int(r) < next {
				delta++
			}
			if int(r) == next {
				writePuny(&b, delta, bias)
				bias = adapted(delta, done+1, done == plain)
				delta, done = 0, done+1
			}
		}
	}
	return "xn--" + b.String()
}

// lowestFrom returns the lowest of the letters from least on.
func lowestFrom(label string, least int) int {
	lowest := math.MaxInt32
	for _, r := range label {
		if int(r) >= least {
			lowest = min(lowest, int(r))
		}
	}
	return lowest
}

func writePuny(b *strings.Builder, n, bias int) {
	for k := punyBase; ; k += punyBase {
		t := threshold(k, bias)
		if n < t {
			b.WriteByte(punyDigits[n])
			return
		}
		b.WriteByte(punyDigits[t+(n-t)%(punyBase-t)])
		n = (n - t) / (punyBase - t)
	}
}

func threshold(k, bias int) int { return min(max(k-bias, punyLeast), punyMost) }

func adapted(delta, points int, first bool) int {
	if first {
		delta /= punyDamp
	} else {
		delta /= 2
	}
	delta += delta / points
	k := 0
	for ; delta > (punyBase-punyLeast)*punyMost/2; k += punyBase {
		delta /= punyBase - punyLeast
	}
	return k + (punyBase-punyLeast+1)*delta/(delta+punySkew)
}

// fromPunycode returns the label of which text is what stands behind "xn--".
func fromPunycode(text string) (string, bool) {
	var out []rune
	if i := strings.LastIndexByte(text, '-'); i >= 0 {
		out, text = []rune(text[:i]), text[i+1:]
	}
	next, at, bias := punyFirst, 0, punyBias
	for first := true; text != ""; first = false {
		delta, rest, ok := readPuny(text, bias)
		if !ok {
			return "", false
		}
		text = rest
		at += delta
		n := len(out) + 1
		next, at = next+at/n, at%n
		if next > utf8.MaxRune {
			return "", false
		}
		out = append(out[:at], append([]rune{rune(next)}, out[at:]...)...)
		bias = adapted(delta, n, first)
		at++
	}
	return string(out), len(out) > 0
}

func readPuny(text string, bias int) (n int, rest string, ok bool) {
	weight := 1
	for i, k := 0, punyBase; i < len(text); i, k = i+1, k+punyBase {
		digit := strings.IndexByte(punyDigits, text[i])
		if digit < 0 || weight > math.MaxInt32 {
			return 0, "", false
		}
		n += digit * weight
		t := threshold(k, bias)
		if digit < t {
			return n, text[i+1:], n <= math.MaxInt32
		}
		weight *= punyBase - t
	}
	return 0, "", false
}
