package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/ident"
	"cartracker/internal/identity"
	"cartracker/internal/notifications"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/store"
)

func notificationSample(_ *testing.T, w *world) sample[notifications.Notification] {
	s := store.NewNotifications(w.db)
	return sample[notifications.Notification]{
		insert: func(ctx context.Context, n *notifications.Notification) error {
			return s.InsertAll(ctx, []notifications.Notification{*n})
		},
		get: func(ctx context.Context, id string) (notifications.Notification, error) {
			all, err := s.ByIDs(ctx, []string{id, nobody})
			if err == nil && len(all) == 0 {
				err = notifications.ErrNoNotification
			}
			if err != nil {
				return notifications.Notification{}, err
			}
			return all[0], nil
		},
		update: func(ctx context.Context, id string, change func(*notifications.Notification) error) (notifications.Notification, error) {
			return s.Update(ctx, notifications.ID(id), change)
		},
		remove: func(ctx context.Context, id string) error { return s.Delete(ctx, notifications.ID(id)) },
		list: func(ctx context.Context) ([]notifications.Notification, int, error) {
			p, err := s.List(ctx, notifications.Selection{Recipient: w.user.ID}, notifications.Filter{Sort: "createdAt"})
			return p.Items, p.Total, err
		},
		make: func(n int) notifications.Notification {
			return notifications.Notification{
				ID: ident.New[notifications.ID](), RecipientID: w.user.ID, Type: record.Message, Data: map[string]any{}, Status: notifications.New,
				CreatedAt: later(w, n), UpdatedAt: later(w, n), Language: identity.English,
			}
		},
		fill: func(n *notifications.Notification) {
			n.Sender, n.Data, n.Status = person(w.employee), map[string]any{"message": "‘š’ \"x\" \n", "days": 3.0}, notifications.Seen
		},
		bump: func(n *notifications.Notification) { n.UpdatedAt = n.UpdatedAt.Add(time.Microsecond) },
		id:   func(n notifications.Notification) string { return string(n.ID) },
		none: notifications.ErrNoNotification,
	}
}

// write sends a message to a user, and returns its id.
func (w *world) write(t testing.TB, from, to identity.User, text string) notifications.ID {
	t.Helper()
	must(w.inboxes.Send(as(t, from), func(d *notifications.Draft) error {
		d.RecipientID, d.Message = &to.ID, text
		return nil
	}))(t)
	all := w.inbox(t, to)
	return all[0].ID
}

// inbox returns all that a user is told of, the newest first.
func (w *world) inbox(t testing.TB, of identity.User) []notifications.Notification {
	t.Helper()
	return must(w.inboxes.List(as(t, of), notifications.Filter{}))(t).Items
}

func messages(all []notifications.Notification) string {
	var out []string
	for _, n := range all {
		out = append(out, n.Message)
	}
	return strings.Join(out, " ")
}

// inboxOwn tries to reach what another is told of, as an admin too.
func inboxOwn(t *testing.T, w *world) {
	id := w.write(t, w.admin, w.employee, "a")
	w.write(t, w.employee, w.user, "b")
	w.write(t, w.user2admin(t), w.admin, "c")
	for _, who := range []identity.User{w.admin, w.user} {
		_, err := w.inboxes.Seen(as(t, who), id)
		wantErr(t, "Seen by "+who.Username, err, notifications.ErrNoNotification)
		wantErr(t, "Delete by "+who.Username, w.inboxes.Delete(as(t, who), id), notifications.ErrNoNotification)
	}
	for _, none := range []notifications.ID{nobody, "", "x", notifications.ID("\x00" + nobody), notifications.ID(w.admin.ID)} {
		_, err := w.inboxes.Seen(as(t, w.employee), none)
		wantErr(t, "Seen of "+string(none), err, notifications.ErrNoNotification)
		wantErr(t, "Delete of "+string(none), w.inboxes.Delete(as(t, w.employee), none), notifications.ErrNoNotification)
	}
	for who, want := range map[*identity.User]string{&w.employee: "a", &w.user: "b", &w.admin: "c"} {
		if got := messages(w.inbox(t, *who)); got != want {
			t.Errorf("%s is told %q, want %q", who.Username, got, want)
		}
	}
	if n := must(w.inboxes.MarkAllSeen(as(t, w.admin)))(t); n != 1 {
		t.Errorf("marked %d, want the own one", n)
	}
	if n := w.count(t, "SELECT COUNT(*) FROM notifications WHERE status = 'new'"); n != 2 {
		t.Errorf("%d of the others are new, want both", n)
	}
}

// user2admin returns another admin.
func (w *world) user2admin(t testing.TB) identity.User {
	return w.addUser(t, "second", record.Admin, nil)
}

// inboxLists pages through an inbox in every way there is.
func inboxLists(t *testing.T, w *world) {
	ctx := as(t, w.user)
	for i := range 7 {
		w.write(t, w.admin, w.user, fmt.Sprint(i))
		w.pass(24 * time.Hour)
	}
	seen := w.inbox(t, w.user)[2]
	must(w.inboxes.Seen(ctx, seen.ID))(t)
	type lister func(context.Context, notifications.Filter) (page.Of[notifications.Notification], error)
	recent := func(days int) lister {
		return func(ctx context.Context, f notifications.Filter) (page.Of[notifications.Notification], error) {
			return w.inboxes.Recent(ctx, days, f)
		}
	}
	for what, c := range map[string]struct {
		list lister
		want string
	}{
		"all":          {w.inboxes.List, "6 5 4 3 2 1 0"},
		"unread":       {w.inboxes.Unread, "6 5 3 2 1 0"},
		"of a day":     {recent(1), "6"},
		"of five days": {recent(5), "6 5 4 3 2"},
		"of a quarter": {recent(90), "6 5 4 3 2 1 0"},
	} {
		var got []notifications.Notification
		q := page.Query{Limit: 2}
		for {
			p := must(c.list(ctx, notifications.Filter{Query: q}))(t)
			if n := len(strings.Fields(c.want)); p.Total != n || p.AtLeast {
				t.Errorf("%s: the total is %d, want %d", what, p.Total, n)
			}
			got = append(got, p.Items...)
			if q.Cursor = p.Next; q.Cursor == "" {
				break
			}
		}
		if messages(got) != c.want {
			t.Errorf("%s: %s, want %s", what, messages(got), c.want)
		}
		second := must(c.list(ctx, notifications.Filter{Sort: "createdAt", Query: page.Query{Limit: 1, Page: 1}}))(t)
		words := strings.Fields(c.want)
		if first := words[len(words)-1]; messages(second.Items) != first {
			t.Errorf("%s: the oldest is %s, want %s", what, messages(second.Items), first)
		}
	}
	if n := must(w.inboxes.UnreadCount(ctx))(t); n != 6 {
		t.Errorf("%d are unread, want 6", n)
	}
	for _, days := range []int{0, -1, 91} {
		_, err := w.inboxes.Recent(ctx, days, notifications.Filter{})
		wantErr(t, fmt.Sprint(days, " days"), err, page.ErrQuery)
	}
	_, err := w.inboxes.List(ctx, notifications.Filter{Sort: "type"})
	wantErr(t, "another sort", err, page.ErrQuery)
}

// inboxSeen looks at one, twice, and deletes it: what changes is told once.
func inboxSeen(t *testing.T, w *world) {
	ctx := as(t, w.user)
	var id notifications.ID
	for _, step := range []struct {
		what string
		do   func() error
		feed string
		log  string
	}{
		{"send", func() error { id = w.write(t, w.employee, w.user, "a"); return nil }, "notifications created 1", "CREATE notification success by desk"},
		{"see it", func() error {
			w.pass(time.Minute)
			n, err := w.inboxes.Seen(ctx, notifications.ID(strings.ToUpper(string(id))))
			if n.Status != notifications.Seen || n.UpdatedAt != w.now() || n.Message != "a" || n.Sender == nil || n.Sender.Username != "desk" {
				t.Errorf("seen as %+v", n)
			}
			return err
		}, "notifications updated 2", ""},
		{"see it again", func() error {
			w.pass(time.Minute)
			n, err := w.inboxes.Seen(ctx, id)
			if n.Status != notifications.Seen || n.UpdatedAt != w.now().Add(-time.Minute) {
				t.Errorf("seen again as %+v", n)
			}
			return err
		}, "", ""},
		{"delete it", func() error { return w.inboxes.Delete(ctx, id) }, "notifications deleted 3", ""},
		{"delete a new one", func() error {
			id = w.write(t, w.employee, w.user, "b")
			return w.inboxes.Delete(ctx, id)
		}, "notifications created 1, notifications deleted 2", "CREATE notification success by desk"},
	} {
		var err error
		feed, log := w.traces(t, func() { err = step.do() })
		if err != nil || feed != step.feed || log != step.log {
			t.Errorf("%s: %v, told %q and %q, want %q and %q", step.what, err, feed, log, step.feed, step.log)
		}
	}
	wantErr(t, "Delete again", w.inboxes.Delete(ctx, id), notifications.ErrNoNotification)
}

// inboxRaced does everything to one inbox at once: each change is told once.
func inboxRaced(t *testing.T, w *world) {
	ctx := as(t, w.user)
	for i := range 8 {
		w.write(t, w.admin, w.user, fmt.Sprint(i))
	}
	all := w.inbox(t, w.user)
	var wg sync.WaitGroup
	var mu sync.Mutex
	marked := 0
	for i := range 4 {
		wg.Go(func() {
			for _, n := range all[:4] {
				_, err := w.inboxes.Seen(ctx, n.ID)
				wantErr(t, "Seen", err, nil)
			}
		})
		wg.Go(func() {
			n, err := w.inboxes.MarkAllSeen(ctx)
			wantErr(t, "MarkAllSeen", err, nil)
			mu.Lock()
			defer mu.Unlock()
			marked += n
		})
		wg.Go(func() { wantErr(t, "Delete", w.inboxes.Delete(ctx, all[4+i].ID), nil) })
	}
	wg.Wait()
	single := w.count(t, "SELECT COUNT(*) FROM changes WHERE topic = 'notifications' AND kind = 'updated'")
	whole := w.count(t, "SELECT COALESCE(SUM(version), 0) FROM changes WHERE topic = 'inboxes'")
	if marked != whole || single+whole < 4 || single+whole > 8 {
		t.Errorf("%d were marked one by one, %d together, of which %d are told", single, marked, whole)
	}
	if left := w.inbox(t, w.user); len(left) != 4 || left[0].Status != notifications.Seen {
		t.Errorf("%d are left, want 4 that are seen", len(left))
	}
}

// inboxAllSeen marks many by one change.
func inboxAllSeen(t *testing.T, w *world) {
	for i := range 5 {
		w.write(t, w.admin, w.user, fmt.Sprint(i))
	}
	last := w.count(t, "SELECT seq FROM change_counter")
	feed, log := w.traces(t, func() {
		if n := must(w.inboxes.MarkAllSeen(as(t, w.user)))(t); n != 5 {
			t.Errorf("marked %d, want 5", n)
		}
		if n := must(w.inboxes.MarkAllSeen(as(t, w.user)))(t); n != 0 {
			t.Errorf("marked %d again", n)
		}
	})
	if feed != "inboxes updated 5" || log != "" {
		t.Errorf("told %q and %q", feed, log)
	}
	if n := w.count(t, "SELECT COUNT(*) FROM changes WHERE seq > $1 AND id = $2", last, string(w.user.ID)); n != 1 {
		t.Error("the change is not of the user")
	}
	if n := must(w.inboxes.UnreadCount(as(t, w.user)))(t); n != 0 {
		t.Errorf("%d are unread", n)
	}
}

// inboxByIDs returns what the program asks for by itself: whoever it is for,
// in their language.
func inboxByIDs(t *testing.T, w *world) {
	w.exec(t, "UPDATE users SET language = 'bs' WHERE username = 'guest'")
	told := w.telling()
	must(told.fleet.Add(as(t, w.user2admin(t)), carDraft("A1")))(t)
	w.exec(t, "UPDATE notifications SET recipient_id = $1", string(w.user.ID)) // who once was an admin
	a := notifications.ID(must(w.texts(t, "SELECT id FROM notifications"), nil)(t)[0])
	b := w.write(t, w.admin, w.employee, "b")
	ids := []string{string(b), nobody, "x", string(a)}
	for range 300 { // more than one statement asks for
		ids = append(ids, ident.New[string]())
	}
	all := must(w.inboxes.ByIDs(t.Context(), ids))(t)
	if len(all) != 2 || all[0].ID != b || all[1].ID != a || all[0].RecipientID != w.employee.ID || all[1].Message != "Novo vozilo u voznom parku: Volkswagen Golf, A1" {
		t.Errorf("found %+v", all)
	}
	if none := must(w.inboxes.ByIDs(t.Context(), nil))(t); none == nil || len(none) != 0 {
		t.Errorf("of no ids: %+v", none)
	}
}

// inboxDemoted shows to somebody who was an admin what their role may know now.
func inboxDemoted(t *testing.T, w *world) {
	told := w.telling()
	car, ana := w.addCar(t, "A1"), w.addCustomer(t, "Ana")
	second := w.user2admin(t)
	must(told.rental.Rent(as(t, w.employee), draft(car.ID, ana.ID, 0, 1)))(t)
	secret := w.inbox(t, second)[0].ID
	w.write(t, w.admin, second, "sorry")
	w.exec(t, "UPDATE users SET role = 'user' WHERE username = 'second'")
	second.Role = record.User
	ctx := as(t, second)
	if got := messages(w.inbox(t, second)); got != "sorry" {
		t.Errorf("sees %q", got)
	}
	if n := must(w.inboxes.UnreadCount(ctx))(t); n != 1 {
		t.Errorf("counts %d", n)
	}
	_, err := w.inboxes.Seen(ctx, secret)
	wantErr(t, "Seen", err, notifications.ErrNoNotification)
	wantErr(t, "Delete", w.inboxes.Delete(ctx, secret), notifications.ErrNoNotification)
	if n := must(w.inboxes.MarkAllSeen(ctx))(t); n != 1 {
		t.Errorf("marks %d", n)
	}
}

// inboxGone deletes a recipient and a sender.
func inboxGone(t *testing.T, w *world) {
	second := w.user2admin(t)
	w.write(t, second, w.user, "a")
	w.write(t, w.admin, second, "b")
	w.exec(t, "DELETE FROM users WHERE username = 'second'")
	if n := w.count(t, "SELECT COUNT(*) FROM notifications"); n != 1 {
		t.Errorf("%d notifications are left, want one", n)
	}
	if n := w.inbox(t, w.user)[0]; n.Message != "a" || n.Sender != nil {
		t.Errorf("who lost its sender is %+v", n)
	}
}

// inboxOdd reads what another version of this program may have written.
func inboxOdd(t *testing.T, w *world) {
	id := w.write(t, w.admin, w.user, "a")
	for _, data := range []string{"", "null", "[]", "7", "{", `{"message": {"en": "x"}}`, `{"message": null, "x": [1]}`} {
		w.exec(t, "UPDATE notifications SET data = $1, type = 'message'", data)
		n := w.inbox(t, w.user)[0]
		if n.Message != "There is a message for you" || n.Data == nil {
			t.Errorf("of data %q: %+v", data, n)
		}
	}
	w.exec(t, "UPDATE notifications SET type = 'car-sold'")
	if got := must(w.inboxes.ByIDs(t.Context(), []string{string(id)}))(t); len(got) != 1 || got[0].Message != "Something has changed" {
		t.Errorf("of another type: %+v", got)
	}
}

// inboxTidy forgets what was seen long ago, and never what is new.
func inboxTidy(t *testing.T, w *world) {
	w.write(t, w.admin, w.user, "new")
	must(w.inboxes.Seen(as(t, w.user), w.write(t, w.admin, w.user, "seen")))(t)
	for _, step := range []struct {
		after time.Duration
		want  string
	}{{store.SeenLife, "new seen"}, {time.Second, "new"}, {10 * store.SeenLife, "new"}} {
		w.pass(step.after)
		wantErr(t, "Tidy", w.db.Tidy(t.Context(), w.now()), nil)
		got := strings.Fields(messages(w.inbox(t, w.user)))
		slices.Sort(got)
		if strings.Join(got, " ") != step.want {
			t.Errorf("after another %s there are %v, want %s", step.after, got, step.want)
		}
	}
}
