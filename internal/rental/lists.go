package rental

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/money"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// MaxCalendarDays is how many days the calendar shows at most.
const MaxCalendarDays = 92

var errCalendar = page.ErrQuery.Say(fmt.Sprintf("the calendar shows at most %d days", MaxCalendarDays))

// Get returns one contract.
func (s *Service) Get(ctx context.Context, id ContractID) (Contract, error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return Contract{}, err
	}
	return s.Store.Get(ctx, id, s.Today())
}

// List returns the contracts that f selects.
func (s *Service) List(ctx context.Context, f Filter) (page.Of[Contract], error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return page.Of[Contract]{}, err
	}
	if !f.To.IsZero() && f.To.Before(f.From) {
		return page.Of[Contract]{}, page.ErrOrder
	}
	f.CustomerID = customers.CustomerID(strings.ToLower(string(f.CustomerID)))
	f.CarID = fleet.CarID(strings.ToLower(string(f.CarID)))
	return s.Store.List(ctx, f, s.Today())
}

// Expiring returns the contracts that end from today to so many days from now.
func (s *Service) Expiring(ctx context.Context, days int, f Filter) (page.Of[Contract], error) {
	f.EndsFrom, f.EndsTo = s.Today(), s.Today().Add(days)
	return s.List(ctx, f)
}

// Of returns the contracts of one customer that f selects.
func (s *Service) Of(ctx context.Context, id customers.CustomerID, f Filter) (page.Of[Contract], error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return page.Of[Contract]{}, err
	}
	if _, err := s.Customers.Get(ctx, id); err != nil {
		return page.Of[Contract]{}, err
	}
	f.CustomerID = id
	return s.List(ctx, f)
}

// Revenue returns what contracts earn on the days from from up to to; a zero
// day is no bound. Adjoining ranges add up exactly.
func (s *Service) Revenue(ctx context.Context, from, to date.Date) (money.Amount, error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return money.Amount{}, err
	}
	sum, parts, err := s.Store.Earnings(ctx, from, to)
	for _, p := range parts {
		sum = sum.Plus(p.Earned(from, to))
	}
	return sum, err
}

// Availability returns what holds a car on some of the days of span. Callers
// of role user learn the days only.
func (s *Service) Availability(ctx context.Context, ref fleet.Ref, span date.Span) ([]Hold, error) {
	if err := record.Require(ctx, record.SignedIn); err != nil {
		return nil, err
	}
	if !ref.Valid() {
		return nil, fleet.ErrBadRef
	}
	car, err := s.Cars.Get(ctx, ref, s.Today())
	if err != nil {
		return nil, err
	}
	holds, err := s.Ledger.Holds(ctx, car.ID, span, "")
	if !record.SeesPeople(ctx) {
		for i, h := range holds {
			holds[i] = Hold{Span: h.Span, Kind: h.Kind}
		}
	}
	return holds, err
}

// Conflicts returns what keeps a car from being rented on the days of span,
// leaving out the contract except.
func (s *Service) Conflicts(ctx context.Context, car fleet.CarID, span date.Span, except ContractID) ([]Hold, error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return nil, err
	}
	err := error(fleet.ErrNoCar)
	if ref := fleet.Ref(car); ref.IsID() { // a license plate is none
		_, err = s.Cars.Get(ctx, ref, s.Today())
	}
	if errors.Is(err, fleet.ErrNoCar) {
		var bad fault.Fields
		bad.Check(false, "carId", "there is no such car")
		return nil, bad.Err()
	}
	if err != nil {
		return nil, err
	}
	return s.Ledger.Holds(ctx, car, span, except)
}

// Calendar returns the whole fleet with what holds each car on some of the
// days of span, of which there are at most MaxCalendarDays.
func (s *Service) Calendar(ctx context.Context, span date.Span) ([]CalendarCar, error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return nil, err
	}
	if span.Days() > MaxCalendarDays {
		return nil, errCalendar
	}
	return s.Ledger.Calendar(ctx, span)
}
