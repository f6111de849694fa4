package app_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
)

// Whoever subscribed is told what changes, of the topics that their role may
// know of, and nothing of what was rolled back.
func TestSocketTopics(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		all, cars, silent := c.Employee.Connect(), c.User.Connect(), c.Admin.Connect()
		for _, topic := range []record.Topic{record.Cars, record.Customers, record.Contracts} {
			subscribe(t, all, topic)
		}
		subscribe(t, cars, record.Cars)
		car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		customer := c.Employee.Make("/api/customers", apptest.Customer("1234567"))
		contract := c.Employee.Make("/api/contracts", apptest.Contract(car, customer, "2026-08-01", "2026-08-10"))
		if res := c.Employee.Do("POST", "/api/contracts", apptest.Contract(car, customer, "2026-08-02", "2026-08-03")); res.Status != 409 {
			t.Fatal(res)
		}
		rollBack(t, c)
		if res := c.Employee.Do("PATCH", "/api/cars/"+car+"/mileage", apptest.JSON{"mileage": 10}); res.Status != 200 {
			t.Fatal(res)
		}
		last := all.Expect("changed", func(e apptest.SocketEvent) bool { return e.Text("id") == car && e.Text("version") == "2" })
		if last.Text("at") != "2026-07-01T10:00:00.000Z" || last.Number("seq") <= 0 || len(last.Args) != 1 {
			t.Errorf("told %s", last.Args)
		}
		var told []string
		for _, e := range all.Take("changed") {
			told = append(told, describe(e))
		}
		want := []string{
			"cars " + car + " created 1", "customers " + customer + " created 1", "contracts " + contract + " created 1",
			"cars " + car + " updated 0", // when it is free
		}
		if !slices.Equal(told, want) {
			t.Errorf("an employee is told %q, want %q", told, want)
		}
		cars.Expect("changed", func(e apptest.SocketEvent) bool { return e.Text("version") == "2" })
		if got := cars.Take("changed"); len(got) != 2 || describe(got[0]) != want[0] || describe(got[1]) != want[3] {
			t.Errorf("a user is told of %d changes: %v", len(got), got)
		}
		if got := cars.Ask("unsubscribe", apptest.JSON{"topic": "cars"}); got.Text("ok") != "true" {
			t.Error(got.Args)
		}
		c.Admin.Make("/api/cars", apptest.Car("B12-K-345"))
		all.Expect("changed", nil)
		cars.Ask("join", 1)
		if got := slices.Concat(cars.Take("changed"), silent.Take("changed")); len(got) != 0 {
			t.Errorf("who did not subscribe is told %v", got)
		}
	})
}

// rollBack changes a car in a transaction that comes to nothing.
func rollBack(t *testing.T, c *apptest.Company) {
	t.Helper()
	never := errors.New("never")
	err := c.Identity.InTx(t.Context(), func(ctx context.Context) error {
		e := record.Entry{Action: record.Update, Resource: "car", Changes: []record.Change{{Topic: record.Cars, ID: noImport, Kind: record.Updated, Version: 9}}}
		if err := c.Identity.Journal.Write(ctx, e); err != nil {
			return err
		}
		return never
	})
	if !errors.Is(err, never) {
		t.Fatal(err)
	}
}

// A follower subscribes again and again, at one instance or the other, from
// what it knows, and so is told of every change once.
type follower struct {
	t     *testing.T
	at    [2]*apptest.Company
	seqs  []int64 // of the changes that it was told of
	since int64
	raw   func(id string) int
}

// follow listens on a new socket until it was told of some changes, or of none
// for so long.
func (f *follower) follow(changes int, quiet time.Duration) {
	s := f.at[rand.IntN(2)].Employee.Connect()
	defer s.Lose()
	got := s.Ask("subscribe", apptest.JSON{"topic": "cars", "since": f.since})
	seq := got.Number("seq")
	if got.Text("ok") != "true" || got.Text("resync") == "true" || seq < f.since {
		f.t.Fatalf("subscribed since %d: %s", f.since, got.Args)
	}
	var told []apptest.SocketEvent
	for range changes {
		e, ok := s.Within(quiet, "changed", func(apptest.SocketEvent) bool { return true })
		if !ok {
			break
		}
		told = append(told, e)
	}
	if got := s.Ask("join"); got.Text("ok") != "true" {
		f.t.Fatal(got.Args)
	}
	f.since = seq
	for _, e := range append(told, s.Take("changed")...) {
		n := e.Number("seq")
		if f.seqs = append(f.seqs, n); n > f.since {
			f.since = n
		}
		if v := f.raw(e.Text("id")); int64(v) < e.Number("version") {
			f.t.Errorf("told of version %d, and the database has %d", e.Number("version"), v)
		}
	}
}

func TestSocketMissesNothing(t *testing.T) {
	t.Parallel()
	eachTrio(t, func(t *testing.T, one, two *apptest.Company) {
		raw := one.Database.Raw(t)
		f := &follower{t: t, at: [2]*apptest.Company{one, two}, raw: func(id string) (v int) {
			if err := raw.QueryRow("SELECT version FROM cars WHERE id = '" + id + "'").Scan(&v); err != nil {
				t.Error(err)
			}
			return v
		}}
		var cars []string
		for i := range 3 {
			cars = append(cars, one.Admin.Make("/api/cars", apptest.Car(fmt.Sprintf("A%02d-K-345", i))))
		}
		s := one.Employee.Connect()
		f.since = subscribe(t, s, record.Cars)
		first := f.since
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
		defer stop()
		var all sync.WaitGroup
		for i, car := range cars {
			all.Go(func() {
				for km := 1; ctx.Err() == nil; km++ {
					if res := f.at[(i+km)%2].Admin.Do("PATCH", "/api/cars/"+car+"/mileage", apptest.JSON{"mileage": km}); res.Status != 200 {
						t.Errorf("car %d: %s", i, res)
						return
					}
					if km%5 == 0 { // others' topics count too
						one.Employee.Do("POST", "/api/customers", apptest.Customer(fmt.Sprintf("%d-%d", i, km)))
					}
				}
			})
		}
		for ctx.Err() == nil {
			f.follow(rand.IntN(12), 100*time.Millisecond)
		}
		all.Wait()
		var last int64
		if err := raw.QueryRow("SELECT MAX(seq) FROM changes WHERE topic = 'cars'").Scan(&last); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); f.since < last && time.Since(began) < time.Minute; {
			f.follow(1, time.Second)
		}
		var want []int64
		rows, err := raw.Query(fmt.Sprintf("SELECT seq FROM changes WHERE topic = 'cars' AND seq > %d ORDER BY seq", first))
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var seq int64
			if err := rows.Scan(&seq); err != nil {
				t.Fatal(err)
			}
			want = append(want, seq)
		}
		if !slices.Equal(f.seqs, want) || len(want) < 20 {
			t.Errorf("told of %d changes, want %d: %v, want %v", len(f.seqs), len(want), f.seqs, want)
		}
	})
}

// Who asks from before what is known, or from what never was, has to look again.
func TestSocketResync(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		s := c.Employee.Connect()
		car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		seq := subscribe(t, s, record.Cars, 0) // the feed has kept everything so far
		s.Expect("changed", about(car))        // and the instance has read it all
		if got := s.Take("changed"); len(got) != 0 {
			t.Errorf("told of %v too, through %d", got, seq)
		}
		if got := s.Ask("subscribe", apptest.JSON{"topic": "cars", "since": 1_000_000}); got.Text("resync") != "true" || got.Text("ok") != "true" {
			t.Errorf("from the future: %s", got.Args)
		}
		if _, err := c.Database.Raw(t).Exec("DELETE FROM changes"); err != nil {
			t.Fatal(err)
		}
		other := c.Beside(t).Employee.Connect()
		if got := other.Ask("subscribe", apptest.JSON{"topic": "cars", "since": 0}); got.Text("resync") != "true" || got.Text("ok") != "true" {
			t.Errorf("from before what is kept: %s", got.Args)
		}
		for _, s := range []*apptest.Socket{s, other} { // they are told all the same
			s.Take("changed")
		}
		if res := c.Admin.Do("PATCH", "/api/cars/"+car+"/mileage", apptest.JSON{"mileage": 5}); res.Status != 200 {
			t.Fatal(res)
		}
		s.Expect("changed", about(car))
		other.Expect("changed", about(car))
	})
}

// Of another database in the place of the first nothing is known: clients come
// back and look again.
func TestSocketMissed(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		s := c.Employee.Connect()
		for i := range 5 {
			c.Admin.Make("/api/cars", apptest.Car(fmt.Sprintf("A%02d-K-345", i)))
		}
		seq := subscribe(t, s, record.Cars)
		if _, err := c.Database.Raw(t).Exec("UPDATE change_counter SET seq = 3"); err != nil {
			t.Fatal(err)
		}
		if byPacket, ended := s.Ends(within); !ended || byPacket {
			t.Fatalf("ended %t, by a packet %t", ended, byPacket)
		}
		again := c.Employee.Connect()
		if got := again.Ask("subscribe", apptest.JSON{"topic": "cars", "since": seq}); got.Text("resync") != "true" {
			t.Errorf("subscribed again: %s", got.Args)
		}
	})
}

// What the command line changes is told.
func TestSocketOfTheCommandLine(t *testing.T) {
	t.Parallel()
	apptest.EachSite(t, func(t *testing.T, site *apptest.Site) {
		site.AddUser(t, "amra", record.Admin)
		p := site.Serve(t)
		s := p.Nobody.SignIn("amra").Connect()
		subscribe(t, s, record.Customers)
		file := filepath.Join(site.Dir, "customers.csv")
		if err := os.WriteFile(file, []byte("name,driver license,passport,country\nŠaćir,DL1,B1,BA\nAna,DL2,B2,BA\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := site.Run(t, "", "import", "customers", file); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		s.Expect("changed", nil)
		s.Expect("changed", nil)
	})
}

// What another instance has changed is told soon: with Redis at once, without
// after its next look.
func TestSocketSoon(t *testing.T) {
	t.Parallel()
	eachTrio(t, func(t *testing.T, one, two *apptest.Company) {
		here, there := one.Employee.Connect(), two.Employee.Connect()
		subscribe(t, here, record.Cars)
		subscribe(t, there, record.Cars)
		car := one.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		for km := 1; km <= 5; km++ {
			began := time.Now()
			if res := one.Employee.Do("PATCH", "/api/cars/"+car+"/mileage", apptest.JSON{"mileage": km}); res.Status != 200 {
				t.Fatal(res)
			}
			now := func(e apptest.SocketEvent) bool { return e.Number("version") == int64(km+1) }
			mine, theirs := here.Expect("changed", now).At.Sub(began), there.Expect("changed", now).At.Sub(began)
			if bound := 3 * time.Second; mine > bound || theirs > bound {
				t.Errorf("told after %s and %s", mine, theirs)
			}
		}
	})
}

// A lost socket that comes back has its rooms and what it has missed.
func TestSocketRecovered(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		s := c.Employee.Connect()
		subscribe(t, s, record.Cars)
		first := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		s.Expect("changed", about(first))
		s.Lose()
		s.Ends(within)
		missed := c.Admin.Make("/api/cars", apptest.Car("B12-K-345"))
		apptest.Until(t, "the end of the socket", func() bool {
			online := c.Admin.Do("GET", "/api/activity/online", nil)
			return online.Len("data") == 0
		})
		claim := apptest.JSON{"pid": s.PID, "offset": s.Offset(), "token": c.Employee.Token}
		stolen := apptest.JSON{"pid": s.PID, "offset": s.Offset(), "token": c.User.Token}
		if other, err := c.Nobody.TryConnect(stolen); err != nil || other.ID == s.ID || len(other.Take("changed")) != 0 {
			t.Fatalf("another user gets the socket: %v", err)
		}
		back, err := c.Nobody.TryConnect(claim)
		if err != nil || back.ID != s.ID {
			t.Fatalf("a new socket instead of the lost one: %v", err)
		}
		back.Expect("changed", about(missed))
		next := c.Admin.Make("/api/cars", apptest.Car("C12-K-345"))
		back.Expect("changed", about(next))
		if got := back.Ask("markAllAsRead"); got.Text("ok") != "true" {
			t.Errorf("a socket that is back is answered %s", got.Args)
		}
		back.Lose()
		back.Ends(within)
		c.Employee.Do("POST", "/api/auth/logout", apptest.JSON{})
		if _, err := c.Nobody.TryConnect(claim); !errors.Is(err, apptest.ErrRefused{Message: "unauthorized", Code: "unauthorized"}) {
			t.Errorf("a lost socket of a session that ended: %v", err)
		}
	})
}
