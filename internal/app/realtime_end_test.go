package app_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
)

// Whatever ends a session ends its sockets, on every instance, by a packet: a
// client does not come back by itself. Nobody else's end.
func TestSocketRevoked(t *testing.T) {
	t.Parallel()
	type company = apptest.Company
	all := map[string]struct {
		end  func(c *company, u *apptest.Client) apptest.Response
		both bool // the other session of the user ends too
	}{
		"logout": {func(_ *company, u *apptest.Client) apptest.Response {
			return u.Do("POST", "/api/auth/logout", apptest.JSON{})
		}, false},
		"everywhere": {func(_ *company, u *apptest.Client) apptest.Response {
			return u.Do("POST", "/api/auth/logout", apptest.JSON{"everywhere": true})
		}, true},
		"password": {func(_ *company, u *apptest.Client) apptest.Response {
			return u.Do("PUT", "/api/users/"+string(u.ID)+"/password", apptest.JSON{"currentPassword": apptest.Password, "newPassword": "another-Lamp-Neretva-5"})
		}, true},
		"reset": {func(c *company, u *apptest.Client) apptest.Response {
			return c.Admin.Do("POST", "/api/users/"+string(u.ID)+"/reset-password", apptest.JSON{"newPassword": "another-Lamp-Neretva-5"})
		}, true},
		"role": {func(c *company, u *apptest.Client) apptest.Response {
			return c.Admin.Do("PATCH", "/api/users/"+string(u.ID), apptest.JSON{"role": "user"})
		}, true},
		"deactivation": {func(c *company, u *apptest.Client) apptest.Response {
			return c.Admin.Do("PATCH", "/api/users/"+string(u.ID), apptest.JSON{"active": false})
		}, true},
		"deletion": {func(c *company, u *apptest.Client) apptest.Response {
			return c.Admin.Do("DELETE", "/api/users/"+string(u.ID), nil)
		}, true},
	}
	eachTrio(t, func(t *testing.T, one, two *apptest.Company) {
		bystander := two.Employee.Connect()
		for name, way := range all {
			if slow := name == "password" || name == "reset"; slow && apptest.Raced() && one.DB.Name() != "sqlite" {
				continue // the race detector makes a minute of hashing a password
			}
			u := one.SignUp(t, "u"+name, record.Employee)
			second := one.Nobody.SignIn("u" + name)
			here, there, other := u.Connect(), two.Nobody.With(u).Connect(), two.Nobody.With(second).Connect()
			if res := way.end(one, u); res.Status != 200 {
				t.Fatalf("%s: %s", name, res)
			}
			began := time.Now()
			for where, s := range map[string]*apptest.Socket{"here": here, "there": there, "the other session": other} {
				if where == "the other session" && !way.both {
					continue
				}
				if byPacket, ended := s.Ends(within - time.Since(began)); !byPacket {
					t.Errorf("%s, %s: ended %t, by a packet %t", name, where, ended, byPacket)
				}
			}
			if !way.both {
				if got, err := other.TryAsk("join"); err != nil || got.Text("ok") != "true" {
					t.Errorf("%s: the other session was ended: %v", name, err)
				}
			}
			if _, err := two.Nobody.With(u).TryConnect(apptest.JSON{"token": u.Token}); !errors.Is(err, apptest.ErrRefused{Message: "unauthorized", Code: "unauthorized"}) {
				t.Errorf("%s: a socket of the session that ended: %v", name, err)
			}
			other.Lose()
		}
		if got := bystander.Ask("join"); got.Text("ok") != "true" {
			t.Errorf("somebody else's socket is answered %s", got.Args)
		}
	})
}

// Who signs out while a socket is on its way has none afterwards.
func TestSocketRevokedMeanwhile(t *testing.T) {
	t.Parallel()
	eachTrio(t, func(t *testing.T, one, two *apptest.Company) {
		one.SignUp(t, "many", record.Employee)
		for i := range 30 {
			u := one.Nobody.SignIn("many")
			at := []*apptest.Company{one, two}[i%2].Nobody.With(u)
			var s *apptest.Socket
			var err error
			var both sync.WaitGroup
			both.Go(func() { s, err = at.TryConnect(apptest.JSON{"token": u.Token}) })
			both.Go(func() {
				time.Sleep(time.Duration(i%10) * time.Millisecond / 3) // somewhere in the middle
				if res := u.Do("POST", "/api/auth/logout", apptest.JSON{}); res.Status != 200 {
					t.Error(res)
				}
			})
			both.Wait()
			if err != nil {
				if !errors.Is(err, apptest.ErrRefused{Message: "unauthorized", Code: "unauthorized"}) {
					t.Errorf("refused by %v", err)
				}
				continue
			}
			if _, ended := s.Ends(within); !ended {
				t.Errorf("try %d: a socket outlives its session", i)
			}
		}
	})
}

// Whoever signs in again after all their sessions were ended stays, even where
// the feed tells of that end only then.
func TestSocketSignedInAgain(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		ended := func(seq int64) {
			e := record.Event{Seq: seq, Change: record.Change{Topic: record.Sessions, Kind: record.Deleted, ID: string(c.User.ID)}}
			c.Realtime.Follow(t.Context(), record.Batch{Events: []record.Event{e}, Through: seq})
		}
		before, err := c.Feed.Counter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		s := c.User.Connect()
		ended(before)
		if got := s.Ask("join"); got.Text("ok") != "true" {
			t.Error(got.Args)
		}
		after, err := c.Feed.Counter(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		ended(after + 1)
		if byPacket, _ := s.Ends(within); !byPacket {
			t.Error("a socket outlives all sessions of its user")
		}
	})
}

// A session that ends by time ends its sockets; one that was refreshed goes on.
func TestSocketLapsed(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		idle, busy := c.User.Connect(), c.Employee.Connect()
		c.Clock.Move(6 * 24 * time.Hour)
		if res := c.Nobody.Do("POST", "/api/auth/refresh", nil, "Cookie: refreshToken="+c.Employee.Cookie); res.Status != 200 {
			t.Fatal(res)
		}
		c.Clock.Move(2 * 24 * time.Hour)
		if byPacket, ended := idle.Ends(within); !byPacket {
			t.Errorf("ended %t, by a packet %t", ended, byPacket)
		}
		if byPacket, ended := busy.Ends(2 * time.Second); ended {
			t.Errorf("a socket of a session that was refreshed is ended, by a packet %t", byPacket)
		}
		c.Clock.Move(6 * 24 * time.Hour)
		if byPacket, ended := busy.Ends(within); !byPacket {
			t.Errorf("ended %t, by a packet %t", ended, byPacket)
		}
	})
}

// At a stop sockets are closed so that clients come back, and the program ends
// soon, whoever is connected in whatever way.
func TestSocketsAtStop(t *testing.T) {
	t.Parallel()
	apptest.EachSite(t, func(t *testing.T, site *apptest.Site) {
		site.AddUser(t, "amra", record.Admin)
		p := site.Serve(t)
		boss := p.Nobody.SignIn("amra")
		var all []*apptest.Socket
		for range 5 {
			all = append(all, boss.Connect())
		}
		sid := poll(t, boss)
		path := "/socket.io/?EIO=4&transport=polling&sid=" + sid
		if res := boss.Do("POST", path, fmt.Sprintf(`40{"token":%q}`, boss.Token), "Content-Type: text/plain"); res.Status != 200 {
			t.Fatal(res)
		}
		boss.Do("GET", path, nil)
		polled := make(chan error, 1)
		go func() {
			_, err := boss.Try("GET", path, nil)
			polled <- err
		}()
		apptest.Until(t, "a poll", func() bool { // a second one is refused while one waits
			return boss.Do("GET", "/api/activity/online", nil).Len("data") == 1
		})
		began := time.Now()
		wait := p.Terminate(t)
		for _, s := range all {
			if byPacket, ended := s.Ends(within); !ended || byPacket {
				t.Errorf("ended %t, by a packet %t", ended, byPacket)
			}
		}
		<-polled
		if code := wait(); code != 0 || time.Since(began) > 15*time.Second {
			t.Errorf("the program ended with %d after %s:\n%s", code, time.Since(began), p.Output())
		}
		p = site.Serve(t)
		p.As(boss).Connect()
	})
}
