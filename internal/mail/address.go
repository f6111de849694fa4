package mail

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// A mailbox is an address as SMTP takes it.
type mailbox struct {
	address string // the part before the @ as it was written, the domain in ASCII
	utf8    bool   // the part before the @ is not ASCII: the server has to know SMTPUTF8
}

// domain returns what is behind the @.
func (m mailbox) domain() string { return m.address[strings.LastIndexByte(m.address, '@')+1:] }

// parseMailbox reads the address of exactly one mailbox. Its errors go on from
// "the address" and do not repeat it.
func parseMailbox(text string) (mailbox, error) {
	at := strings.LastIndexByte(text, '@')
	if at < 0 {
		return mailbox{}, errors.New("has no @")
	}
	local := text[:at]
	if err := checkLocal(local); err != nil {
		return mailbox{}, err
	}
	name, err := idna.Lookup.ToASCII(text[at+1:])
	if err != nil || !isDomain(name) {
		return mailbox{}, errors.New("has no valid domain behind the @")
	}
	return mailbox{local + "@" + name, strings.ContainsFunc(local, notASCII)}, nil
}

// checkLocal takes what RFC 5321 calls a dot-string, with the letters that
// RFC 6531 adds. A string in quotes can hold anything, another address too.
func checkLocal(local string) error {
	switch {
	case local == "" || len(local) > 64:
		return errors.New("must have 1 to 64 bytes before the @")
	case !utf8.ValidString(local) || strings.ContainsFunc(local, func(r rune) bool { return !unicode.IsGraphic(r) || unicode.IsSpace(r) }):
		return errors.New("has a blank or a character that cannot be seen")
	case strings.ContainsAny(local, `"`):
		return errors.New("has quotes, which are not taken")
	case strings.ContainsAny(local, `()<>[]:;@\,`):
		return errors.New("is not one plain address: it has a character that separates addresses")
	case strings.HasPrefix(local, ".") || strings.HasSuffix(local, ".") || strings.Contains(local, ".."):
		return errors.New("has a dot where none may be")
	}
	return nil
}

func notASCII(r rune) bool { return r > unicode.MaxASCII }

const label = `[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?`

var domain = regexp.MustCompile(`^(` + label + `\.)*` + label + `$`)

// isDomain reports whether text is a domain name in ASCII, and no address.
func isDomain(text string) bool {
	return len(text) <= 253 && domain.MatchString(text) && strings.Trim(text, "0123456789.") != ""
}

// oneLine returns s on one line, without characters that control anything.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}
