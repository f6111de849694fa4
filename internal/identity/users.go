package identity

import (
	"context"
	"errors"
	"fmt"

	"cartracker/internal/fault"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

var errNotOwn = record.ErrForbidden.Say("this changes the own password only; an admin resets another's")

// List returns the users that f selects.
func (s *Service) List(ctx context.Context, f Filter) (page.Of[User], error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return page.Of[User]{}, err
	}
	return s.Users.List(ctx, f)
}

// Get returns one user.
func (s *Service) Get(ctx context.Context, id record.UserID) (User, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return User{}, err
	}
	return s.Users.Get(ctx, id)
}

// Me returns the user who asks.
func (s *Service) Me(ctx context.Context) (User, error) {
	if err := record.Require(ctx, record.SignedIn); err != nil {
		return User{}, err
	}
	return s.Users.Get(ctx, record.CallerOf(ctx).ID)
}

// Add makes the user that fill writes.
func (s *Service) Add(ctx context.Context, fill func(*Draft) error) (User, error) {
	add, err := s.Prepare(ctx, fill)
	if err != nil {
		return User{}, err
	}
	return add(ctx)
}

// Prepare does what is slow about Add, so that the rest can be part of a
// transaction: hashing a password inside of one would make other writers wait.
func (s *Service) Prepare(ctx context.Context, fill func(*Draft) error) (add func(context.Context) (User, error), err error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return nil, err
	}
	d := Draft{Account: Account{Profile: Profile{Language: s.Language}, Role: record.User, Active: true}}
	if err := fault.All(fill(&d), s.validate(&d.Account), s.checkWayIn(&d)); err != nil {
		return nil, err
	}
	hash := "" // fits no password
	if d.Password.Reveal() != "" {
		hash, err = s.Hasher.Hash(ctx, d.Password.Reveal())
	}
	return func(ctx context.Context) (User, error) { return s.add(ctx, d, hash) }, err
}

// checkWayIn checks that a new user can get in: by a password, by a link that
// is sent to them, or by either.
func (s *Service) checkWayIn(d *Draft) error {
	var bad fault.Fields
	bad.Check(!d.SendCredentials || s.Mailer != nil, "sendCredentials", "must be false: "+errNoMail.Message)
	if d.Password.Reveal() == "" {
		bad.Check(d.SendCredentials, "password", "is required unless sendCredentials is true")
		return bad.Err()
	}
	return fault.All(bad.Err(), s.checkPassword("password", d.Password, d.Profile))
}

func (s *Service) add(ctx context.Context, d Draft, hash string) (u User, err error) {
	description := "made the user " + d.Username
	if !d.SendCredentials {
		return s.insert(ctx, d.Account, hash, description, made)
	}
	err = s.InTx(ctx, func(ctx context.Context) error {
		if u, err = s.insert(ctx, d.Account, hash, description+", who is sent a link", made); err != nil {
			return err
		}
		return s.Mailer.Credentials(ctx, u.ID)
	})
	return u, err
}

// AmendMe lets change rewrite the profile of the user who asks. A version
// other than record.AnyVersion must be the one that is there.
func (s *Service) AmendMe(ctx context.Context, version int, change func(*Profile) error) (User, error) {
	if err := record.Require(ctx, record.SignedIn); err != nil {
		return User{}, err
	}
	me := record.CallerOf(ctx).ID
	return s.amend(ctx, me, version, func(a *Account) error { return change(&a.Profile) })
}

// Amend lets change rewrite a user. Whoever loses a role, or is deactivated,
// is signed out everywhere.
func (s *Service) Amend(ctx context.Context, id record.UserID, version int, change func(*Account) error) (User, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return User{}, err
	}
	return s.amend(ctx, id, version, change)
}

func (s *Service) amend(ctx context.Context, id record.UserID, version int, change func(*Account) error) (u User, err error) {
	err = s.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		var before Account
		u, err = s.Users.Update(ctx, id, func(u *User) error {
			if err := u.Expect(version); err != nil {
				return err
			}
			before = u.Account
			if err := fault.All(change(&u.Account), s.validate(&u.Account)); err != nil {
				return err
			}
			if record.Same(before, u.Account) {
				return record.ErrUnchanged
			}
			u.Touch(s.Now())
			return nil
		})
		if err != nil || record.Same(before, u.Account) {
			return record.Entry{}, err
		}
		e := userEntry(record.Update, record.Updated, u, "changed the user "+u.Username, before, u.Account)
		e.Notice = userNotice(record.UserUpdated, u, changeOf(before, u.Account))
		if before.Role != u.Role || before.Active && !u.Active {
			if err := s.endAll(ctx, id, &e); err != nil {
				return record.Entry{}, err
			}
		}
		if before.Email != u.Email || before.Active && !u.Active { // what was sent to a wrong address opens nothing
			return e, s.Links.DeleteAll(ctx, id)
		}
		return e, nil
	})
	return u, err
}

// Remove deletes a user who left no trace, and deactivates any other. It
// reports whether the user was deleted.
func (s *Service) Remove(ctx context.Context, id record.UserID, version int) (deleted bool, err error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return false, err
	}
	err = s.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		var before User
		var kept bool
		u, err := s.Users.Update(ctx, id, func(u *User) (err error) {
			if err := u.Expect(version); err != nil {
				return err
			}
			before = *u
			if kept, err = s.Users.HasHistory(ctx, id); err != nil {
				return err
			}
			if kept && !u.Active {
				return record.ErrUnchanged // it is deactivated already
			}
			u.Active = false
			u.Touch(s.Now())
			return nil
		})
		if err != nil || u.Version == before.Version {
			return record.Entry{}, err
		}
		e := userEntry(record.Update, record.Updated, u, "deactivated the user "+u.Username, before.Account, u.Account)
		e.Notice = userNotice(record.UserUpdated, u, deactivated)
		if deleted = !kept; deleted {
			e = userEntry(record.Delete, record.Deleted, u, "deleted the user "+u.Username, before.Account, nil)
		}
		if err := s.lockOut(ctx, id, &e); err != nil || kept {
			return e, err
		}
		return e, s.Users.Delete(ctx, id)
	})
	return deleted, err
}

// ErrWrongPassword is behind the error of who does not know the own password.
var ErrWrongPassword = errors.New("identity: the current password is wrong")

// ChangePassword replaces the password of the user who asks, and signs them out
// everywhere. Its error is ErrWrongPassword if current is not that password.
func (s *Service) ChangePassword(ctx context.Context, id record.UserID, current, next Password) error {
	if err := record.Require(ctx, record.SignedIn); err != nil {
		return err
	}
	if id != record.CallerOf(ctx).ID {
		return errNotOwn
	}
	ctx = record.Fresh(ctx)
	u, err := s.Users.Get(ctx, id)
	if err != nil {
		return err
	}
	hash, err := s.Users.PasswordHash(ctx, id)
	if err != nil {
		return err
	}
	ok, _, err := s.Hasher.Verify(ctx, hash, current.Reveal())
	if err != nil {
		return err
	}
	var bad fault.Fields
	bad.Check(ok, "currentPassword", "is not your password")
	err = fault.All(bad.Err(), s.checkPassword("newPassword", next, u.Profile))
	if !ok {
		return fmt.Errorf("%w (%w)", err, ErrWrongPassword)
	}
	if err != nil {
		return err
	}
	return s.setPassword(ctx, u, next, "changed the own password")
}

// ResetPassword sets the password of any user, and signs them out everywhere.
func (s *Service) ResetPassword(ctx context.Context, id record.UserID, next Password) error {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return err
	}
	u, err := s.Users.Get(record.Fresh(ctx), id)
	if err != nil {
		return err
	}
	if err := s.checkPassword("newPassword", next, u.Profile); err != nil {
		return err
	}
	return s.setPassword(ctx, u, next, "reset the password of "+u.Username)
}

// SendReset sends any user a link that sets a new password, and signs them out
// everywhere. The old password is good until the link is used.
func (s *Service) SendReset(ctx context.Context, id record.UserID) error {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return err
	}
	if s.Mailer == nil {
		return errNoMail
	}
	return s.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		u, err := s.hold(ctx, id)
		if err == nil && !u.Active {
			err = ErrInactive
		}
		if err != nil {
			return record.Entry{}, err
		}
		e := userEntry(record.Update, record.Updated, u, "sent "+u.Username+" a link that sets a new password", nil, nil)
		if err := s.endAll(ctx, id, &e); err != nil {
			return record.Entry{}, err
		}
		return e, s.Mailer.PasswordReset(ctx, id)
	})
}

// ResetPasswordOf sets the password of the user with this name or e-mail address.
func (s *Service) ResetPasswordOf(ctx context.Context, login string, next Password) error {
	u, _, err := s.Users.Named(ctx, s.Normalize(login))
	if err != nil {
		return err
	}
	return s.ResetPassword(ctx, u.ID, next)
}

// newPassword is what the audit log compares of a password, which it never shows.
var newPassword = map[string]string{"password": "new"}

func (s *Service) setPassword(ctx context.Context, u User, next Password, description string) error {
	hash, err := s.Hasher.Hash(ctx, next.Reveal())
	if err != nil {
		return err
	}
	return s.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		return s.replacePassword(ctx, u, hash, description)
	})
}

// replacePassword sets a password. What led in before does so no longer.
func (s *Service) replacePassword(ctx context.Context, u User, hash, description string) (record.Entry, error) {
	if err := s.Users.SetPassword(ctx, u.ID, hash); err != nil {
		return record.Entry{}, err
	}
	e := userEntry(record.Update, record.Updated, u, description, nil, newPassword)
	err := s.lockOut(ctx, u.ID, &e)
	return e, err
}

// lockOut ends all sessions and links of a user.
func (s *Service) lockOut(ctx context.Context, id record.UserID, e *record.Entry) error {
	if err := s.Links.DeleteAll(ctx, id); err != nil {
		return err
	}
	return s.endAll(ctx, id, e)
}

// insert keeps a new user. The admins are told how they came here.
func (s *Service) insert(ctx context.Context, a Account, hash, description, how string) (User, error) {
	u := User{Meta: record.NewMeta[record.UserID](s.Env), Account: a}
	err := s.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		if err := s.Users.Insert(ctx, &u, hash); err != nil {
			return record.Entry{}, err
		}
		e := userEntry(record.Create, record.Created, u, description, nil, u.Account)
		if how != untold {
			e.Notice = userNotice(record.UserNew, u, how)
			e.Notice.Except = u.ID
		}
		return e, nil
	})
	return u, err
}

func (s *Service) validate(a *Account) error {
	a.Username, a.Email = s.Normalize(a.Username), s.Normalize(a.Email)
	return a.Validate()
}

func (s *Service) checkPassword(field string, p Password, of Profile) error {
	var bad fault.Fields
	bad.Check(p.Reveal() != "", field, "is required")
	if problem := s.Judge(p.Reveal(), of.Username, of.Email, s.AppName); problem != "" {
		bad.Check(false, field, problem)
	}
	return bad.Err()
}

func userEntry(a record.Action, kind record.Kind, u User, description string, before, after any) record.Entry {
	return record.Entry{
		Action: a, Resource: "user", ResourceID: string(u.ID), Description: description,
		Before: before, After: after,
		Changes: []record.Change{record.Changed(record.Users, kind, u.Meta)},
	}
}
