package storetest

import (
	"errors"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/money"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

// A deal is what the model knows of a contract: the days from from up to to,
// counted from the first day of the test, on which it holds its car.
type deal struct {
	id        rental.ContractID
	car       int
	from, to  int
	days      int // for which it was made
	total     int64
	cancelled bool
}

// A model says, in its own way, what the ledger should. It keeps each day by itself.
type model struct {
	w        *world
	cars     []fleet.Car
	customer customers.Customer
	today    int
	deals    []deal
}

// holder returns which deal has a car on a day, or -1.
func (m *model) holder(car, day int) int {
	return slices.IndexFunc(m.deals, func(d deal) bool { return d.car == car && d.from <= day && day < d.to })
}

// busy returns whether any deal but one has a car on some of the days.
func (m *model) busy(car, from, to, except int) bool {
	for day := from; day < to; day++ {
		if h := m.holder(car, day); h >= 0 && h != except {
			return true
		}
	}
	return false
}

// earned is what the deals earn on the days from from up to to, with big numbers.
func (m *model) earned(from, to int) int64 {
	var sum int64
	for _, d := range m.deals {
		upTo := func(day int) int64 {
			held := int64(min(max(day-d.from, 0), d.to-d.from))
			n := new(big.Int).Mul(big.NewInt(2*d.total), big.NewInt(held)) // halves up
			n.Add(n, big.NewInt(int64(d.days)))
			return n.Div(n, big.NewInt(int64(2*d.days))).Int64()
		}
		sum += upTo(to) - upTo(from)
	}
	return sum
}

// ledgerModel rents, moves, cancels and deletes at random, and compares all
// that the ledger tells with a model of it.
func ledgerModel(t *testing.T, w *world) {
	cars := []fleet.Car{w.addCar(t, "A1"), w.addCar(t, "B2"), w.addCar(t, "C3")}
	customer := w.addCustomer(t, "Ana")
	begin := w.now()
	rapid.Check(t, func(rt *rapid.T) {
		w.exec(t, "DELETE FROM holds")
		w.exec(t, "DELETE FROM contracts")
		w.clock.at = begin
		m := &model{w: w, cars: cars, customer: customer}
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			m.step(t, rt)
		}
		m.compare(t, rt)
	})
}

func (m *model) step(t *testing.T, rt *rapid.T) {
	desk := as(t, m.w.employee)
	car := rapid.IntRange(0, 2).Draw(rt, "car")
	from := m.today + rapid.IntRange(-3, 8).Draw(rt, "from")
	end := from + rapid.IntRange(0, 5).Draw(rt, "length")
	to := max(end, from+1)
	which := -1
	if len(m.deals) > 0 {
		which = rapid.IntRange(0, len(m.deals)-1).Draw(rt, "which")
	}
	switch op := rapid.IntRange(0, 9).Draw(rt, "op"); {
	case op < 5 || which < 0:
		c, err := m.w.rent(t, m.cars[car].ID, m.customer.ID, from, end)
		if m.refused(rt, err, m.busy(car, from, to, -1), rental.ErrCarTaken) {
			return
		}
		m.deals = append(m.deals, deal{id: c.ID, car: car, from: from, to: to, days: to - from, total: c.TotalAmount.Minor()})
	case op < 7:
		d := &m.deals[which]
		c, err := m.w.rental.Amend(desk, d.id, record.AnyVersion, func(d *rental.Draft) error {
			d.CarID, d.StartDate, d.EndDate = m.cars[car].ID, day(from), day(end)
			return nil
		})
		if d.cancelled { // even if nothing changes but the days it was made for
			if err != nil {
				m.refused(rt, err, true, rental.ErrCancelled)
			}
			return
		}
		if m.refused(rt, err, m.busy(car, from, to, which), rental.ErrCarTaken) {
			return
		}
		d.car, d.from, d.to, d.days, d.total = car, from, to, to-from, c.TotalAmount.Minor()
	case op == 7:
		d := &m.deals[which]
		c := must(m.w.rental.Get(desk, d.id))(t)
		_, err := m.w.rental.Cancel(desk, d.id, record.AnyVersion, "changed their mind")
		over := !d.cancelled && c.EndDate.Before(day(m.today))
		if d.cancelled && m.refused(rt, err, true, rental.ErrCancelled) || m.refused(rt, err, over, rental.ErrContractEnded) {
			return
		}
		d.cancelled, d.to = true, max(min(d.to, m.today), d.from)
	case op == 8:
		c := must(m.w.rental.Get(desk, m.deals[which].id))(t)
		err := m.w.rental.Remove(as(t, m.w.admin), m.deals[which].id, record.AnyVersion)
		if m.refused(rt, err, !c.StartDate.After(day(m.today)), rental.ErrContractBegan) {
			return
		}
		m.deals = slices.Delete(m.deals, which, which+1)
	default:
		n := rapid.IntRange(1, 4).Draw(rt, "pass")
		m.today += n
		m.w.pass(time.Duration(n) * 24 * time.Hour)
	}
}

// refused checks whether an error is there when it should be, and reports it.
func (m *model) refused(rt *rapid.T, err error, should bool, as *fault.Error) bool {
	if should != (err != nil) || should && !errors.Is(err, as) {
		rt.Fatalf("got %v; should be refused: %t with %v", err, should, as)
	}
	return should
}

func (m *model) compare(t *testing.T, rt *rapid.T) {
	from := m.today + rapid.IntRange(-6, 12).Draw(rt, "from")
	to := from + rapid.IntRange(1, 12).Draw(rt, "days")
	var free []string
	calendar := must(m.w.rental.Calendar(as(t, m.w.employee), span(from, to)))(t)
	for i, car := range m.cars {
		got := must(m.w.cars.Get(t.Context(), fleet.Ref(car.ID), day(m.today)))(t)
		next := m.today
		for m.holder(i, next) >= 0 {
			next++
		}
		if got.RentedNow != (next > m.today) || got.NextFreeOn != day(next) {
			rt.Fatalf("%s: rented %t, free on %s; want free on %s", car.LicensePlate, got.RentedNow, got.NextFreeOn, day(next))
		}
		if !m.busy(i, from, to, -1) {
			free = append(free, car.LicensePlate)
		}
		m.compareHolds(t, rt, calendar, i, from, to)
	}
	var got []string
	for _, c := range must(m.w.fleet.Available(as(t, m.w.user), span(from, to), fleet.Filter{Sort: "licensePlate"}))(t).Items {
		got = append(got, c.LicensePlate)
	}
	if !slices.Equal(got, free) {
		rt.Fatalf("free from %s: %v, want %v", span(from, to), got, free)
	}
	m.compareMoney(t, rt, from, to)
}

func (m *model) compareHolds(t *testing.T, rt *rapid.T, calendar []rental.CalendarCar, car, from, to int) {
	var want []deal
	for _, d := range m.deals {
		if d.car == car && d.from < d.to && d.from < to && from < d.to {
			want = append(want, d)
		}
	}
	slices.SortFunc(want, func(a, b deal) int { return a.from - b.from })
	holds := must(m.w.rental.Availability(as(t, m.w.employee), fleet.Ref(m.cars[car].ID), span(from, to)))(t)
	line := calendar[slices.IndexFunc(calendar, func(c rental.CalendarCar) bool { return c.ID == m.cars[car].ID })]
	if len(holds) != len(want) || len(line.Holds) != len(want) {
		rt.Fatalf("car %d from %s: %v, calendar %v, want %v", car, span(from, to), holds, line.Holds, want)
	}
	for i, d := range want {
		if holds[i].Span != span(d.from, d.to) || *holds[i].ContractID != d.id || holds[i].TotalAmount.Minor() != d.total || *holds[i].CustomerName != "Ana" ||
			line.Holds[i].Span != span(d.from, d.to) || *line.Holds[i].ContractID != d.id || line.Holds[i].Kind != rental.ByContract {
			rt.Fatalf("car %d: hold %+v, calendar %+v, want %+v", car, holds[i], line.Holds[i], d)
		}
	}
}

func (m *model) compareMoney(t *testing.T, rt *rapid.T, from, to int) {
	revenue := func(from, to date.Date) money.Amount {
		return must(m.w.rental.Revenue(as(t, m.w.employee), from, to))(t)
	}
	got := revenue(day(from), day(to))
	if got.Minor() != m.earned(from, to) {
		rt.Fatalf("earned from %s: %d, want %d", span(from, to), got.Minor(), m.earned(from, to))
	}
	all := revenue(date.Date{}, date.Date{})
	if parts := revenue(date.Date{}, day(from)).Plus(got).Plus(revenue(day(to), date.Date{})); parts != all || all.Minor() != m.earned(-1000, 1000) {
		rt.Fatalf("earned %s in all, %s in adjoining ranges, want %d", all, parts, m.earned(-1000, 1000))
	}
}

// earningsAddUp splits prices that do not divide evenly: no range loses a cent.
func earningsAddUp(t *testing.T, w *world) {
	car, customer := w.addCar(t, "A11-A-111"), w.addCustomer(t, "Ana")
	c := w.mustRent(t, car.ID, customer.ID, 0, 7)
	must(w.rental.Amend(as(t, w.employee), c.ID, record.AnyVersion, func(d *rental.Draft) error {
		d.TotalAmount = ptr(money.Minor(100_01))
		return nil
	}))(t)
	var sum money.Amount
	var days []string
	for n := range 7 {
		got := must(w.rental.Revenue(as(t, w.employee), day(n), day(n+1)))(t)
		sum, days = sum.Plus(got), append(days, got.String())
	}
	if sum != money.Minor(100_01) || strings.Join(days, " ") != "14.29 14.28 14.29 14.29 14.29 14.28 14.29" {
		t.Errorf("seven days earn %v, together %s", days, sum)
	}
	w.pass(3 * 24 * time.Hour)
	must(w.rental.Cancel(as(t, w.employee), c.ID, record.AnyVersion, "changed their mind"))(t)
	if got := must(w.rental.Revenue(as(t, w.employee), date.Date{}, date.Date{}))(t); got != money.Minor(42_86) {
		t.Errorf("cancelled on the fourth day it earns %s, want 42.86", got)
	}
	_, err := w.rental.Revenue(as(t, w.user), day(0), day(1))
	wantErr(t, "asked by a user", err, record.ErrForbidden)
}
