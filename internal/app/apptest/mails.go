package apptest

import (
	"context"
	"slices"
	"sync"

	"cartracker/internal/ident"
	"cartracker/internal/record"
)

// Mails are those that a company is to send, in the place of a queue.
type Mails struct {
	mu  sync.Mutex
	all []Mail
}

// A Mail is for a user, or for whoever has an address.
type Mail struct {
	Kind  string // credentials, reset or forgotten
	To    record.UserID
	Email string
}

// Credentials keeps a mail to a new user.
func (m *Mails) Credentials(_ context.Context, id record.UserID) error {
	return m.keep(Mail{Kind: "credentials", To: id})
}

// PasswordReset keeps a mail to a user whose password is reset.
func (m *Mails) PasswordReset(_ context.Context, id record.UserID) error {
	return m.keep(Mail{Kind: "reset", To: id})
}

// Forgotten keeps a mail to whoever has this address.
func (m *Mails) Forgotten(_ context.Context, email string) error {
	return m.keep(Mail{Kind: "forgotten", Email: email})
}

func (m *Mails) keep(mail Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all = append(m.all, mail)
	return nil
}

// All returns the mails since the company began.
func (m *Mails) All() []Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.all)
}

// Link returns the token of the link that a user is sent.
func (c *Company) Link(id record.UserID) string {
	l, err := c.Identity.ResetLetter(context.Background(), id, ident.New[string]())
	if err != nil {
		c.Nobody.t.Fatal(err)
	}
	return l.Token
}
