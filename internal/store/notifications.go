package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"

	"cartracker/internal/date"
	"cartracker/internal/notifications"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// Notifications is the notifications.Store.
type Notifications struct {
	table[notifications.ID, notifications.Notification]
}

var _ notifications.Store = Notifications{}

// NewNotifications returns the notifications in db.
func NewNotifications(db *DB) Notifications {
	return Notifications{table[notifications.ID, notifications.Notification]{
		db:   db,
		name: "notifications",
		cols: "id, recipient_id, sender_id, type, data, status, created_at, updated_at",
		fields: func(n *notifications.Notification) []any {
			return []any{&n.ID, &n.RecipientID, person{&n.Sender}, &n.Type, facts{&n.Data}, &n.Status, &n.CreatedAt, &n.UpdatedAt}
		},
		computed: "(SELECT u.language FROM users u WHERE u.id = notifications.recipient_id)",
		into:     func(n *notifications.Notification) []any { return []any{&n.Language} },
		none:     notifications.ErrNoNotification,
		sorts:    map[string]order{"createdAt": {"notifications.created_at", moment}},
		usual:    "-createdAt",
		limit:    200,
	}}
}

// notifiedTogether is how many notifications one statement keeps.
const notifiedTogether = 1000

// InsertAll keeps new notifications.
func (s Notifications) InsertAll(ctx context.Context, all []notifications.Notification) error {
	mark := "(" + strings.Repeat(", ?", strings.Count(s.cols, ", ")+1)[2:] + ")"
	for len(all) > 0 {
		some := all[:min(len(all), notifiedTogether)]
		var args []any
		for i := range some {
			args = append(args, values(s.fields(&some[i]))...)
		}
		query := "INSERT INTO notifications (" + s.cols + ") VALUES " + strings.Repeat(", "+mark, len(some))[2:]
		if _, err := s.db.exec(ctx, query, args...); err != nil {
			return err
		}
		all = all[len(some):]
	}
	return nil
}

// List returns a page of the notifications that are selected.
func (s Notifications) List(ctx context.Context, sel notifications.Selection, f notifications.Filter) (page.Of[notifications.Notification], error) {
	return s.list(ctx, chosen(sel), f.Query, f.Sort)
}

// Count returns how many notifications are selected.
func (s Notifications) Count(ctx context.Context, sel notifications.Selection) (n int, err error) {
	w := chosen(sel)
	row := func(scan func(...any) error) error { return scan(&n) }
	return n, s.db.query(ctx, row, "SELECT COUNT(*) FROM notifications"+w.clause(), w.args...)
}

func chosen(sel notifications.Selection) (w where) {
	w.add("notifications.recipient_id = ?", string(sel.Recipient))
	if sel.Unseen {
		w.add("notifications.status = 'new'") // no argument: there is an index of these
	}
	if sel.Messages {
		w.add("notifications.type = 'message'")
	}
	is(&w, "notifications.created_at >= ?", sel.Since)
	return w
}

// ByIDs returns those of these notifications that there are.
func (s Notifications) ByIDs(ctx context.Context, ids []string) (out []notifications.Notification, err error) {
	for len(ids) > 0 {
		some := ids[:min(len(ids), together)]
		found, err := s.all(ctx, " WHERE notifications.id IN ("+manyMarks+")", padded(some)...)
		if err != nil {
			return nil, err
		}
		out, ids = append(out, found...), ids[len(some):]
	}
	return out, nil
}

// manyMarks stands for as many arguments as padded returns.
var manyMarks = strings.Repeat(", ?", together)[2:]

// padded returns up to together ids as arguments, always as many, so that there
// is one statement. The rest are ids of nothing.
func padded[ID ~string](ids []ID) []any {
	args := make([]any, together)
	for i := range args {
		args[i] = ""
	}
	for i, id := range ids {
		args[i] = string(id)
	}
	return args
}

// Update changes a notification under the row's lock.
func (s Notifications) Update(ctx context.Context, id notifications.ID, change func(*notifications.Notification) error) (notifications.Notification, error) {
	return s.update(ctx, change, "notifications.id = ?", string(id))
}

// MarkSeen marks the notifications that are selected as seen.
func (s Notifications) MarkSeen(ctx context.Context, sel notifications.Selection, at date.Moment) (int, error) {
	w := chosen(sel)
	n, err := s.db.exec(ctx, "UPDATE notifications SET status = 'seen', updated_at = ?"+w.clause(), append([]any{at}, w.args...)...)
	return int(n), err
}

// Delete deletes a notification.
func (s Notifications) Delete(ctx context.Context, id notifications.ID) error {
	_, err := s.db.exec(ctx, "DELETE FROM notifications WHERE id = ?", string(id))
	return err
}

// Audience returns the active users who are meant, and keeps them from being
// deleted until the transaction ends: what refers to them would be refused.
func (s Notifications) Audience(ctx context.Context, a notifications.Audience) (out []record.Person, err error) {
	var w where
	w.add("users.active")
	is(&w, "users.id = ?", a.User)
	is(&w, "users.role = ?", a.Role)
	for _, id := range a.Except {
		is(&w, "users.id <> ?", id)
	}
	row := func(scan func(...any) error) error {
		var p record.Person
		err := scan(&p.ID, &p.Username, optionalText{&p.Name}, &p.Role)
		out = append(out, p)
		return err
	}
	err = s.db.query(ctx, row, "SELECT users.id, users.username, users.name, users.role FROM users"+w.clause()+" ORDER BY users.id"+s.db.dialect.ForReference, w.args...)
	return out, err
}

// facts keeps an object as JSON text. One that cannot be read has nothing in
// it: the notification is there all the same.
type facts struct{ v *map[string]any }

// Scan reads JSON text.
func (f facts) Scan(src any) error {
	s, ok := src.(string)
	if !ok {
		return fmt.Errorf("store: cannot scan JSON from %T", src)
	}
	*f.v = nil
	if json.Unmarshal([]byte(s), f.v) != nil || *f.v == nil {
		*f.v = map[string]any{}
	}
	return nil
}

// Value writes JSON text.
func (f facts) Value() (driver.Value, error) {
	if *f.v == nil {
		return "{}", nil
	}
	return asJSON{f.v}.Value()
}
