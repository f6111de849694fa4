package identity

import (
	"context"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/record"
)

const (
	// Grace is how long after its rotation a refresh token still answers its
	// successor, so that parallel tabs do not sign each other out.
	Grace = 30 * time.Second
	// MaxSession is how long a session can last, however often it is refreshed.
	MaxSession = 30 * 24 * time.Hour
	// MinRefusal is the least time that a refused sign-in takes, so that it
	// does not tell what was wrong.
	MinRefusal = 250 * time.Millisecond
)

// Errors of sign-in. One answer for all failures tells a stranger nothing.
var (
	ErrCredentials        = fault.New(fault.Unauthenticated, "invalid_credentials", "user name or password is wrong")
	ErrRegistrationClosed = fault.New(fault.Forbidden, "registration_closed", "accounts are made by an admin here")
	ErrNoSetup            = fault.New(fault.NotFound, "not_found", "there is nothing to set up")
	ErrSetupCode          = fault.New(fault.Unauthenticated, "setup_code", "the set-up code is wrong or too old; the program makes a new one when it starts")
)

// A SessionID names one session.
type SessionID string

// A Session is one sign-in of one user on one device.
type Session struct {
	ID        SessionID
	UserID    record.UserID
	CreatedAt date.Moment
	ExpiresAt date.Moment // unless it is refreshed before
	EndsAt    date.Moment // whatever is done
	IP        string
	UserAgent string
}

// A RefreshToken is what a session keeps of one of its refresh tokens.
type RefreshToken struct {
	Digest    string
	SessionID SessionID
	Number    int         // counts from 0
	UsedAt    date.Moment // zero while it is the newest
}

// A SessionStore keeps sessions. Of refresh tokens it sees digests only.
type SessionStore interface {
	Insert(ctx context.Context, s Session, first RefreshToken) error
	// Owner returns the user of a session, and until when it lasts; ErrSignIn
	// if there is none or the user is inactive.
	Owner(ctx context.Context, id SessionID) (Owner, error)
	// ByToken returns the session that a token belongs or belonged to, and
	// locks it; ErrSignIn if there is none.
	ByToken(ctx context.Context, digest string) (Session, RefreshToken, error)
	// Rotate makes next the newest token of its session, which then lasts until expires.
	Rotate(ctx context.Context, old, next RefreshToken, expires date.Moment) error
	Delete(context.Context, SessionID) error
	DeleteAll(context.Context, record.UserID) error
}

// An Owner is who has a session, for as long as it lasts unless it is refreshed.
type Owner struct {
	Person record.Person
	Until  date.Moment
}

// Claims are what an access token says.
type Claims struct {
	UserID, Username, Role, SessionID string
	// Concern is for who remembers what a token stands for: what happens to one
	// of these makes it another thing.
	Concern []string
}

// An AccessSigner signs and reads access tokens.
type AccessSigner interface {
	Sign(Claims) (string, error)
	// Parse refuses tokens that are not ours, and tells expired ones apart.
	Parse(token string) (Claims, error)
}

// A Memory knows who has which session without a look at the database, for as
// long as nothing has happened to the session or its user.
type Memory interface {
	// Recall returns the owner of a session who was found before.
	Recall(Claims) (Owner, bool)
	// Find returns the owner whom find finds, and remembers them.
	Find(ctx context.Context, c Claims, find func(context.Context) (Owner, error)) (Owner, error)
}

// A RefreshMaker makes refresh tokens. The same token always has the same successor.
type RefreshMaker interface {
	First() string
	Successor(token string) string
	Digest(token string) string
}

// A Hasher hashes passwords slowly, a few at a time.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
	// Verify takes as long for an empty hash, which fits no password.
	// Outdated hashes fit, and should be replaced.
	Verify(ctx context.Context, hash, password string) (ok, outdated bool, err error)
}

// A Service signs people in and keeps users. All of its fields are required,
// except RegistrationOpen, AppName, SetupDone, Memory, Mailer and Presence.
type Service struct {
	record.Env
	Users            UserStore
	Sessions         SessionStore
	Setup            SetupStore
	Links            LinkStore
	Hasher           Hasher
	Access           AccessSigner
	Refresh          RefreshMaker
	Judge            func(password string, hints ...string) (problem string)
	Normalize        func(username string) string
	NormalizeCode    func(code string) string
	RefreshTTL       time.Duration
	Language         Language // of users who name none
	RegistrationOpen bool
	AppName          string
	SetupDone        func() // called once the first admin was made
	Memory           Memory
	Mailer           Mailer   // nil: no mail is sent
	Presence         Presence // nil: nobody is known to be there
}
