package identity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/record"
)

// A Purpose is what a link is for.
type Purpose string

// The purposes. The links of both set a password.
const (
	Welcome Purpose = "welcome" // of a new account
	Reset   Purpose = "reset"   // of one whose password is lost
)

const (
	// WelcomeLife is how long the link to a new account can be used.
	WelcomeLife = 72 * time.Hour
	// ResetLife is how long the link that replaces a lost password can be used.
	ResetLife = 24 * time.Hour
	// ForgottenPause is for how long nobody else can let a user have another mail.
	ForgottenPause = 5 * time.Minute
)

func (p Purpose) life() time.Duration {
	if p == Welcome {
		return WelcomeLife
	}
	return ResetLife
}

var (
	// ErrLink is one answer for links that are unknown, used or too old, and
	// for those of users who may not sign in.
	ErrLink = fault.New(fault.Unauthenticated, "invalid_link", "this link cannot be used, or not any more; ask for a new one")
	// ErrNoLetter says that there is nothing to send. Errors that wrap it say why.
	ErrNoLetter = errors.New("identity: there is nothing to send")
	// ErrInactive refuses to send a mail to somebody who may not sign in.
	ErrInactive = fault.New(fault.Conflict, "user_inactive", "this user is not active")

	errNoMail = fault.New(fault.Unavailable, "no_mail", "no mail is sent from here")
)

// A Link lets a user set a password once.
type Link struct {
	Digest    string // of the token in it
	UserID    record.UserID
	Purpose   Purpose
	MailID    string // of the mail that it is in
	CreatedAt date.Moment
	ExpiresAt date.Moment
}

// A LinkStore keeps the last link of each user and purpose. Of the tokens it
// sees digests only.
type LinkStore interface {
	// Put keeps a link in the place of the earlier one of its user and purpose.
	Put(context.Context, Link) error
	// Live returns the link that can be used at the moment now; ErrLink if there is none.
	Live(ctx context.Context, digest string, now date.Moment) (Link, error)
	// Last returns the link that a user has for a purpose.
	Last(context.Context, record.UserID, Purpose) (l Link, found bool, err error)
	// Take uses a link up, and reports whether it could be used.
	Take(ctx context.Context, digest string, now date.Moment) (bool, error)
	DeleteAll(context.Context, record.UserID) error
	// Withdraw deletes the link in a mail.
	Withdraw(ctx context.Context, mailID string) error
}

// A Mailer sends mails to users, in the transaction of ctx: the mail is sent if
// and only if that commits.
type Mailer interface {
	// Credentials sends the link to a new account.
	Credentials(ctx context.Context, id record.UserID) error
	// PasswordReset sends the link that an admin asked for.
	PasswordReset(ctx context.Context, id record.UserID) error
	// Forgotten sends a link to whoever has this address. Nobody has looked yet
	// whether there is such a user, so that asking tells nothing.
	Forgotten(ctx context.Context, email string) error
}

// Forgot asks for a mail with a link for whoever has this address. It does the
// same whether there is such a user or not.
func (s *Service) Forgot(ctx context.Context, email string) error {
	email = s.Normalize(email)
	var bad fault.Fields
	record.Trim(&email)
	record.CheckText(&bad, "email", email, 3, 254)
	record.CheckEmail(&bad, "email", email)
	if err := bad.Err(); err != nil {
		return err
	}
	if s.Mailer == nil {
		return errNoMail
	}
	return s.InTx(ctx, func(ctx context.Context) error { return s.Mailer.Forgotten(ctx, email) })
}

// LinkOwner returns whom a link belongs to, and what it is for. It uses nothing up.
func (s *Service) LinkOwner(ctx context.Context, token string) (User, Purpose, error) {
	ctx = record.Fresh(ctx)
	l, err := s.Links.Live(ctx, s.Refresh.Digest(token), s.Now())
	if err != nil {
		return User{}, "", err
	}
	u, err := s.Users.Get(ctx, l.UserID)
	if err := mayUse(u, err); err != nil {
		return User{}, "", err
	}
	return u, l.Purpose, nil
}

// mayUse is ErrLink if a user is not there, or is not active.
func mayUse(u User, err error) error {
	if errors.Is(err, ErrNoUser) || err == nil && !u.Active {
		return ErrLink
	}
	return err
}

// SetPasswordBy sets the password of the user whom a link belongs to, signs
// them out everywhere, and ends all of their links. A link can be used once;
// a password that is refused does not use it up.
func (s *Service) SetPasswordBy(ctx context.Context, token string, next Password) error {
	u, _, err := s.LinkOwner(ctx, token) // before, so that a stranger cannot make us hash
	if err != nil {
		return err
	}
	if err := s.checkPassword("password", next, u.Profile); err != nil {
		return err
	}
	hash, err := s.Hasher.Hash(ctx, next.Reveal())
	if err != nil {
		return err
	}
	c := record.CallerOf(ctx)
	c.Person = u.Person()
	return s.Do(record.As(ctx, c), func(ctx context.Context) (record.Entry, error) {
		if err := mayUse(s.hold(ctx, u.ID)); err != nil { // hashing has taken its time
			return record.Entry{}, err
		}
		taken, err := s.Links.Take(ctx, s.Refresh.Digest(token), s.Now())
		if err != nil || !taken {
			return record.Entry{}, orErr(err, ErrLink)
		}
		return s.replacePassword(ctx, u, hash, u.Username+" set a password by a link")
	})
}

// hold returns a user whom nobody else can change until the transaction ends.
func (s *Service) hold(ctx context.Context, id record.UserID) (User, error) {
	return s.Users.Update(ctx, id, func(*User) error { return record.ErrUnchanged })
}

// A Letter is what a mail with a one-time link is made of.
type Letter struct {
	User  User
	Token string      // in the link
	Until date.Moment // it can be used
}

// WelcomeLetter makes the letter to a new user, which the mail with this id
// takes to them. The earlier link of that kind ends. It is an ErrNoLetter if
// there is nobody to write to.
func (s *Service) WelcomeLetter(ctx context.Context, id record.UserID, mailID string) (Letter, error) {
	return s.letter(ctx, Link{UserID: id, Purpose: Welcome, MailID: mailID}, 0)
}

// ResetLetter makes the letter to a user whose password an admin resets, as
// WelcomeLetter does.
func (s *Service) ResetLetter(ctx context.Context, id record.UserID, mailID string) (Letter, error) {
	return s.letter(ctx, Link{UserID: id, Purpose: Reset, MailID: mailID}, 0)
}

// ForgottenLetter makes the letter to whoever has this address, as ResetLetter
// does. It is an ErrNoLetter too if another mail took them a link less than
// ForgottenPause ago; what an earlier try of the same mail did does not count.
func (s *Service) ForgottenLetter(ctx context.Context, email, mailID string) (Letter, error) {
	u, _, err := s.Users.Named(record.Fresh(ctx), s.Normalize(email))
	if errors.Is(err, ErrNoUser) {
		return Letter{}, noLetter("nobody has this address")
	}
	if err != nil {
		return Letter{}, err
	}
	return s.letter(ctx, Link{UserID: u.ID, Purpose: Reset, MailID: mailID}, ForgottenPause)
}

func noLetter(why string) error { return fmt.Errorf("%w: %s", ErrNoLetter, why) }

// letter makes the letter with the link l, whose token only the letter has.
func (s *Service) letter(ctx context.Context, l Link, pause time.Duration) (Letter, error) {
	token := s.Refresh.First()
	var u User
	err := s.InTx(ctx, func(ctx context.Context) (err error) {
		u, err = s.hold(ctx, l.UserID) // of two who ask at the same time, the second sees the first's
		if err := mayUse(u, err); errors.Is(err, ErrLink) {
			return noLetter("there is no such user, or they are not active")
		} else if err != nil {
			return err
		}
		l.CreatedAt = s.Now()
		if pause > 0 {
			last, found, err := s.Links.Last(ctx, l.UserID, l.Purpose)
			if err != nil {
				return err
			}
			if found && last.MailID != l.MailID && l.CreatedAt.Sub(last.CreatedAt) < pause {
				return noLetter("they were sent a link less than five minutes ago")
			}
		}
		l.Digest, l.ExpiresAt = s.Refresh.Digest(token), l.CreatedAt.Add(l.Purpose.life())
		return s.Links.Put(ctx, l)
	})
	if err != nil {
		return Letter{}, err
	}
	return Letter{User: u, Token: token, Until: l.ExpiresAt}, nil
}

// Withdraw ends the link in a mail that nobody got.
func (s *Service) Withdraw(ctx context.Context, mailID string) error {
	return s.InTx(ctx, func(ctx context.Context) error { return s.Links.Withdraw(ctx, mailID) })
}
