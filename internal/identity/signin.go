package identity

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/ident"
	"cartracker/internal/record"
)

// A Pass is what somebody who signed in is given.
type Pass struct {
	Person    record.Person
	Email     string
	Access    string      // the access token
	Refresh   string      // the refresh token
	ExpiresAt date.Moment // of the refresh token
}

// Login signs in whoever has this user name or e-mail address and password.
// Every refusal is ErrCredentials and takes at least MinRefusal.
func (s *Service) Login(ctx context.Context, login string, p Password) (Pass, error) {
	began := time.Now()
	pass, err := s.login(ctx, login, p)
	if err != nil {
		wait(ctx, MinRefusal-time.Since(began))
		return Pass{}, err
	}
	return pass, nil
}

// Account returns what names the account behind a user name or an e-mail
// address: the same for both, or what was given if there is none.
func (s *Service) Account(ctx context.Context, login string) (string, error) {
	login = s.Normalize(login)
	u, _, err := s.Users.Named(record.Fresh(ctx), login)
	if errors.Is(err, ErrNoUser) {
		return login, nil
	}
	return string(u.ID), err
}

func (s *Service) login(ctx context.Context, login string, p Password) (Pass, error) {
	u, hash, err := s.Users.Named(record.Fresh(ctx), s.Normalize(login))
	known := err == nil
	if !known && !errors.Is(err, ErrNoUser) {
		return Pass{}, err
	}
	ok, outdated, err := s.Hasher.Verify(ctx, hash, p.Reveal())
	if err != nil {
		return Pass{}, err
	}
	if !ok || !known || !u.Active {
		return Pass{}, s.refuse(ctx, u)
	}
	better := hash
	if outdated {
		if better, err = s.Hasher.Hash(ctx, p.Reveal()); err != nil {
			return Pass{}, err
		}
	}
	return s.begin(ctx, u.ID, hash, better)
}

// refuse notes a failed sign-in and returns ErrCredentials. What was typed as
// a name is not kept unless it is an account's: people type passwords there.
func (s *Service) refuse(ctx context.Context, u User) error {
	c := record.CallerOf(ctx)
	c.Username = u.Username
	err := s.Do(record.As(ctx, c), func(context.Context) (record.Entry, error) {
		e := record.Entry{Action: record.LoginFailed, Resource: "session", Description: "a sign-in failed", Failed: true}
		if u.ID != "" {
			e.ResourceID = string(u.ID)
			e.Description = "a sign-in as " + u.Username + " failed"
		}
		return e, nil
	})
	if err != nil {
		return err
	}
	return ErrCredentials
}

// begin opens a session for a user whose password fits hash, and keeps better
// in its place.
func (s *Service) begin(ctx context.Context, id record.UserID, hash, better string) (Pass, error) {
	c, now, token := record.CallerOf(ctx), s.Now(), s.Refresh.First()
	session := Session{
		ID: ident.New[SessionID](), UserID: id, CreatedAt: now,
		ExpiresAt: now.Add(s.RefreshTTL), EndsAt: now.Add(MaxSession),
		IP: c.IP, UserAgent: c.UserAgent,
	}
	var u User
	err := s.InTx(ctx, func(ctx context.Context) (err error) {
		if u, err = s.admit(ctx, id, hash, better); err != nil {
			return err
		}
		c.Person = u.Person()
		return s.Do(record.As(ctx, c), func(ctx context.Context) (record.Entry, error) { // the log tells who signed in
			e := record.Entry{Action: record.Login, Resource: "session", ResourceID: string(session.ID), Description: u.Username + " signed in"}
			e.Changes = []record.Change{{Topic: record.Sessions, ID: string(session.ID), Kind: record.Created, Version: 1}}
			return e, s.Sessions.Insert(ctx, session, RefreshToken{Digest: s.Refresh.Digest(token), SessionID: session.ID})
		})
	})
	if err != nil {
		return Pass{}, err
	}
	return s.pass(u, session, token)
}

// admit notes the sign-in of a user, and so locks them. Hashing takes its
// time: it refuses those who lost the account or got another password meanwhile.
func (s *Service) admit(ctx context.Context, id record.UserID, hash, better string) (User, error) {
	if err := s.Users.SetLastLogin(ctx, id, s.Now()); err != nil {
		return User{}, err
	}
	u, err := s.Users.Get(ctx, id)
	if errors.Is(err, ErrNoUser) || err == nil && !u.Active {
		return User{}, ErrCredentials
	}
	if err != nil {
		return User{}, err
	}
	current, err := s.Users.PasswordHash(ctx, id)
	if err != nil || current != hash {
		return User{}, orErr(err, ErrCredentials)
	}
	if better != hash {
		err = s.Users.SetPassword(ctx, id, better)
	}
	return u, err
}

func (s *Service) pass(u User, session Session, refresh string) (Pass, error) {
	access, err := s.Access.Sign(Claims{
		UserID: string(u.ID), Username: u.Username, Role: string(u.Role), SessionID: string(session.ID),
	})
	return Pass{
		Person: u.Person(), Email: u.Email, Access: access, Refresh: refresh, ExpiresAt: session.ExpiresAt,
	}, err
}

// Authenticate returns the person and the session that an access token speaks
// for, as they are now and not as they were when it was signed.
func (s *Service) Authenticate(ctx context.Context, token string) (record.Person, SessionID, error) {
	ctx = record.Fresh(ctx)
	claims, err := s.Access.Parse(token)
	if err != nil {
		return record.Person{}, "", err
	}
	id := SessionID(claims.SessionID)
	owner, err := s.owner(ctx, claims)
	if err == nil && !owner.Until.After(s.Now()) { // it may have been refreshed
		owner, err = s.Sessions.Owner(ctx, id)
	}
	if err != nil {
		return record.Person{}, "", err
	}
	if string(owner.Person.ID) != claims.UserID || !owner.Until.After(s.Now()) {
		return record.Person{}, "", record.ErrSignIn
	}
	return owner.Person, id, nil
}

// owner returns who has the session of a token.
func (s *Service) owner(ctx context.Context, c Claims) (Owner, error) {
	if s.Memory == nil {
		return s.Sessions.Owner(ctx, SessionID(c.SessionID))
	}
	if o, ok := s.Memory.Recall(c); ok {
		return o, nil
	}
	return s.Memory.Find(ctx, c, func(ctx context.Context) (Owner, error) { return s.Sessions.Owner(ctx, SessionID(c.SessionID)) })
}

// Register makes an account for whoever asks, where that is allowed.
func (s *Service) Register(ctx context.Context, fill func(*Registration) error) (User, error) {
	if !s.RegistrationOpen {
		return User{}, ErrRegistrationClosed
	}
	d, err := s.registration(record.User, fill)
	if err != nil {
		return User{}, err
	}
	hash, err := s.Hasher.Hash(ctx, d.Password.Reveal())
	if err != nil {
		return User{}, err
	}
	return s.register(ctx, d.Account, hash, registered)
}

// A Registration is a new account, as its owner writes it.
type Registration struct {
	Username string   `json:"username" minLength:"3" maxLength:"100" pattern:"^[\\p{L}\\p{Nd}._-]+$"`
	Email    string   `json:"email" maxLength:"254" format:"email"`
	Password Password `json:"password" minLength:"8" maxLength:"1024"`
	Name     *string  `json:"name" maxLength:"255"`
}

// registration returns the new user that fill writes.
func (s *Service) registration(role record.Role, fill func(*Registration) error) (Draft, error) {
	var r Registration
	filled := fill(&r)
	d := Draft{
		Account:  Account{Profile: Profile{Username: r.Username, Email: r.Email, Name: r.Name, Language: s.Language}, Role: role, Active: true},
		Password: r.Password,
	}
	return d, fault.All(filled, s.validate(&d.Account), s.checkPassword("password", d.Password, d.Profile))
}

func (s *Service) register(ctx context.Context, a Account, hash, how string) (User, error) {
	return s.insert(ctx, a, hash, a.Username+" made an account", how)
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

func warnTheft(ctx context.Context, session Session) {
	slog.WarnContext(ctx, "a refresh token was used again: its session was ended", "user", session.UserID, "session", session.ID)
}
