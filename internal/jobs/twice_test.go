package jobs_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
)

const tick = 50 * time.Millisecond // in which a second passes for the company

// Of two instances one does what is due, whichever leads, and when the leader
// leaves the other goes on. Nothing is done twice, and nobody is told twice.
func TestNothingIsDueTwice(t *testing.T) {
	keep := func(c *config.Config) { c.EmailKeepCompleted = "100000" }
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		other := c.Beside(t, keep)
		c.Jobs.Quicken(tick / 2)
		other.Jobs.Quicken(tick / 2)
		car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		customer := c.Employee.Make("/api/customers", apptest.Customer("1234567"))
		c.Employee.Make("/api/contracts", apptest.Contract(car, customer, "2026-07-01", "2026-07-03"))
		raw := c.Database.Raw(t)
		done := 0 // of what was due
		more := func() {
			t.Helper()
			want := done + 20
			apptest.Until(t, "the work of some seconds", func() bool { done = count(t, raw, doneOnTime); return done >= want })
		}

		defer hurry(c.Clock)()
		stop, stopOther := work(t, c), work(t, other)
		more()
		stop()
		more()
		stop = work(t, c)
		stopOther()
		more()
		stop()
		if n := count(t, raw, "(SELECT 1 FROM river_job WHERE queue = 'day' GROUP BY kind, args HAVING COUNT(*) > 1) AS twice"); n != 0 {
			t.Errorf("%d times something was due twice", n)
		}
		if n := count(t, raw, "river_job WHERE queue = 'day' AND attempt > 1"); n != 0 {
			t.Errorf("%d times something was done twice", n)
		}
		if n := count(t, raw, "river_job WHERE kind = 'contract-expiring'"); n != 1 {
			t.Errorf("the one admin is told %d times", n)
		}
	}, keep)
}

const doneOnTime = "river_job WHERE kind = 'look-expiring' AND state = 'completed' AND CAST(args AS TEXT) NOT LIKE '%start%'"

// work works jobs until it is stopped, or the test ends.
func work(t *testing.T, c *apptest.Company) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Jobs.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// hurry moves a clock on by a second with each tick, until it is stopped.
func hurry(clock *apptest.Clock) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		next := time.NewTicker(tick)
		defer next.Stop()
		for {
			select {
			case <-next.C:
				clock.Move(time.Second)
			case <-end:
				return
			}
		}
	}()
	return func() { close(end); <-ended }
}

func count(t *testing.T, raw *sql.DB, of string) (n int) {
	t.Helper()
	if err := raw.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+of).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
