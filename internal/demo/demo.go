// Package demo makes a company up: cars, customers and contracts as the
// domain has them, for whoever wants to see the program with something in it.
// It knows no database.
package demo

import (
	"fmt"
	"math/rand/v2"
	"sort"
	"time"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/ident"
)

// The most that a company has of each.
const (
	MaxCars      = 100_000
	MaxCustomers = 1_000_000
	MaxContracts = 1_000_000
)

const (
	usualHistory = 548 // days, some 18 months
	roomFor      = 7   // days that the busiest car has for each contract
)

// A Size says how large a company is. The same Seed makes the same one, but
// for its ids and for the day on which it is made.
type Size struct {
	Cars, Customers, Contracts int
	Seed                       uint64
}

// Records returns how many records there are in all.
func (s Size) Records() int { return s.Cars + s.Customers + s.Contracts }

func (s Size) check() error {
	var bad fault.Fields
	within := func(name string, n, least, most int) {
		bad.Check(n >= least && n <= most, name, fmt.Sprintf("must be from %d to %d", least, most))
	}
	within("cars", s.Cars, 1, MaxCars)
	within("customers", s.Customers, 1, MaxCustomers)
	within("contracts", s.Contracts, 0, MaxContracts)
	return bad.Err()
}

// A Company is made up. It makes its customers and contracts one after the
// other, so that a million of them are never in memory together.
type Company struct {
	size      Size
	now       date.Moment
	zone      *time.Location
	today     date.Date
	first     date.Date // the earliest day for which a car is rented
	plans     []plan
	cars      []fleet.Car
	customers []customers.CustomerID
}

// New returns a company as it is at the moment now. It returns a fault if s is
// out of bounds, or if the contracts do not fit on the cars.
func New(s Size, now date.Moment, zone *time.Location) (*Company, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	c := &Company{size: s, now: now, zone: zone, today: date.In(zone, now), plans: plans(s)}
	history, err := c.history()
	if err != nil {
		return nil, err
	}
	c.first = c.today.Add(-history)
	shareOut(c.plans, history, s.Contracts)
	c.cars = c.makeCars(history)
	c.customers = make([]customers.CustomerID, s.Customers)
	for i := range c.customers {
		c.customers[i] = ident.New[customers.CustomerID]()
	}
	return c, nil
}

// history returns how many days before today the first contract may begin:
// the usual number, or as many more as the contracts need.
func (c *Company) history() (int, error) {
	most := date.New(date.MinYear, time.March, 1).DaysUntil(c.today)
	n := usualHistory + sort.Search(most-usualHistory+1, func(more int) bool { return capacity(c.plans, usualHistory+more) >= c.size.Contracts })
	if n > most {
		return 0, fault.New(fault.Invalid, "too_many_contracts", fmt.Sprintf(
			"%d cars have room for about %d contracts since %d: ask for more cars or fewer contracts", c.size.Cars, capacity(c.plans, most), date.MinYear))
	}
	return n, nil
}

// First returns the earliest day for which a car can be rented.
func (c *Company) First() date.Date { return c.first }

// The streams of random numbers: each kind of record has its own, so that how
// many there are of one does not change the others.
const (
	forPlans = iota << 32
	forCars
	forCustomers
	forContracts // and the car's place in the fleet
)

func (s Size) random(stream int) *rand.Rand { return rand.New(rand.NewPCG(s.Seed, uint64(stream))) }

// desk returns a moment of the day d at which somebody is at the desk; now, if
// that is earlier.
func (c *Company) desk(r *rand.Rand, d date.Date) date.Moment {
	at := d.Begins(c.zone).Add(8*time.Hour + time.Duration(r.IntN(10*60*60))*time.Second)
	return earlier(at, c.now)
}

func earlier(a, b date.Moment) date.Moment {
	if b.After(a) {
		return a
	}
	return b
}

func later(a, b date.Moment) date.Moment {
	if b.After(a) {
		return b
	}
	return a
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// chance reports true in percent of 100 cases.
func chance(r *rand.Rand, percent int) bool { return r.IntN(100) < percent }

// sometimes returns v in percent of 100 cases, else nil.
func sometimes[T any](r *rand.Rand, percent int, v T) *T {
	if chance(r, percent) {
		return &v
	}
	return nil
}

// A scatter gives each of the first numbers another place among of, in no
// order that shows. It needs no memory of those it gave. The step has no
// divisor in common with of.
type scatter struct{ of, step, offset uint64 }

func scattered(r *rand.Rand, of, step uint64) scatter { return scatter{of, step, r.Uint64N(of)} }

func (s scatter) at(i int) int { return int((uint64(i)*s.step + s.offset) % s.of) }
