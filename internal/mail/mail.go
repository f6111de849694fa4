// Package mail makes mails out of templates and hands them over: to an SMTP
// server, or into a folder. It knows no users and no queue; who calls it decides
// what is sent, and tries again what was not taken.
package mail

import (
	"context"
	"errors"
)

// An Address is a person's, or the program's own.
type Address struct{ Name, Email string }

// A Message is one mail to one person.
type Message struct {
	ID       string // a UUID; the same each time the mail is tried, and so is the Message-ID made of it
	To       Address
	Language string // en or bs
	Subject  string
	Text     string
	HTML     string
}

// A Sender hands mails over, one after the other.
type Sender interface {
	// Send hands m over. Once the server has taken it, and before any other mail
	// is sent, it calls taken; Send returns what taken returns. Its errors are a
	// *Refused, ErrNoTurn, or temporary.
	Send(ctx context.Context, m Message, taken func() error) error
	Close() error
}

// ErrNoTurn says that nothing was tried: the server hangs for somebody else, or
// was found away a moment ago. Who gets it comes back later and has used up nothing.
var ErrNoTurn = errors.New("mail: the server is away or busy, nothing was tried")

// Refused is an error that another try would not mend: the server refuses the
// mail for good, or the mail cannot be sent to anybody.
type Refused struct {
	Answer string // of the server, or why it was not asked; one line
}

func (r *Refused) Error() string { return "the mail is refused: " + r.Answer }
