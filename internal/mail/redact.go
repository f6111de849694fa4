package mail

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
)

// leastPart is from how many characters on a part of a secret counts as one.
const leastPart = 20

// hidden stands where something was.
const hidden = "…"

// Redact returns err without secret in its text: a server's answer may repeat
// the link that it does not like. Neither is any part of secret left that has 20
// or more characters, in letters of whatever case, percent-encoded, or with the
// end of a line in it. The error stays of the same kind for errors.Is and
// errors.As; a *Refused is one whose Answer is redacted.
func Redact(err error, secret string) error {
	if err == nil || secret == "" {
		return err
	}
	text := redacted(err.Error(), secret)
	if text == err.Error() {
		return err
	}
	r := &redactedError{text: text, cause: err}
	if refused, ok := errors.AsType[*Refused](err); ok {
		r.refused = &Refused{redacted(refused.Answer, secret)}
	}
	return r
}

// A redactedError is of the kind of its cause. It cannot be unwrapped, so that
// nobody comes by the text of that.
type redactedError struct {
	text    string
	cause   error
	refused *Refused // nil if cause is none
}

func (r *redactedError) Error() string { return r.text }

// Is reports whether the cause is target.
func (r *redactedError) Is(target error) bool { return errors.Is(r.cause, target) }

// As finds what the cause is. A refusal is the redacted one.
func (r *redactedError) As(target any) bool {
	if to, ok := target.(**Refused); ok && r.refused != nil {
		*to = r.refused
		return true
	}
	return errors.As(r.cause, target)
}

// redacted returns text with secret and its long parts hidden.
func redacted(text, secret string) string {
	said, places := spell(text)
	whole, _ := spell(secret)
	least := min(leastPart, len(whole))
	var b strings.Builder
	kept := 0 // text is dealt with up to here
	for i := 0; least > 0 && i+least <= len(said); {
		n := least
		if !strings.Contains(whole, said[i:i+n]) {
			i++
			continue
		}
		for i+n < len(said) && strings.Contains(whole, said[i:i+n+1]) {
			n++
		}
		b.WriteString(text[kept:places[i].from] + hidden)
		kept = places[i+n-1].to
		i += n
	}
	return b.String() + text[kept:]
}

// A place is where a character stands in a text.
type place struct{ from, to int }

var (
	// encoded is a character that is percent-encoded, maybe more than once.
	encoded = regexp.MustCompile(`^%(?:25)*([0-9A-Fa-f]{2})`)
	// broken is where a line ends, or a word that was too long for one.
	broken = regexp.MustCompile(`^=?\s+`)
)

// spell returns the bytes of text in small letters, decoded and without blanks,
// and where each of them stands.
func spell(text string) (string, []place) {
	var b strings.Builder
	var places []place
	for at := 0; at < len(text); {
		if gap := broken.FindString(text[at:]); gap != "" {
			at += len(gap)
			continue
		}
		c, width := text[at], 1
		if m := encoded.FindStringSubmatch(text[at:]); m != nil {
			n, _ := strconv.ParseUint(m[1], 16, 8) // two digits, as the expression says
			c, width = byte(n), len(m[0])
		}
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		b.WriteByte(c)
		places = append(places, place{at, at + width})
		at += width
	}
	return b.String(), places
}
