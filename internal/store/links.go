package store

import (
	"context"

	"cartracker/internal/date"
	"cartracker/internal/identity"
	"cartracker/internal/record"
)

// Links is the identity.LinkStore.
type Links struct{ DB *DB }

var _ identity.LinkStore = Links{}

// Put keeps a link in the place of the earlier one of its user and purpose.
func (l Links) Put(ctx context.Context, v identity.Link) error {
	_, err := l.DB.exec(ctx, `INSERT INTO links (digest, user_id, purpose, mail_id, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (user_id, purpose) DO UPDATE SET digest = excluded.digest, mail_id = excluded.mail_id,
		created_at = excluded.created_at, expires_at = excluded.expires_at`,
		v.Digest, string(v.UserID), string(v.Purpose), v.MailID, v.CreatedAt, v.ExpiresAt)
	return err
}

// Live returns the link that can be used at the moment now.
func (l Links) Live(ctx context.Context, digest string, now date.Moment) (identity.Link, error) {
	v, found, err := l.one(ctx, "digest = ? AND expires_at > ?", digest, now)
	if err == nil && !found {
		err = identity.ErrLink
	}
	return v, err
}

// Last returns the link that a user has for a purpose.
func (l Links) Last(ctx context.Context, id record.UserID, p identity.Purpose) (v identity.Link, found bool, err error) {
	return l.one(ctx, "user_id = ? AND purpose = ?", string(id), string(p))
}

func (l Links) one(ctx context.Context, cond string, args ...any) (v identity.Link, found bool, err error) {
	row := func(scan func(...any) error) error {
		found = true
		return scan(&v.Digest, &v.UserID, &v.Purpose, &v.MailID, &v.CreatedAt, &v.ExpiresAt)
	}
	err = l.DB.query(ctx, row, "SELECT digest, user_id, purpose, mail_id, created_at, expires_at FROM links WHERE "+cond, args...)
	return v, found, err
}

// Take uses a link up.
func (l Links) Take(ctx context.Context, digest string, now date.Moment) (bool, error) {
	n, err := l.DB.exec(ctx, "DELETE FROM links WHERE digest = ? AND expires_at > ?", digest, now)
	return n > 0, err
}

// DeleteAll deletes the links of a user.
func (l Links) DeleteAll(ctx context.Context, id record.UserID) error {
	_, err := l.DB.exec(ctx, "DELETE FROM links WHERE user_id = ?", string(id))
	return err
}

// Withdraw deletes the link in a mail.
func (l Links) Withdraw(ctx context.Context, mailID string) error {
	_, err := l.DB.exec(ctx, "DELETE FROM links WHERE mail_id = ?", mailID)
	return err
}
