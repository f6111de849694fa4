package store

import (
	"context"

	"cartracker/internal/date"
	"cartracker/internal/identity"
	"cartracker/internal/record"
)

// Sessions is the identity.SessionStore.
type Sessions struct{ DB *DB }

var _ identity.SessionStore = Sessions{}

// Insert keeps a new session with its first refresh token.
func (s Sessions) Insert(ctx context.Context, v identity.Session, first identity.RefreshToken) error {
	_, err := s.DB.exec(ctx, "INSERT INTO sessions (id, user_id, created_at, expires_at, ends_at, ip, user_agent) VALUES (?, ?, ?, ?, ?, ?, ?)",
		string(v.ID), string(v.UserID), v.CreatedAt, v.ExpiresAt, v.EndsAt, v.IP, v.UserAgent)
	if err != nil {
		return err
	}
	return s.insertToken(ctx, first)
}

func (s Sessions) insertToken(ctx context.Context, t identity.RefreshToken) error {
	_, err := s.DB.exec(ctx, "INSERT INTO session_tokens (digest, session_id, number) VALUES (?, ?, ?)",
		t.Digest, string(t.SessionID), t.Number)
	return err
}

// Owner returns the user of a session, and until when it lasts.
func (s Sessions) Owner(ctx context.Context, id identity.SessionID) (o identity.Owner, err error) {
	found := false
	var ends date.Moment
	row := func(scan func(...any) error) error {
		found = true
		return scan(&o.Person.ID, &o.Person.Username, &o.Person.Name, &o.Person.Role, &o.Until, &ends)
	}
	err = s.DB.query(ctx, row, `SELECT u.id, u.username, u.name, u.role, s.expires_at, s.ends_at FROM sessions s JOIN users u ON u.id = s.user_id
		WHERE s.id = ? AND u.active`, string(id))
	if o.Until.After(ends) {
		o.Until = ends
	}
	if err == nil && !found {
		err = record.ErrSignIn
	}
	return o, err
}

// ByToken returns the session that a token belongs or belonged to, and locks it.
func (s Sessions) ByToken(ctx context.Context, digest string) (v identity.Session, t identity.RefreshToken, err error) {
	found := false
	lock := func(scan func(...any) error) error {
		found = true
		return scan(&v.ID, &v.UserID, &v.CreatedAt, &v.ExpiresAt, &v.EndsAt, &v.IP, &v.UserAgent)
	}
	err = s.DB.query(ctx, lock, `SELECT id, user_id, created_at, expires_at, ends_at, ip, user_agent FROM sessions
		WHERE id = (SELECT session_id FROM session_tokens WHERE digest = ?)`+s.DB.dialect.ForUpdate, digest)
	if err != nil {
		return v, t, err
	}
	if !found {
		return v, t, record.ErrSignIn
	}
	// Read after the lock was taken: another request may have used it meanwhile.
	var used *date.Moment
	row := func(scan func(...any) error) error { return scan(&t.Digest, &t.SessionID, &t.Number, &used) }
	err = s.DB.query(ctx, row, "SELECT digest, session_id, number, used_at FROM session_tokens WHERE digest = ?", digest)
	if used != nil {
		t.UsedAt = *used
	}
	return v, t, err
}

// Rotate makes next the newest token of its session.
func (s Sessions) Rotate(ctx context.Context, old, next identity.RefreshToken, expires date.Moment) error {
	if _, err := s.DB.exec(ctx, "UPDATE session_tokens SET used_at = ? WHERE digest = ?", old.UsedAt, old.Digest); err != nil {
		return err
	}
	if err := s.insertToken(ctx, next); err != nil {
		return err
	}
	_, err := s.DB.exec(ctx, "UPDATE sessions SET expires_at = ? WHERE id = ?", expires, string(next.SessionID))
	return err
}

// Delete ends a session.
func (s Sessions) Delete(ctx context.Context, id identity.SessionID) error {
	_, err := s.DB.exec(ctx, "DELETE FROM sessions WHERE id = ?", string(id))
	return err
}

// DeleteAll ends all sessions of a user.
func (s Sessions) DeleteAll(ctx context.Context, id record.UserID) error {
	_, err := s.DB.exec(ctx, "DELETE FROM sessions WHERE user_id = ?", string(id))
	return err
}

// Setup is the identity.SetupStore.
type Setup struct{ DB *DB }

var _ identity.SetupStore = Setup{}

// Put replaces the set-up code.
func (s Setup) Put(ctx context.Context, digest string, until date.Moment) error {
	_, err := s.DB.exec(ctx, `INSERT INTO setup_code (id, digest, expires_at) VALUES (1, ?, ?)
		ON CONFLICT (id) DO UPDATE SET digest = excluded.digest, expires_at = excluded.expires_at`, digest, until)
	return err
}

// Until returns when the set-up code can no longer be used.
func (s Setup) Until(ctx context.Context) (until date.Moment, err error) {
	if s.DB.tx(ctx) != nil {
		if _, err := s.DB.exists(ctx, "SELECT 1 FROM locks WHERE name = 'admins'"+s.DB.dialect.ForUpdate); err != nil {
			return until, err
		}
	}
	row := func(scan func(...any) error) error { return scan(&until) }
	return until, s.DB.query(ctx, row, "SELECT expires_at FROM setup_code")
}

// Live reports whether this code can be used.
func (s Setup) Live(ctx context.Context, digest string, now date.Moment) (bool, error) {
	return s.DB.exists(ctx, "SELECT 1 FROM setup_code WHERE digest = ? AND expires_at > ?", digest, now)
}

// Take uses the code up.
func (s Setup) Take(ctx context.Context, digest string, now date.Moment) (bool, error) {
	n, err := s.DB.exec(ctx, "DELETE FROM setup_code WHERE digest = ? AND expires_at > ?", digest, now)
	return n > 0, err
}
