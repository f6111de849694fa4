package observe

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"cartracker/internal/ident"
)

const (
	hidden = "[hidden]" // stands where something was

	maxScrubbed = 16 << 10 // bytes of a text that are looked at; what is behind them is left out

	leastToken  = 20 // characters of what may be a token
	mixedToken  = 32 // of one with few digits
	plainToken  = 40 // of one without any
	leastTurns  = 3  // between letters and digits in a token
	leastNumber = 7  // characters of what may be the number of a paper or a phone
	leastDigits = 5  // of such a number
	uuidLength  = 36
	maxLocal    = 256 // characters before the @ of a mail address
	maxName     = 64  // characters of a name that a value stands behind
	maxGap      = 16  // characters between the two
)

// Scrub returns s without what nobody may see who reads logs or error reports:
// JSON objects, which are bodies of requests and rows of tables, values behind names such as password or passportNumber, tokens, cookies, user
// and query of addresses, mail addresses, and long numbers. It knows them by
// their names and shapes, so it hides too much rather than too little. Ids of
// records stay. It takes time in proportion to the length of s.
func Scrub(s string) string {
	if len(s) > maxScrubbed {
		end := maxScrubbed
		for end > 0 && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end] + "…"
	}
	return scrubWords(scrubMails(scrubURLs(scrubQuoted(scrubValues(scrubObjects(s))))))
}

// TextOf returns what err says, scrubbed. An error that panics when it is asked,
// as a nil pointer in one may, says that.
func TextOf(err error) string { return Scrub(text(err)) }

// A scrubbedError is its cause, and says less.
type scrubbedError struct {
	text  string
	cause error
}

func (e *scrubbedError) Error() string { return e.text }
func (e *scrubbedError) Unwrap() error { return e.cause }

// Scrubbed returns err with a text that is scrubbed, for those who show it.
func Scrubbed(err error) error {
	if err == nil {
		return nil
	}
	return &scrubbedError{TextOf(err), err}
}

// An editor hides parts of a text, from front to back.
type editor struct {
	src  string
	out  strings.Builder
	kept int // src is dealt with up to here
}

func (e *editor) hide(from, to int) {
	e.out.WriteString(e.src[e.kept:from])
	e.out.WriteString(hidden)
	e.kept = to
}

func (e *editor) text() string {
	if e.kept == 0 {
		return e.src
	}
	return e.out.String() + e.src[e.kept:]
}

// A telling is how much a name tells of the value behind it.
type telling uint8

const (
	nothing telling = iota
	maybe           // it may be what an error is about: only quotes or an equals sign make it a value
	surely
)

// secretNames are parts of names whose values nobody may see, in small letters
// and without hyphens and underscores. "pass" is for passwords and passports.
var secretNames = []string{
	"pass", "pwd", "secret", "token", "authoriz", "cookie", "apikey", "credential", "dsn", "licen", "nationalid", "idofperson",
	"idnumber", "jmbg", "citizen", "setupcode",
}

// doubtfulNames are those that errors begin with as well, as in "mail: refused".
var doubtfulNames = []string{"mail", "phone", "session", "body", "code", "key"}

// tells returns what a name tells of its value.
func tells(name string) telling {
	if len(name) > maxName {
		return nothing
	}
	var buf [maxName]byte
	plain := buf[:0]
	for i := range len(name) {
		if c := name[i]; c != '-' && c != '_' {
			if c >= 'A' && c <= 'Z' {
				c += 'a' - 'A'
			}
			plain = append(plain, c)
		}
	}
	within := func(part string) bool { return bytes.Contains(plain, []byte(part)) }
	switch {
	case slices.ContainsFunc(secretNames, within):
		return surely
	case slices.ContainsFunc(doubtfulNames, within):
		return maybe
	}
	return nothing
}

// scrubObjects hides what is in JSON objects: all of it, for a body may have
// anything under any name.
func scrubObjects(s string) string {
	e := editor{src: s}
	for i := 0; ; {
		n := strings.IndexByte(s[i:], '{')
		if n < 0 {
			return e.text()
		}
		i += n + 1
		quote := i
		for quote < len(s) && strings.IndexByte(" \t\r\n\\", s[quote]) >= 0 {
			quote++
		}
		if quote == len(s) || s[quote] != '"' {
			i = quote
			continue
		}
		end := endOfObject(s, quote, strings.Count(s[i:quote], "\\"))
		e.hide(i, end)
		i = end
	}
}

// endOfObject returns where an object ends whose first name is in quotes at i,
// behind so many backslashes.
func endOfObject(s string, i, slashes int) int {
	for depth := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			i = closing(s, i+1, '"', slashes) + slashes
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return len(s)
}

// scrubValues hides what stands behind names of secrets: name=value, name: value,
// "name":"value" and its like.
func scrubValues(s string) string {
	e := editor{src: s}
	for i := 0; i < len(s); {
		if !isWord(s[i]) {
			i++
			continue
		}
		name := i
		for i < len(s) && (isWord(s[i]) || s[i] == '-' || s[i] == '_') {
			i++
		}
		at, how := valueAfter(s, i)
		if how == nothing || how+tells(s[name:i]) <= surely { // at least one has to be sure
			continue
		}
		from, to := valueAt(s, at, isWholeLine(s[name:i]))
		if to > from && !strings.HasPrefix(s[from:], hidden[1:]) { // it was scrubbed before
			e.hide(from, to)
			i = to
		}
	}
	return e.text()
}

// isWholeLine reports whether the value of a name may have blanks, and reaches
// to the end of its line: that of a header.
func isWholeLine(name string) bool {
	name = strings.ToLower(name)
	return strings.Contains(name, "authoriz") || strings.Contains(name, "cookie")
}

// valueAfter returns where the value of a name begins that ends before i, and how
// sure it is that there is one: surely if an equals sign or quotes are there,
// maybe if it is just a colon and words.
func valueAfter(s string, i int) (at int, how telling) {
	end := min(len(s), i+maxGap)
	for i < end && strings.IndexByte("\\\"'`)]", s[i]) >= 0 {
		i++
	}
	i = past(s, past(s, i, "%22"), "%5C%22")
	at = blanks(s, i, end)
	for _, sign := range []string{":=", ":", "=>", "=", "%3A", "%3D"} {
		next := past(s, at, sign)
		if next == at {
			continue
		}
		value := blanks(s, next, end)
		if sign == ":" && value > next && !isQuote(s, value) {
			return value, maybe
		}
		return value, surely
	}
	if at > i && isQuote(s, at) {
		return at, surely
	}
	return 0, nothing
}

func blanks(s string, i, end int) int {
	for i < end && s[i] == ' ' {
		i++
	}
	return i
}

func isQuote(s string, i int) bool { return i < len(s) && strings.IndexByte("\"'`", s[i]) >= 0 }

// past returns the place behind sign if it stands at i, else i.
func past(s string, i int, sign string) int {
	if i <= len(s)-len(sign) && strings.EqualFold(s[i:i+len(sign)], sign) {
		return i + len(sign)
	}
	return i
}

// valueAt returns where the value at i begins and ends, without its quotes.
func valueAt(s string, i int, line bool) (from, to int) {
	for i < len(s) && (s[i] == '(' || s[i] == '[') {
		i++
	}
	quote := i
	for quote < len(s) && s[quote] == '\\' {
		quote++
	}
	if isQuote(s, quote) {
		return quote + 1, closing(s, quote+1, s[quote], quote-i)
	}
	ends := " \t\r\n,;&)]}\"'`\\"
	if line {
		ends = "\r\n"
	}
	for _, scheme := range []string{"bearer ", "basic "} {
		if next := past(s, i, scheme); next > i {
			return i, next + until(s[next:], ends)
		}
	}
	return i, i + until(s[i:], ends)
}

// closing returns where the quotes end that were opened before i, behind so many
// backslashes: one with more of them is a part of the text.
func closing(s string, i int, quote byte, slashes int) int {
	for run := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			run++
		case s[i] == quote && run <= slashes:
			return i - run
		default:
			run = 0
		}
	}
	return len(s)
}

func until(s, ends string) int {
	if n := strings.IndexAny(s, ends); n >= 0 {
		return n
	}
	return len(s)
}

// quoting is what stands before a value that could not be read, in the errors of
// the standard library and of PostgreSQL: nobody knows what somebody has typed.
var quoting = []string{"parsing \"", "parsing time \"", "as \"", "cannot parse \"", "numeric: \"", "integer: \"", "bigint: \"", "date: \"", "zone: \"", "uuid: \"", "boolean: \"", "json: \"", "value \"", "invalid \""}

// scrubQuoted hides texts that could not be read.
func scrubQuoted(s string) string {
	e := editor{src: s}
	for i := 0; ; {
		n := strings.IndexByte(s[i:], '"')
		if n < 0 {
			return e.text()
		}
		i += n + 1
		for _, before := range quoting {
			if strings.HasSuffix(s[:i], before) {
				to := closing(s, i, '"', 0)
				if to > i {
					e.hide(i, to)
				}
				i = min(to+1, len(s))
				break
			}
		}
	}
}

// scrubURLs hides who logs in, and what is asked for, in web addresses and
// addresses of databases.
func scrubURLs(s string) string {
	e := editor{src: s}
	for i := 0; ; {
		n := strings.Index(s[i:], "://")
		if n < 0 {
			return e.text()
		}
		i += n + len("://")
		end := i + until(s[i:], " \t\r\n\"'`<>\\")
		if at := strings.LastIndexByte(s[i:end], '@'); at > 0 {
			e.hide(i, i+at)
			i += at
		}
		if query := strings.IndexAny(s[i:end], "?#"); query >= 0 && i+query+1 < end {
			e.hide(i+query+1, end)
		}
		i = end
	}
}

// scrubMails hides mail addresses.
func scrubMails(s string) string {
	e := editor{src: s}
	for i := 0; i < len(s); i++ {
		at, width := i, len("@")
		if next := past(s, i, "%40"); next > i {
			width = len("%40")
		} else if s[i] != '@' {
			continue
		}
		from, to := at, at+width
		for from > max(e.kept, at-maxLocal) && isLocal(s[from-1]) {
			from--
		}
		for to < len(s) && isDomain(s[to]) {
			to++
		}
		if from < at && to > at+width {
			e.hide(from, to)
			i = to - 1
		}
	}
	return e.text()
}

func isLocal(c byte) bool {
	return c > ' ' && strings.IndexByte("\"'`<>()[]{},;:=|\\/&@", c) < 0
}

func isDomain(c byte) bool { return isWord(c) || c == '.' || c == '-' }

// isWord reports whether c is a letter or a digit. All of what is not ASCII counts.
func isWord(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= utf8.RuneSelf
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// scrubWords hides tokens, with all that hangs together with them, and long numbers.
func scrubWords(s string) string {
	e := editor{src: s}
	for i := 0; i < len(s); {
		if !isRun(s[i]) {
			i++
			continue
		}
		from := i
		for i < len(s) && isRun(s[i]) {
			i++
		}
		if i-from < leastNumber {
			continue
		}
		if hasToken(s[from:i]) {
			e.hide(from, i)
			continue
		}
		hideNumbers(&e, from, i)
	}
	return e.text()
}

// isRun reports whether c may stand in a token of any kind, or in a path.
func isRun(c byte) bool {
	return c < utf8.RuneSelf && isWord(c) || strings.IndexByte("_-+/=.%~", c) >= 0
}

// isPart reports whether c may stand in base64url.
func isPart(c byte) bool { return c < utf8.RuneSelf && isWord(c) || c == '-' || c == '_' }

// hasToken reports whether a part of a run looks like a token.
func hasToken(run string) bool {
	for i := 0; i < len(run); {
		from := i
		for i < len(run) && isPart(run[i]) {
			i++
		}
		if isToken(run[from:i]) {
			return true
		}
		i++
	}
	return false
}

// isToken reports whether letters and digits are so mixed in p as chance does it.
// Names of hosts, files and functions have them apart.
func isToken(p string) bool {
	if len(p) < leastToken || ident.Valid(p) {
		return false
	}
	var turns, digits int
	var upper, lower bool
	for i := range len(p) {
		c := p[i]
		switch {
		case isDigit(c):
			digits++
		case c >= 'a' && c <= 'z':
			lower = true
		case c >= 'A' && c <= 'Z':
			upper = true
		}
		if i > 0 && isWord(c) && isWord(p[i-1]) && isDigit(c) != isDigit(p[i-1]) {
			turns++
		}
	}
	return turns >= leastTurns || upper && lower && (len(p) >= mixedToken && digits > 0 || len(p) >= plainToken)
}

// hideNumbers hides the long numbers of a run, with the letters that belong to them.
func hideNumbers(e *editor, from, to int) {
	for i := from; i < to; {
		start, digits := i, 0
		for i < to && isWord(e.src[i]) {
			if isDigit(e.src[i]) {
				digits++
			}
			i++
		}
		if start+uuidLength <= to && ident.Valid(e.src[start:start+uuidLength]) {
			i = start + uuidLength
			continue
		}
		if i-start >= leastNumber && digits >= leastDigits {
			e.hide(start, i)
		}
		i++
	}
}
