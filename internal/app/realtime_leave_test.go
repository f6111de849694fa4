package app_test

import (
	"errors"
	"testing"

	"go.uber.org/goleak"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
	"cartracker/internal/store/testdb"
)

// When the program has stopped nothing of its sockets goes on, in whatever way
// clients were connected. It runs alone, or others' goroutines would count.
func TestSocketsLeaveNothing(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("serve", func(t *testing.T) {
		c := apptest.New(t, testdb.EmptySQLite(t))
		for range 5 {
			s := c.Employee.Connect()
			subscribe(t, s, record.Cars)
		}
		c.User.Connect().Lose()
		if _, err := c.Nobody.Dial(); err != nil { // and never says who it is
			t.Fatal(err)
		}
		path := "/socket.io/?EIO=4&transport=polling&sid=" + poll(t, c.User)
		if res := c.User.Do("POST", path, `40{"token":"`+c.User.Token+`"}`, "Content-Type: text/plain"); res.Status != 200 {
			t.Fatal(res)
		}
		c.User.Do("GET", path, nil)
		polled := make(chan error, 1)
		go func() {
			_, err := c.User.Try("GET", path, nil) // waits until the program stops
			polled <- err
		}()
		t.Cleanup(func() { <-polled })
		t.Cleanup(c.Realtime.Close)
		c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
	})
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// While the database is away nobody is let in, and nobody is told so: they
// would not come back by themselves.
func TestSocketWithoutDatabase(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		if err := c.DB.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := c.Nobody.TryConnect(nil, "Cookie: refreshToken="+c.User.Cookie, "Origin: "+c.URL)
		if _, told := errors.AsType[apptest.ErrRefused](err); told || err == nil {
			t.Errorf("refused by %v", err)
		}
	})
}
