package store_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/notifications"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/store"
)

const (
	manyNotified = 50_000
	aNotice      = notifications.ID("00000000-0000-7000-f000-000000000007")
)

// inboxes fills the inboxes of twenty users. Of each tenth notification nobody
// has seen anything.
func inboxes(t *testing.T, raw *sql.DB, engine string) {
	t.Helper()
	f := fillings[engine]
	user := numbered("00000000-0000-7000-d000-", "i % 20")
	for _, statement := range []string{
		insert(20, "users", "id", user, "version", "1", "created_at", f.at("i"), "updated_at", f.at("i"), "username", "'u' || i", "username_key", "'u' || i",
			"email", "'u' || i", "email_key", "'u' || i", "role", "'admin'", "language", "'bs'", "active", "TRUE", "search", "''"),
		insert(manyNotified, "notifications", "id", numbered("00000000-0000-7000-f000-", "i"), "recipient_id", user, "sender_id", user, "type", "'message'",
			"data", "'{}'", "status", "CASE WHEN (i / 20) % 10 = 0 THEN 'new' ELSE 'seen' END", "created_at", f.at("i * 2000"), "updated_at", f.at("i * 2000")),
	} {
		if _, err := raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
	if engine == "postgres" {
		if _, err := raw.ExecContext(t.Context(), "ANALYZE"); err != nil {
			t.Fatal(err)
		}
	}
}

// What somebody asks of an inbox is found by an index, however many inboxes
// there are and however much is in them.
func TestInboxQueries(t *testing.T) {
	t.Parallel()
	for name, empty := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := empty(t)
			db, raw := d.Migrated(t), d.Raw(t)
			inboxes(t, raw, name)
			seen, spied := spyOn(t, d, db)
			p := planner{engine: name, seen: seen, conn: connection(t, raw)}
			s := store.NewNotifications(spied)
			own := notifications.Selection{Recipient: aUser}
			unseen, recent, messages := own, own, own
			unseen.Unseen, messages.Messages = true, true
			recent.Since = date.At(time.Date(2022, 11, 1, 0, 0, 0, 0, time.UTC))
			for what, sel := range map[string]notifications.Selection{"all": own, "unseen": unseen, "recent": recent, "messages": messages} {
				for _, sort := range []string{"createdAt", "-createdAt"} {
					p.check(t, query{"an inbox, " + what + ", all, by " + sort, func(ctx context.Context, q page.Query) (string, error) {
						out, err := s.List(ctx, sel, notifications.Filter{Sort: sort, Query: q})
						return out.Next, err
					}})
				}
				p.check(t, query{"a count, " + what, func(ctx context.Context, _ page.Query) (string, error) { return "", none(s.Count(ctx, sel)) }})
			}
			p.check(t, query{"some by their ids", func(ctx context.Context, _ page.Query) (string, error) {
				return "", none(s.ByIDs(ctx, []string{string(aNotice)}))
			}})
			writing := writingThrough(t, seen, db)
			for _, q := range inboxChanges(writing, unseen) {
				p.check(t, q)
			}
			announces(t, seen, writing)
		})
	}
}

// writingThrough returns db with a spy on what it writes.
func writingThrough(t *testing.T, seen *spy, db *store.DB) *store.DB {
	t.Helper()
	pool := sql.OpenDB(seen)
	pool.SetMaxOpenConns(1)
	writing := db.Writing(pool)
	t.Cleanup(func() {
		if err := writing.Forget(); err != nil {
			t.Error(err)
		}
		pool.Close()
	})
	return writing
}

// announces checks what it costs a change that admins are told of it: two
// statements, whoever they are, and none of the feed's that were not there before.
func announces(t *testing.T, seen *spy, db *store.DB) {
	t.Helper()
	now := func() date.Moment { return date.At(time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)) }
	s := &notifications.Service{
		Env:   record.Env{InTx: db.InTx, Journal: store.Journal{DB: db, Now: now}, Now: now, Zone: time.UTC},
		Store: store.NewNotifications(db),
	}
	seen.asked()
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		return s.Announce(ctx, record.Notice{Type: record.CarNew, Data: map[string]any{"car": "VW Golf"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, a := range seen.asked() {
		for _, word := range []string{"FROM users", "INTO notifications", "UPDATE change_counter", "INTO changes"} {
			if strings.Contains(a.query, word) {
				count[word]++
			}
		}
	}
	if len(count) != 4 || count["FROM users"]+count["INTO notifications"]+count["UPDATE change_counter"]+count["INTO changes"] != 4 {
		t.Errorf("to tell twenty admins takes %v", count)
	}
}

// inboxChanges are what the program does to inboxes, in an order in which it can.
func inboxChanges(writing *store.DB, unseen notifications.Selection) (all []query) {
	s, now := store.NewNotifications(writing), date.At(time.Date(2020, 12, 1, 0, 0, 0, 0, time.UTC))
	add := func(what string, do func(context.Context) error) {
		all = append(all, query{what, func(ctx context.Context, _ page.Query) (string, error) { return "", writing.InTx(ctx, do) }})
	}
	add("to see one", func(ctx context.Context) error {
		return none(s.Update(ctx, aNotice, func(n *notifications.Notification) error { n.Status = notifications.Seen; return nil }))
	})
	add("to see all", func(ctx context.Context) error { return none(s.MarkSeen(ctx, unseen, now)) })
	add("to delete one", func(ctx context.Context) error { return s.Delete(ctx, aNotice) })
	add("the admins", func(ctx context.Context) error {
		return none(s.Audience(ctx, notifications.Audience{Role: record.Admin, Except: []record.UserID{aUser}}))
	})
	add("to tidy", func(ctx context.Context) error { return writing.Tidy(ctx, now) })
	return all
}
