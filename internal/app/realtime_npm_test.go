package app_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/machinetest"
	"cartracker/internal/record"
	"cartracker/internal/socketio/nodetest"
)

// firstOf decodes the first argument of an event of the reference client.
func firstOf(t *testing.T, args nodetest.Args) (out map[string]any) {
	t.Helper()
	args.Decode(t, 0, &out)
	return out
}

// The reference client, as it is without any options, does all that a client
// can: it is let in by token or cookie, subscribes, is told and signed out.
func TestReferenceClient(t *testing.T) {
	t.Parallel()
	node := nodetest.Start(t)
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		desk := node.Connect(c.URL, nodetest.Options{Auth: apptest.JSON{"token": c.Employee.Token}})
		desk.Connected()
		if to := desk.Upgraded(); to != "websocket" {
			t.Errorf("upgraded to %s", to)
		}
		byCookie := node.Connect(c.URL, nodetest.Options{Headers: map[string]string{"Cookie": "refreshToken=" + c.User.Cookie, "Origin": deskOrigin}})
		byCookie.Connected()
		if got := firstOf(t, desk.Expect("user:status").Args); got["userId"] != string(c.User.ID) || got["isOnline"] != true {
			t.Errorf("told %v", got)
		}
		if got := firstOf(t, desk.Ask("subscribe", apptest.JSON{"topic": "cars"})); got["ok"] != true {
			t.Errorf("answered %v", got)
		}
		car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		if got := firstOf(t, desk.Expect("changed").Args); got["id"] != car || got["kind"] != "created" || got["version"] != 1.0 {
			t.Errorf("told %v", got)
		}
		if got := firstOf(t, desk.Ask("sendNotification", apptest.JSON{"recipientId": c.User.ID, "message": "Šta ima?"})); got["ok"] != true {
			t.Errorf("answered %v", got)
		}
		if got := firstOf(t, byCookie.Expect("receiveNotification").Args); got["message"] != "Šta ima?" {
			t.Errorf("told %v", got)
		}
		if got := firstOf(t, byCookie.Ask("markAllAsRead")); got["affected"] != 1.0 {
			t.Errorf("answered %v", got)
		}
		byCookie.Expect("allNotificationsUpdated")
		byCookie.CutTransport() // it comes back by itself, and has missed nothing
		byCookie.Disconnected()
		desk.Ask("sendNotification", apptest.JSON{"recipientId": c.User.ID, "message": "again"})
		byCookie.Connected()
		if got := firstOf(t, byCookie.Expect("receiveNotification").Args); got["message"] != "again" {
			t.Errorf("told %v", got)
		}
		if res := c.Employee.Do("POST", "/api/auth/logout", apptest.JSON{}); res.Status != 200 {
			t.Fatal(res)
		}
		if why := desk.Disconnected(); why != "io server disconnect" || desk.State().Active {
			t.Errorf("a client that was signed out left by %q, and comes back: %t", why, desk.State().Active)
		}
	}, withDeskOrigin)
}

// The reference client is told why it may not come.
func TestReferenceClientRefused(t *testing.T) {
	t.Parallel()
	node := nodetest.Start(t)
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		for _, transport := range []string{"polling", "websocket"} {
			for name, auth := range map[string]any{"nobody": nil, "a wrong token": apptest.JSON{"token": "abc"}} {
				s := node.Connect(c.URL, nodetest.Options{Auth: auth, Transports: []string{transport}, NoReconnection: true})
				var data struct{ Code string }
				if got := s.Refused(); got.Message != "unauthorized" || json.Unmarshal(got.Data, &data) != nil || data.Code != "unauthorized" {
					t.Errorf("%s, %s: %+v", transport, name, got)
				}
			}
			foreign := node.Connect(c.URL, nodetest.Options{
				Auth: apptest.JSON{"token": c.User.Token}, Transports: []string{transport}, NoReconnection: true,
				Headers: map[string]string{"Origin": "https://stranger.example"},
			})
			if got := foreign.Refused(); !strings.Contains(got.Message, "error") {
				t.Errorf("%s, a stranger's page: %+v", transport, got)
			}
		}
	})
}

// At a stop the reference client comes back by itself once the program is back.
func TestReferenceClientComesBack(t *testing.T) {
	t.Parallel()
	node := nodetest.Start(t)
	site := apptest.NewSite(t, t.TempDir(), "", "PORT="+strconv.Itoa(machinetest.FreePort(t)))
	site.AddUser(t, "amra", record.Admin)
	p := site.Serve(t)
	boss := p.Nobody.SignIn("amra")
	s := node.Connect(boss.URL(), nodetest.Options{Auth: apptest.JSON{"token": boss.Token}})
	s.Connected()
	s.Upgraded()
	wait := p.Terminate(t)
	if why := s.Disconnected(); !strings.HasPrefix(why, "transport") {
		t.Errorf("left by %q", why)
	}
	if code := wait(); code != 0 {
		t.Errorf("ended with %d:\n%s", code, p.Output())
	}
	site.Serve(t)
	s.Connected()
	if got := firstOf(t, s.Ask("subscribe", apptest.JSON{"topic": "cars", "since": 0})); got["ok"] != true {
		t.Errorf("answered %v", got)
	}
}
