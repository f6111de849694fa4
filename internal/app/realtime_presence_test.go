package app_test

import (
	"slices"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/record"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/testdb"
)

// onlineBy returns who the program says is online, as who asks there.
func onlineBy(c *apptest.Client) (ids []string) {
	res := c.Do("GET", "/api/activity/online", nil)
	for i := range res.Len("data") {
		ids = append(ids, res.At("data").([]any)[i].(string))
	}
	return ids
}

func cameOrWent(id record.UserID, there string) func(apptest.SocketEvent) bool {
	return func(e apptest.SocketEvent) bool {
		return e.Text("userId") == string(id) && e.Text("isOnline") == there
	}
}

// Whoever has a socket on any instance is online, and the staff on all of them
// is told once that they came and once that they went.
func TestSocketPresence(t *testing.T) {
	t.Parallel()
	url := redistest.New(t, redistest.Options{}).URL()
	shared := func(c *config.Config) { c.RedisURL = config.NewSecret(url) }
	one := apptest.New(t, testdb.MigratedPostgres(t), shared)
	two := one.Beside(t, shared)
	staff := []*apptest.Socket{one.Admin.Connect(), two.Employee.Connect()}
	first := one.User.Connect()
	for _, s := range staff {
		s.Expect("user:status", cameOrWent(one.User.ID, "true"))
	}
	for _, c := range []*apptest.Company{one, two} {
		apptest.Until(t, "all three are online", func() bool { return len(onlineBy(c.Employee)) == 3 })
		status := c.Employee.Do("GET", "/api/activity/users-status", nil)
		if status.Len("data") != 3 || status.Text("data.2.isOnline") != "true" {
			t.Errorf("the status is %s", status)
		}
	}
	second := two.User.Connect()
	first.Lose()
	first.Ends(within)
	second.Ask("join")
	third := one.User.Connect() // which may come before the first has gone
	third.Ask("join")
	for _, s := range staff {
		if got := s.Take("user:status"); slices.ContainsFunc(got, cameOrWent(one.User.ID, "false")) || slices.ContainsFunc(got, cameOrWent(one.User.ID, "true")) {
			t.Errorf("told %v of who was there all the time", got)
		}
	}
	second.Lose()
	third.Lose()
	for _, s := range staff {
		s.Expect("user:status", cameOrWent(one.User.ID, "false"))
	}
	if got := third.Take("user:status"); len(got) != 0 {
		t.Errorf("who is not of the staff is told %v", got)
	}
	for _, c := range []*apptest.Company{one, two} {
		apptest.Until(t, "two are online", func() bool { return len(onlineBy(c.Employee)) == 2 })
	}
	if res := one.User.Do("GET", "/api/activity/online", nil); res.Status != 403 {
		t.Errorf("a user is told who is online: %s", res)
	}
}

// Alone, an instance knows who is there by itself.
func TestSocketPresenceAlone(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		staff := c.Admin.Connect()
		s := c.User.Connect()
		staff.Expect("user:status", cameOrWent(c.User.ID, "true"))
		want := []string{string(c.Admin.ID), string(c.User.ID)}
		slices.Sort(want)
		if got := onlineBy(c.Employee); !slices.Equal(got, want) {
			t.Errorf("online: %v, want %v", got, want)
		}
		s.Lose()
		staff.Expect("user:status", cameOrWent(c.User.ID, "false"))
	})
}

// Who was connected to an instance that is killed is online for a minute at
// most; one that is stopped leaves nobody behind.
func TestSocketPresenceOfTheDead(t *testing.T) {
	t.Parallel()
	r := redistest.New(t, redistest.Options{})
	site := apptest.NewSite(t, t.TempDir(), testdb.MigratedPostgres(t).URL, "REDIS_URL="+r.URL())
	for name, role := range map[string]record.Role{"amra": record.Admin, "emir": record.Employee, "uma": record.User} {
		site.AddUser(t, name, role)
	}
	here, killed, stopped := site.Serve(t), site.Serve(t), site.Serve(t)
	boss := here.Nobody.SignIn("amra")
	staff := boss.Connect()
	emir, uma := here.Nobody.SignIn("emir"), here.Nobody.SignIn("uma")
	killed.As(emir).Connect()
	stopped.As(uma).Connect()
	apptest.Until(t, "all are online", func() bool { return len(onlineBy(boss)) == 3 })
	wait := stopped.Terminate(t)
	staff.Expect("user:status", cameOrWent(uma.ID, "false"))
	if code := wait(); code != 0 {
		t.Errorf("stopped with %d:\n%s", code, stopped.Output())
	}
	if got := onlineBy(boss); len(got) != 2 {
		t.Errorf("after a stop these are online: %v", got)
	}
	killed.Kill()
	died := time.Now()
	if e, ok := staff.Within(time.Minute, "user:status", cameOrWent(emir.ID, "false")); !ok {
		t.Errorf("nobody is told within a minute")
	} else {
		t.Logf("told %s after the instance had died", e.At.Sub(died))
	}
	if got := onlineBy(boss); len(got) != 1 {
		t.Errorf("after a kill these are online: %v", got)
	}
}

// Without Redis, and after it is back, everything that one instance can do by
// itself goes on.
func TestSocketsWithoutRedis(t *testing.T) {
	t.Parallel()
	r := redistest.New(t, redistest.Options{})
	shared := func(c *config.Config) { c.RedisURL = config.NewSecret(r.URL()) }
	one := apptest.New(t, testdb.MigratedPostgres(t), shared)
	two := one.Beside(t, shared)
	old, staff := two.User.Connect(), one.Admin.Connect()
	r.Kill()
	s := two.Employee.Connect()
	subscribe(t, s, record.Cars)
	car := one.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
	s.Expect("changed", about(car))
	if res := one.User.Do("POST", "/api/auth/logout", apptest.JSON{}); res.Status != 200 {
		t.Fatal(res)
	}
	if byPacket, ended := old.Ends(within); !byPacket {
		t.Errorf("signed out elsewhere without Redis: ended %t, by a packet %t", ended, byPacket)
	}
	r.Start()
	apptest.Until(t, "who came meanwhile is online everywhere", func() bool {
		return slices.Contains(onlineBy(one.Employee), string(one.Employee.ID))
	})
	staff.Ask("join")
}
