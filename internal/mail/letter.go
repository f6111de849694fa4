package mail

import (
	"slices"
	"time"
)

// The kinds of letters.
const (
	Credentials      = "credentials"
	PasswordReset    = "password-reset"
	ContractExpiring = "contract-expiring"
	ContractExpired  = "contract-expired"
)

// The languages there are templates in.
const (
	english = "en"
	bosnian = "bs"
)

// Kinds returns the kinds of letters.
func Kinds() []string {
	return []string{Credentials, PasswordReset, ContractExpiring, ContractExpired}
}

func languages() []string { return []string{english, bosnian} }

// A Letter is what a mail is made of.
type Letter struct {
	Kind     string
	To       Address
	Language string // en or bs; anything else is en
	App      string // the name of the program
	Username string
	Link     string // the one-time link
	SignIn   string // the page to sign in at
	Until    time.Time
	Zone     *time.Location // in which Until is written; nil: UTC
	Contract Contract
}

// A Contract is one that a letter tells of.
type Contract struct {
	Number, Car, Plate, Customer, Phone string
	Start, End                          string // days as YYYY-MM-DD
}

// view is what a template sees of a Letter: texts of one line.
type view struct {
	Language, App, Name, Username, Link, SignIn, Until string
	Contract                                           Contract
}

func (l Letter) language() string {
	if slices.Contains(languages(), l.Language) {
		return l.Language
	}
	return english
}

func (l Letter) view() view {
	name := oneLine(l.To.Name)
	if name == "" {
		name = oneLine(l.Username)
	}
	c := l.Contract
	for _, text := range []*string{&c.Number, &c.Car, &c.Plate, &c.Customer, &c.Phone, &c.Start, &c.End} {
		*text = oneLine(*text)
	}
	c.Start, c.End = l.day(c.Start), l.day(c.End)
	return view{
		Language: l.language(), App: oneLine(l.App), Name: name, Username: oneLine(l.Username),
		Link: oneLine(l.Link), SignIn: oneLine(l.SignIn), Until: l.until(), Contract: c,
	}
}

// until writes the end of the link's time as people do.
func (l Letter) until() string {
	if l.Until.IsZero() {
		return ""
	}
	zone := l.Zone
	if zone == nil {
		zone = time.UTC
	}
	layout := "2 January 2006, 15:04 MST"
	if l.language() == bosnian {
		layout = "2. 1. 2006. u 15:04 MST"
	}
	return l.Until.In(zone).Format(layout)
}

// day writes a day as people do. What is no day stays as it is.
func (l Letter) day(text string) string {
	day, err := time.Parse(time.DateOnly, text)
	switch {
	case err != nil:
		return text
	case l.language() == bosnian:
		return day.Format("2. 1. 2006.")
	}
	return day.Format("2 January 2006")
}

// Sample returns a letter of a kind with made-up people in it, to look at.
func Sample(kind, language string) Letter {
	return Letter{
		Kind: kind, Language: language, To: Address{"Amra Šarić", "amra@example.com"}, App: "Car Tracker", Username: "amra",
		Link:   "https://rent.example.com/set-password?token=SAMPLE-0123456789abcdefghijklmnopqrstuv",
		SignIn: "https://rent.example.com/sign-in",
		Until:  time.Date(2026, time.May, 31, 12, 30, 0, 0, time.UTC),
		Contract: Contract{
			Number: "CTR-2026-00042", Car: "Škoda Octavia", Plate: "A12-K-345", Customer: "Lejla Hadžić", Phone: "+387 61 123 456",
			Start: "2026-05-24", End: "2026-05-31",
		},
	}
}
