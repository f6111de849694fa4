package record

import (
	"fmt"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"cartracker/internal/fault"
	"cartracker/internal/ident"
)

// Trim removes the white space around each text.
func Trim(texts ...*string) {
	for _, t := range texts {
		*t = strings.TrimSpace(*t)
	}
}

// TrimOptional trims each text and makes those that are left empty nil.
func TrimOptional(texts ...**string) {
	for _, t := range texts {
		if *t == nil {
			continue
		}
		s := strings.TrimSpace(**t)
		*t = &s
		if s == "" {
			*t = nil
		}
	}
}

// CheckText records a problem unless text has from least to most characters.
func CheckText(bad *fault.Fields, field, text string, least, most int) {
	n := utf8.RuneCountInString(text)
	bad.Check(n == 0 || strings.IndexFunc(text, unicode.IsGraphic) >= 0, field, "is required")
	bad.Check(n > 0 || least == 0, field, "is required")
	bad.Check(n >= least && n <= most, field, fmt.Sprintf("must have %d to %d characters", least, most))
}

// CheckID records a problem unless id can be one of ours.
func CheckID[ID ~string](bad *fault.Fields, field string, id ID) {
	bad.Check(id != "", field, "is required")
	bad.Check(ident.Valid(string(id)), field, "must be an id")
}

// CheckOptional records a problem if there is a text of more than most characters.
func CheckOptional(bad *fault.Fields, field string, text *string, most int) {
	if text != nil {
		bad.Check(utf8.RuneCountInString(*text) <= most, field, fmt.Sprintf("must have at most %d characters", most))
	}
}

// CheckOneOf records a problem unless v is one of allowed.
func CheckOneOf[T ~string](bad *fault.Fields, field string, v T, allowed ...T) {
	bad.Check(v != "", field, "is required")
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	bad.Check(slices.Contains(allowed, v), field, "must be one of "+strings.Join(words, ", "))
}

// CheckRange records a problem if n is there and not from least to most.
func CheckRange(bad *fault.Fields, field string, n *int, least, most int) {
	if n != nil {
		bad.Check(*n >= least && *n <= most, field, fmt.Sprintf("must be from %d to %d", least, most))
	}
}

// CheckEmail records a problem unless text is one e-mail address that a mail
// can be sent to, of at most 254 bytes, as it is written behind "To:": a local
// part of at most 64 bytes without quotes (RFC 5322, dot-atom), and a domain
// name that can be looked up. Both may have
// letters, marks and digits of any script, and no other signs that are not
// ASCII: those of a domain are written in ASCII on the way (IDNA), those of a
// local part need a mail server that takes them (SMTPUTF8). Quoted local parts
// and addresses of machines, as in me@[192.0.2.1], are refused: nobody has
// them, and many servers do not take them.
func CheckEmail(bad *fault.Fields, field, text string) {
	a, err := mail.ParseAddress(text)
	ok := err == nil && a.Address == text && len(text) <= 254 && !strings.ContainsFunc(text, isOdd)
	at := strings.LastIndexByte(text, '@')
	bad.Check(ok && at <= 64 && isDomain(text[at+1:]), field, "must be an e-mail address")
}

// domain is a name in ASCII, of labels as they are looked up.
var domain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// isDomain reports whether a name can be looked up, and is none of a machine by
// its number.
func isDomain(name string) bool {
	ascii, err := idna.Lookup.ToASCII(name)
	return err == nil && len(ascii) <= 253 && domain.MatchString(strings.ToLower(ascii)) && strings.Trim(ascii, "0123456789.") != ""
}

// isOdd reports whether r looks like something else in an address, or like nothing.
func isOdd(r rune) bool {
	return r > unicode.MaxASCII && !unicode.In(r, unicode.L, unicode.M, unicode.N)
}

var uploadName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$`)

// CheckPhoto records a problem if there is a photo that is neither a web
// address nor the name of an upload.
func CheckPhoto(bad *fault.Fields, field string, photo *string) {
	if photo == nil {
		return
	}
	u, err := url.Parse(*photo)
	web := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && len(*photo) <= 2048
	bad.Check(web || uploadName.MatchString(*photo), field, "must be a web address (http or https) or an upload's name")
}

var phoneNumber = regexp.MustCompile(`^[+0-9][0-9 ()/.-]{5,19}$`)

// CheckPhone records a problem if there is a phone number that is not 6 to 20
// digits, spaces and signs.
func CheckPhone(bad *fault.Fields, field string, phone *string) {
	if phone != nil {
		bad.Check(phoneNumber.MatchString(*phone), field, "must be a phone number of 6 to 20 characters")
	}
}
