package app_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
)

// speaksBosnian makes an admin whose language is Bosnian.
func speaksBosnian(t *testing.T, c *apptest.Company) *apptest.Client {
	t.Helper()
	u := c.SignUp(t, "bego", record.Admin)
	if res := u.Do("PATCH", "/api/users/me", apptest.JSON{"language": "bs"}); res.Status != 200 {
		t.Fatal(res)
	}
	return u
}

// Admins are told of what others do, in their language, wherever they are
// connected; who did it is not, and no other role.
func TestSocketNotifications(t *testing.T) {
	t.Parallel()
	eachTrio(t, func(t *testing.T, one, two *apptest.Company) {
		bego := speaksBosnian(t, one)
		admin, adminThere, other := one.Admin.Connect(), two.Admin.Connect(), two.Nobody.With(bego).Connect()
		employee, user := one.Employee.Connect(), two.User.Connect()
		one.Employee.Make("/api/customers", apptest.Customer("1234567"))
		texts := map[string]bool{}
		for _, s := range []*apptest.Socket{admin, adminThere, other} {
			e := s.Expect("receiveNotification", func(e apptest.SocketEvent) bool { return e.Text("type") == "customer-new" })
			if e.Text("status") != "new" || e.Text("message") == "" {
				t.Errorf("told %s", e.Args)
			}
			texts[e.Text("message")] = true
			row := one.Admin
			if s == other {
				row = bego
			}
			if want := row.Do("GET", "/api/notifications/", nil); !sameJSON(t, e.Args[0], want, "customer-new") {
				t.Errorf("told %s, and the row is in %s", e.Args[0], want)
			}
		}
		if len(texts) != 2 {
			t.Errorf("in two languages they are told %v", texts)
		}
		one.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		other.Expect("receiveNotification", func(e apptest.SocketEvent) bool { return e.Text("type") == "car-new" })
		for _, s := range []*apptest.Socket{admin, adminThere, employee, user} {
			s.Ask("join")
			for _, e := range s.Take("receiveNotification") {
				if e.Text("type") == "car-new" || s == employee || s == user {
					t.Errorf("who did it, or is no admin, is told %s", e.Args)
				}
			}
		}
	})
}

// sameJSON reports whether one of the rows of a list says what an event does.
func sameJSON(t *testing.T, event json.RawMessage, list apptest.Response, kind string) bool {
	t.Helper()
	var all struct{ Data []json.RawMessage }
	if err := json.Unmarshal(list.Body, &all); err != nil {
		t.Fatal(err)
	}
	for _, row := range all.Data {
		if bytes.Contains(row, []byte(kind)) && bytes.Equal(canonical(t, row), canonical(t, event)) {
			return true
		}
	}
	return false
}

func canonical(t *testing.T, raw json.RawMessage) []byte {
	t.Helper()
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// What is done to an inbox over a socket is done to the own one only, and told
// to all sockets of its owner.
func TestSocketInbox(t *testing.T) {
	t.Parallel()
	eachTrio(t, func(t *testing.T, one, two *apptest.Company) {
		here, there, sender := one.User.Connect(), two.User.Connect(), one.Employee.Connect()
		send := func(to any) apptest.SocketEvent {
			return sender.Ask("sendNotification", apptest.JSON{"recipientId": to, "message": "call me", "senderId": one.Admin.ID})
		}
		if got := send(one.User.ID); got.Text("ok") != "true" {
			t.Fatalf("a message is answered %s", got.Args)
		}
		told := here.Expect("receiveNotification", nil)
		if told.Text("message") != "call me" || told.Text("type") != "message" || there.Expect("receiveNotification", nil).Text("id") != told.Text("id") {
			t.Errorf("told %s", told.Args)
		}
		var row struct{ Sender record.Person }
		if err := json.Unmarshal(told.Args[0], &row); err != nil || row.Sender.ID != one.Employee.ID {
			t.Errorf("the sender is %+v (%v)", row.Sender, err)
		}
		if got := send(noImport); got.Text("ok") != "false" || got.Text("code") != "invalid" {
			t.Errorf("a message to nobody is answered %s", got.Args)
		}
		id := told.Text("id")
		if got := sender.Ask("markAsRead", id); got.Text("code") != "no_notification" {
			t.Errorf("somebody else's is marked: %s", got.Args)
		}
		if got := sender.Ask("markAllAsRead", one.User.ID); got.Text("ok") != "true" || got.Number("affected") != 0 {
			t.Errorf("all of another are marked: %s", got.Args)
		}
		if got := one.User.Do("GET", "/api/notifications/unread/count", nil); got.Number("data.count") != 1 {
			t.Errorf("unread: %s", got)
		}
		if got := here.Ask("markAsRead", apptest.JSON{"notificationId": id, "userId": one.Admin.ID}); got.Text("ok") != "true" {
			t.Errorf("markAsRead is answered %s", got.Args)
		}
		for _, s := range []*apptest.Socket{here, there} {
			if e := s.Expect("notificationUpdated", nil); e.Text("id") != id || e.Text("status") != "seen" {
				t.Errorf("told %s", e.Args)
			}
		}
		for range 3 {
			send(one.User.ID)
		}
		if got := there.Ask("markAllAsRead"); got.Text("ok") != "true" || got.Number("affected") != 3 {
			t.Errorf("markAllAsRead is answered %s", got.Args)
		}
		for _, s := range []*apptest.Socket{here, there} {
			if e := s.Expect("allNotificationsUpdated", nil); e.Number("affected") != 3 || string(e.Args[0]) != `{"affected":3}` {
				t.Errorf("told %s", e.Args)
			}
		}
		if got := sender.Ask("sendNotification", apptest.JSON{"role": "user", "message": "to all"}); got.Text("ok") != "true" || got.Number("sent") != 1 {
			t.Errorf("a message to a role is answered %s", got.Args)
		}
		here.Expect("receiveNotification", func(e apptest.SocketEvent) bool { return e.Text("message") == "to all" })
		if got := append(sender.Take("receiveNotification"), sender.Take("notificationUpdated")...); len(got) != 0 {
			t.Errorf("somebody else is told %v", got)
		}
	})
}

// Sockets make their user active, as requests do.
func TestSocketActivity(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		active := func() string {
			if err := c.Activity.Flush(t.Context()); err != nil {
				t.Error(err)
			}
			return c.Admin.Do("GET", "/api/users/"+string(c.User.ID), nil).Text("data.lastActiveAt")
		}
		s := c.User.Connect()
		var first, second string // somebody else may be writing it at this moment
		apptest.Until(t, "the first activity", func() bool { first = active(); return first != "" })
		c.Clock.Move(2 * time.Minute)
		s.Ask("join")
		apptest.Until(t, "later activity than "+first, func() bool { second = active(); return second > first })
	})
}
