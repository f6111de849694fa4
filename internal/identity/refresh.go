package identity

import (
	"context"

	"cartracker/internal/date"
	"cartracker/internal/record"
)

// Renew rotates a refresh token. The direct predecessor of the newest token
// answers the same successor again for as long as Grace; any older one is
// taken for stolen and ends the session.
func (s *Service) Renew(ctx context.Context, token string) (Pass, error) {
	var pass Pass
	err := s.withSession(ctx, token, func(ctx context.Context, u User, session Session, t RefreshToken) (err error) {
		next := s.Refresh.Successor(token)
		if t.UsedAt.IsZero() {
			session.ExpiresAt = earlier(s.Now().Add(s.RefreshTTL), session.EndsAt)
			succ := RefreshToken{Digest: s.Refresh.Digest(next), SessionID: session.ID, Number: t.Number + 1}
			t.UsedAt = s.Now()
			if err := s.Sessions.Rotate(ctx, t, succ, session.ExpiresAt); err != nil {
				return err
			}
		}
		pass, err = s.pass(u, session, next)
		return err
	})
	return pass, err
}

// Check tells who a refresh token belongs to, with a new access token, and
// leaves the refresh token as it is.
func (s *Service) Check(ctx context.Context, token string) (Pass, error) {
	var pass Pass
	err := s.withSession(ctx, token, func(_ context.Context, u User, session Session, _ RefreshToken) (err error) {
		pass, err = s.pass(u, session, token)
		return err
	})
	return pass, err
}

// withSession calls do with the live session of a refresh token that is the
// newest, or the one before it and within Grace. It ends the session of any older one.
func (s *Service) withSession(ctx context.Context, token string, do func(context.Context, User, Session, RefreshToken) error) error {
	var stolen bool
	err := s.InTx(ctx, func(ctx context.Context) error {
		session, t, err := s.Sessions.ByToken(ctx, s.Refresh.Digest(token))
		if err != nil {
			return err
		}
		u, err := s.Users.Get(ctx, session.UserID)
		if err != nil {
			return err
		}
		now := s.Now()
		if !u.Active || !session.ExpiresAt.After(now) || !session.EndsAt.After(now) {
			return record.ErrSignIn
		}
		if stolen, err = s.isStolen(ctx, session, t, token); err != nil {
			return err
		}
		if stolen {
			return s.endStolen(ctx, u, session)
		}
		return do(ctx, u, session, t)
	})
	if err == nil && stolen {
		return record.ErrSignIn
	}
	return err
}

// isStolen reports whether a token was used before, and not just now by
// another tab: then its successor is still the newest.
func (s *Service) isStolen(ctx context.Context, session Session, t RefreshToken, token string) (bool, error) {
	if t.UsedAt.IsZero() {
		return false, nil
	}
	if s.Now().Sub(t.UsedAt) > Grace {
		return true, nil
	}
	_, succ, err := s.Sessions.ByToken(ctx, s.Refresh.Digest(s.Refresh.Successor(token)))
	return err == nil && !succ.UsedAt.IsZero(), err
}

func (s *Service) endStolen(ctx context.Context, u User, session Session) error {
	c := record.CallerOf(ctx)
	c.Person = u.Person()
	return s.Do(record.As(ctx, c), func(ctx context.Context) (record.Entry, error) {
		warnTheft(ctx, session)
		return record.Entry{
			Action: record.Logout, Resource: "session", ResourceID: string(session.ID), Failed: true,
			Description: "an old refresh token of " + u.Username + " was used again: the session was ended",
			Changes:     ended(string(session.ID)),
		}, s.Sessions.Delete(ctx, session.ID)
	})
}

// Logout ends the session of whoever asks, or all of their sessions.
func (s *Service) Logout(ctx context.Context, everywhere bool) error {
	c := record.CallerOf(ctx)
	if c.SessionID == "" {
		return nil
	}
	return s.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		e := record.Entry{Action: record.Logout, Resource: "session", ResourceID: c.SessionID, Description: c.Username + " signed out"}
		if everywhere {
			e.Description += " everywhere"
			err := s.endAll(ctx, c.ID, &e)
			return e, err
		}
		e.Changes = ended(c.SessionID)
		return e, s.Sessions.Delete(ctx, SessionID(c.SessionID))
	})
}

// Recognize returns the person and the session of a refresh token, for a
// sign-out without an access token.
func (s *Service) Recognize(ctx context.Context, token string) (p record.Person, id SessionID, err error) {
	err = s.withSession(ctx, token, func(_ context.Context, u User, session Session, _ RefreshToken) error {
		p, id = u.Person(), session.ID
		return nil
	})
	return p, id, err
}

// endAll ends all sessions of a user and adds that to what e tells the feed.
func (s *Service) endAll(ctx context.Context, id record.UserID, e *record.Entry) error {
	e.Changes = append(e.Changes, ended(string(id))...)
	return s.Sessions.DeleteAll(ctx, id)
}

func ended(id string) []record.Change {
	return []record.Change{{Topic: record.Sessions, ID: id, Kind: record.Deleted}}
}

func earlier(a, b date.Moment) date.Moment {
	if b.After(a) {
		return a
	}
	return b
}
