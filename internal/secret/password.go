package secret

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nbutton23/zxcvbn-go"
	"github.com/nbutton23/zxcvbn-go/matching"
)

// The length of a password in characters.
const (
	MinPassword = 8
	MaxPassword = 1024
)

// CheckPassword returns what is wrong with a new password, to be shown beside
// its field, or "" if nothing is. The hints are what anybody would try first:
// the user name, the e-mail address, the name of the program.
func CheckPassword(password string, hints ...string) (problem string) {
	n := utf8.RuneCountInString(password)
	switch {
	case n < MinPassword:
		return "must have at least 8 characters"
	case n > MaxPassword:
		return "must have at most 1024 characters"
	case madeOf(password, hints):
		return "must be more than the user name, the e-mail address or the name of this program"
	case common(password, hints):
		return "is too common or too easy to guess; several unrelated words make a good one"
	}
	return ""
}

// madeOf reports whether password is one of hints, or has no letters but theirs.
func madeOf(password string, hints []string) bool {
	password = strings.ToLower(password)
	var words []string
	for _, hint := range hints {
		hint = strings.ToLower(hint)
		if hint == password {
			return true
		}
		words = append(words, hint, letters(hint))
		words = append(words, strings.FieldsFunc(hint, notLetter)...)
	}
	return isOnly(password, words) || isOnly(letters(password), words)
}

// isOnly reports whether s has letters, all of them in words. Words of one or
// two characters are in everything, so they do not count.
func isOnly(s string, words []string) bool {
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) })
	rest := s
	for _, w := range words {
		if len(w) > 2 && strings.ContainsFunc(w, unicode.IsLetter) {
			rest = strings.ReplaceAll(rest, w, "-")
		}
	}
	return rest != s && !strings.ContainsFunc(rest, unicode.IsLetter)
}

func notLetter(r rune) bool { return !unicode.IsLetter(r) }

func letters(s string) string { return strings.Join(strings.FieldsFunc(s, notLetter), "") }

// What scoring looks at. Its time grows with the square of the length, and
// with the product of what each of the signs in leet can stand for.
const (
	scored     = 100 // bytes
	scoredLeet = 40  // bytes
	maxLeet    = 6   // different signs
	leet       = "4@8({[<369!1|70$5+%2"
)

// local is what people here choose; the lists of zxcvbn are English.
const local = "lozinka sifra sarajevo bosna hercegovina mostar tuzla zenica banjaluka zagreb beograd zeljo volimte ljubav"

// common reports whether password is among the first that a guesser tries.
func common(password string, hints []string) bool {
	if variety(password) < 5 {
		return true // zxcvbn sees repetition only in ASCII
	}
	known := append(slices.Clone(hints), strings.Fields(local)...)
	if weak(cut(password, scored), known, false) {
		return true
	}
	return len(password) <= scoredLeet && signs(password) <= maxLeet && weak(password, known, true)
}

func weak(password string, known []string, asLeet bool) bool {
	const tooWeak = 2 // of 4: 2 takes a hundred fast machines some hours
	if asLeet {
		return zxcvbn.PasswordStrength(password, known).Score < tooWeak
	}
	return zxcvbn.PasswordStrength(password, known, matching.FilterL33tMatcher).Score < tooWeak
}

// variety returns how many different characters s has, case aside.
func variety(s string) int {
	seen := map[rune]bool{}
	for _, r := range strings.ToLower(s) {
		seen[r] = true
	}
	return len(seen)
}

// signs returns how many of the signs of leet s has.
func signs(s string) (n int) {
	for _, r := range leet {
		if strings.ContainsRune(s, r) {
			n++
		}
	}
	return n
}

// cut returns at most n bytes of s, and no half characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
