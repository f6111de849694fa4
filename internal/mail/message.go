package mail

import (
	"bytes"
	"fmt"
	netmail "net/mail"
	"regexp"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"cartracker/internal/ident"
)

// longestLine is what a line of a mail may have at most, in bytes.
const longestLine = 998

// language is a plain name of one, as a header may have it.
var language = regexp.MustCompile(`^[A-Za-z]{2,3}$`)

// A parcel is a message made ready to be handed over.
type parcel struct {
	from, to string
	utf8     bool   // to is not ASCII
	data     []byte // headers and body, with CRLF
}

// pack makes m ready. A message that nobody could be sent is *Refused.
func pack(m Message, from Address, now time.Time) (parcel, error) {
	sender, err := parseMailbox(from.Email)
	if err != nil {
		return parcel{}, fmt.Errorf("EMAIL_FROM: the address %w", err)
	}
	if !ident.Valid(m.ID) {
		return parcel{}, &Refused{"it has no id"}
	}
	to, err := parseMailbox(m.To.Email)
	if err != nil {
		return parcel{}, &Refused{"the address " + err.Error()}
	}
	var b bytes.Buffer
	if _, err := compose(m, from.Name, sender, to, now).WriteTo(&b); err != nil {
		return parcel{}, fmt.Errorf("mail: %w", err)
	}
	return parcel{sender.address, to.address, to.utf8, b.Bytes()}, nil
}

// Source returns the bytes that are sent for m, from an address at a time.
func Source(m Message, from Address, at time.Time) ([]byte, error) {
	p, err := pack(m, from, at)
	return p.data, err
}

func compose(m Message, name string, sender, to mailbox, now time.Time) *gomail.Msg {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.SetAddrHeaderFromMailAddress(gomail.HeaderFrom, &netmail.Address{Name: oneLine(name), Address: sender.address})
	msg.SetAddrHeaderFromMailAddress(gomail.HeaderTo, &netmail.Address{Name: oneLine(m.To.Name), Address: to.address})
	// What looks encoded would be decoded by who reads it.
	msg.SetGenHeader(gomail.HeaderSubject, strings.ReplaceAll(oneLine(m.Subject), "=?", "= ?"))
	msg.SetDateWithValue(now)
	msg.SetMessageIDWithValue(m.ID + "@" + sender.domain())
	// So that programs which answer by themselves, such as notes of absence, do not.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	if language.MatchString(m.Language) {
		msg.SetGenHeader("Content-Language", m.Language)
	}
	text, html := lines(m.Text), lines(m.HTML)
	msg.SetBodyString(gomail.TypeTextPlain, text, gomail.WithPartEncoding(encoding(text)))
	msg.AddAlternativeString(gomail.TypeTextHTML, html, gomail.WithPartEncoding(gomail.EncodingQP))
	return msg
}

// lines returns s with its line ends as mails have them, and without characters
// that mean nothing in a text.
func lines(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\r':
			return '\n'
		case r < ' ' && r != '\n' && r != '\t', r == 0x7f:
			return ' '
		}
		return r
	}, s)
	return strings.ReplaceAll(s, "\n", "\r\n")
}

// encoding leaves a text that is ASCII as it is, so that a link in it is whole
// in the outbox too.
func encoding(text string) gomail.Encoding {
	for line := range strings.SplitSeq(text, "\r\n") {
		if len(line) > longestLine || strings.ContainsFunc(line, notASCII) {
			return gomail.EncodingQP
		}
	}
	return gomail.NoEncoding
}
