package store

import (
	"context"
	"strings"

	"cartracker/internal/date"
	"cartracker/internal/identity"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/text"
)

// Users is the identity.UserStore.
type Users struct {
	table[record.UserID, identity.User]
}

var _ identity.UserStore = Users{}

// NewUsers returns the users in db.
func NewUsers(db *DB) Users {
	return Users{table[record.UserID, identity.User]{
		db:   db,
		name: "users",
		cols: metaCols + "username, email, name, role, language, phone, address, citizenship_id, profile_photo_url, active, last_login, last_active_at",
		fields: func(u *identity.User) []any {
			return meta(&u.Meta, &u.Username, &u.Email, &u.Name, &u.Role, &u.Language, &u.Phone, &u.Address,
				&u.CitizenshipID, &u.ProfilePhotoURL, &u.Active, &u.LastLogin, &u.LastActiveAt)
		},
		derive: func(u *identity.User) derived {
			return derived{
				{"username_key", strings.ToLower(u.Username)},
				{"email_key", strings.ToLower(u.Email)},
				{"search", search(&u.Username, u.Name, &u.Email)},
			}
		},
		none: identity.ErrNoUser,
		sorts: map[string]order{
			"username":     {"users.username_key", words},
			"createdAt":    {"users.created_at", moment},
			"lastActiveAt": {"COALESCE(users.last_active_at, '0001-01-01 00:00:00+00:00')", moment},
		},
		usual: "username",
		limit: 1000,
	}}
}

// Insert keeps a new user with the hash of their password.
func (s Users) Insert(ctx context.Context, u *identity.User, passwordHash string) error {
	if err := s.table.Insert(ctx, u); err != nil {
		return err
	}
	return s.SetPassword(ctx, u.ID, passwordHash)
}

// Get returns one user.
func (s Users) Get(ctx context.Context, id record.UserID) (identity.User, error) {
	return s.get(ctx, "users.id = ?", string(id))
}

// Update changes a user under the row's lock.
func (s Users) Update(ctx context.Context, id record.UserID, change func(*identity.User) error) (identity.User, error) {
	return s.update(ctx, change, "users.id = ?", string(id))
}

// Delete deletes a user.
func (s Users) Delete(ctx context.Context, id record.UserID) error {
	_, err := s.db.exec(ctx, "DELETE FROM users WHERE id = ?", string(id))
	return err
}

// List returns the users that f selects.
func (s Users) List(ctx context.Context, f identity.Filter) (page.Of[identity.User], error) {
	var w where
	if f.Q != "" {
		w.add(contains("users.search"), like(f.Q))
	}
	is(&w, "users.role = ?", f.Role)
	if f.Active != "" {
		w.add("users.active = ?", f.Active == "true")
	}
	return s.list(ctx, w, f.Query, f.Sort)
}

// Named returns the user with this name or e-mail address, and their password's hash.
func (s Users) Named(ctx context.Context, login string) (identity.User, string, error) {
	key := strings.ToLower(login)
	u, err := s.get(ctx, "(users.username_key = ? OR users.email_key = ?)", key, key)
	if err != nil {
		return identity.User{}, "", err
	}
	hash, err := s.PasswordHash(ctx, u.ID)
	return u, hash, err
}

// PasswordHash returns the hash of a user's password.
func (s Users) PasswordHash(ctx context.Context, id record.UserID) (hash string, err error) {
	row := func(scan func(...any) error) error { return scan(&hash) }
	return hash, s.db.query(ctx, row, "SELECT password_hash FROM users WHERE id = ?", string(id))
}

// SetPassword replaces the hash of a user's password.
func (s Users) SetPassword(ctx context.Context, id record.UserID, hash string) error {
	_, err := s.db.exec(ctx, "UPDATE users SET password_hash = ? WHERE id = ?", hash, string(id))
	return err
}

// SetLastLogin notes when a user signed in.
func (s Users) SetLastLogin(ctx context.Context, id record.UserID, at date.Moment) error {
	_, err := s.db.exec(ctx, "UPDATE users SET last_login = ? WHERE id = ?", at, string(id))
	return err
}

var _ identity.ActivityStore = Users{}

// SetActive notes when users were active last, of those of whom it was not
// noted after since.
func (s Users) SetActive(ctx context.Context, users []record.UserID, at, since date.Moment) error {
	args := append([]any{at, since}, padded(users)...)
	_, err := s.db.exec(ctx, "UPDATE users SET last_active_at = ? WHERE (last_active_at IS NULL OR last_active_at <= ?) AND id IN ("+manyMarks+")", args...)
	return err
}

// HasHistory reports whether any record or log names the user.
func (s Users) HasHistory(ctx context.Context, id record.UserID) (bool, error) {
	return s.db.exists(ctx, `SELECT 1 FROM users WHERE id = ? AND (
		EXISTS (SELECT 1 FROM audit_logs WHERE user_id = users.id)
		OR EXISTS (SELECT 1 FROM cars WHERE created_by = users.id OR updated_by = users.id OR archived_by = users.id)
		OR EXISTS (SELECT 1 FROM customers WHERE created_by = users.id OR updated_by = users.id)
		OR EXISTS (SELECT 1 FROM contracts WHERE created_by = users.id OR updated_by = users.id))`, string(id))
}

// AdminExists reports whether there is an active admin.
func (s Users) AdminExists(ctx context.Context) (bool, error) {
	return s.db.exists(ctx, "SELECT 1 FROM users WHERE role = 'admin' AND active LIMIT 1")
}

// exists reports whether a query returns a row.
func (db *DB) exists(ctx context.Context, query string, args ...any) (found bool, err error) {
	row := func(func(...any) error) error {
		found = true
		return nil
	}
	return found, db.query(ctx, row, query, args...)
}

const metaCols = "id, version, created_at, updated_at, "

func meta[ID ~string](m *record.Meta[ID], rest ...any) []any {
	return append([]any{&m.ID, &m.Version, &m.CreatedAt, &m.UpdatedAt}, rest...)
}

// search returns the folded text in which a contains-search looks: the fields
// in lines of their own, so that no match spans two.
func search(fields ...*string) string {
	var b strings.Builder
	for _, f := range fields {
		if f != nil {
			b.WriteString(text.Fold(*f))
			b.WriteByte('\n')
		}
	}
	return b.String()
}
