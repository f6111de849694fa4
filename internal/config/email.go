package config

import (
	netmail "net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// An Email says how mails are sent, and how the queue of them is worked off.
type Email struct {
	Host     string // "": there is no server, mails are kept in DATA_DIR/outbox
	Port     int
	User     string // "": no login
	Password Secret
	From     string // an address
	FromName string // the name in front of it
	TLS      string // auto or required

	Attempts         int           // of one mail
	Backoff          time.Duration // before the second attempt; doubles with each
	Concurrency      int           // mails at a time
	Rate             int           // mails a second over all instances; 0: any number
	Patience         time.Duration // a worker waits for its turn
	Timeout          time.Duration // of one attempt
	FetchEvery       time.Duration // how often the queue is looked at
	KeepCompleted    int           // mails that were sent
	KeepCompletedFor time.Duration // the same, at most
	KeepFailed       int           // mails that were given up
}

const mustEmailFrom = "must be an address such as desk@rent.example.com, or a name with it: Rent a Car <desk@rent.example.com>; a name with a comma or a dot needs quotes: \"Rent a Car, d.o.o.\" <desk@rent.example.com>"

func (k *checker) email() {
	k.check(k.EmailHost == "" || isHost(k.EmailHost), "EMAIL_HOST", "must be a host name or an address, without a port")
	k.check(utf8.RuneCountInString(k.EmailUser) <= 255 && !strings.ContainsFunc(k.EmailUser, unicode.IsControl), "EMAIL_USER", "must be at most 255 characters on one line")
	k.oneOf("EMAIL_TLS", k.EmailTLS, "auto", "required")
	k.Email = Email{
		Host: k.EmailHost, User: k.EmailUser, Password: k.EmailPassword, TLS: k.EmailTLS,
		Port: k.between("EMAIL_PORT", k.EmailPort, 1, 65535),
	}
	for _, name := range []string{"EMAIL_PORT", "EMAIL_USER", "EMAIL_PASSWORD", "EMAIL_TLS"} {
		k.check(k.EmailHost != "" || k.unset(name), name, "means something only together with EMAIL_HOST")
	}
	k.check(k.EmailUser == "" || k.EmailPassword.IsSet() || k.wrong("EMAIL_USER"), "EMAIL_PASSWORD", "must be set together with EMAIL_USER")
	k.check(k.EmailUser != "" || !k.EmailPassword.IsSet(), "EMAIL_PASSWORD", "means something only together with EMAIL_USER")
	k.sender()
	k.queue()
}

// sender works out from whom mails are.
func (k *checker) sender() {
	if k.unset("EMAIL_FROM") {
		k.EmailFrom = "cartracker@" + k.mailHost()
	}
	name, address, ok := parseSender(k.EmailFrom)
	k.check(ok, "EMAIL_FROM", mustEmailFrom)
	if name == "" {
		name = k.AppName
	}
	k.Email.From, k.Email.FromName = address, name
}

// mailHost is the host of BASE_URL, if it has a name.
func (k *checker) mailHost() string {
	u, err := url.Parse(k.BaseURL)
	if err != nil || !isMailDomain(u.Hostname()) {
		return "localhost"
	}
	return strings.ToLower(u.Hostname())
}

// parseSender reads an address with or without a name. Before the @ it has
// ASCII only, and no quotes, since some servers take nothing else from a sender.
func parseSender(text string) (name, address string, ok bool) {
	a, err := netmail.ParseAddress(text)
	if err != nil || utf8.RuneCountInString(a.Name) > 100 || strings.ContainsFunc(a.Name, unicode.IsControl) {
		return "", "", false
	}
	local, domain, _ := strings.Cut(a.Address, "@")
	if inASCII, err := idna.Lookup.ToASCII(domain); err == nil {
		domain = inASCII
	}
	const atoms = "^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
	ok = len(local) <= 64 && regexp.MustCompile(atoms+`(\.`+atoms[1:]+`)*$`).MatchString(local) && isMailDomain(domain)
	return strings.TrimSpace(a.Name), a.Address, ok
}

// isMailDomain reports whether text is a host name, and no address.
func isMailDomain(text string) bool {
	_, err := netip.ParseAddr(text)
	return err != nil && isHost(text) && !strings.Contains(text, "_")
}

func (k *checker) queue() {
	e := &k.Email
	e.Attempts = k.between("EMAIL_ATTEMPTS", k.EmailAttempts, 1, 100)
	e.Backoff = k.span("EMAIL_BACKOFF", k.EmailBackoff, time.Millisecond, time.Hour, "from 1ms to 1h")
	e.Concurrency = k.between("EMAIL_CONCURRENCY", k.EmailConcurrency, 1, 1000)
	e.Patience = k.span("EMAIL_PATIENCE", k.EmailPatience, time.Millisecond, time.Minute, "from 1ms to 1m")
	e.Timeout = k.span("EMAIL_TIMEOUT", k.EmailTimeout, time.Second, 10*time.Minute, "from 1s to 10m")
	// A mail waits for its moment and then for its turn; the rest of the time is for sending it.
	k.check(2*e.Patience < e.Timeout || k.wrong("EMAIL_TIMEOUT"), "EMAIL_PATIENCE", "must be less than half of EMAIL_TIMEOUT, which is "+k.EmailTimeout)
	e.FetchEvery = k.span("EMAIL_FETCH_EVERY", k.EmailFetchEvery, time.Millisecond, time.Minute, "from 1ms to 1m")
	e.KeepCompleted = k.between("EMAIL_KEEP_COMPLETED", k.EmailKeepCompleted, 0, 1_000_000)
	e.KeepCompletedFor = k.lasting("EMAIL_KEEP_COMPLETED_FOR", k.EmailKeepCompletedFor, 366*day, "366d")
	e.KeepFailed = k.between("EMAIL_KEEP_FAILED", k.EmailKeepFailed, 0, 1_000_000)
	if k.EmailRate != "off" {
		n, err := strconv.ParseUint(k.EmailRate, 10, 31)
		k.check(err == nil && n >= 1 && n <= 100_000, "EMAIL_RATE", "must be a whole number from 1 to 100000, or off")
		e.Rate = int(n)
	}
}

// span is a time that may be shorter than a second.
func (k *checker) span(name, text string, least, most time.Duration, within string) time.Duration {
	d, err := parseDuration(text)
	k.check(err == nil && d >= least && d <= most, name, "must be a time such as 100ms, 2s or 1m, "+within)
	return d
}
