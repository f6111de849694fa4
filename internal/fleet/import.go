package fleet

import (
	"context"
	"encoding/json"
	"math"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/money"
	"cartracker/internal/record"
)

// Bulk is the part of a Store that takes many cars at once.
type Bulk interface {
	// Match returns, for each draft, the car that has its license plate,
	// which nobody else can change or rent until the transaction ends.
	Match(ctx context.Context, drafts []Draft, today date.Date) ([]record.Match[Car], error)
	InsertAll(context.Context, []Car) error
	// Replace keeps a car that Match returned.
	Replace(context.Context, *Car) error
}

// Import takes rows of a file into the fleet, inside a transaction: cars that
// are there by their license plate are changed, others added.
func (s *Service) Import(ctx context.Context, fills []func(*Draft) error, seen record.Seen) ([]record.Row, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return nil, err
	}
	return record.Intake[Draft, Car]{
		Journal: s.Journal,
		Blank:   blank,
		Find: func(ctx context.Context, drafts []Draft) ([]record.Match[Car], error) {
			return s.Store.Match(ctx, drafts, s.Today())
		},
		Make: func(fill func(*Draft) error) (Car, record.Entry, error) { return s.make(ctx, priced(fill)) },
		Change: func(c *Car, fill func(*Draft) error) (record.Entry, any, error) {
			before := *c
			did, err := s.rewrite(ctx, c, func(d *Draft) error {
				err := fill(d)
				d.LicensePlate = before.LicensePlate // the row names the car, however it spells that
				return err
			})
			if err == nil {
				err = s.touch(ctx, c, before)
			}
			return entry(record.Update, record.Updated, *c, did, written(before), written(*c)), before.Details, err
		},
		Insert:  s.Store.InsertAll,
		Replace: s.Store.Replace,
		Name:    func(c *Car) (string, int) { return string(c.ID), c.Version },
	}.Take(ctx, fills, seen)
}

// priced asks a row for a price: nobody rents a car out for nothing because a
// column was left out.
func priced(fill func(*Draft) error) func(*Draft) error {
	return func(d *Draft) error {
		none := money.Minor(math.MinInt64)
		d.PricePerDay = none
		err := fill(d)
		var bad fault.Fields
		if d.PricePerDay == none {
			d.PricePerDay = money.Amount{}
			bad.Check(false, "pricePerDay", "is required")
		}
		return fault.All(err, bad.Err())
	}
}

// TakeBack undoes what an import did to a car that has the same version since:
// it becomes what it was before, or is deleted if it was not there and no
// contract has it. It returns the version that the car has then.
func (s *Service) TakeBack(ctx context.Context, id CarID, version int, before json.RawMessage) (int, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return 0, err
	}
	if before == nil {
		return 0, s.remove(ctx, Ref(id), version, date.Date{})
	}
	car, err := s.amend(ctx, Ref(id), version, func(_ context.Context, c *Car) (string, error) {
		c.Details = Details{}
		return "took back what an import changed of the car " + c.LicensePlate, json.Unmarshal(before, &c.Details)
	})
	return car.Version, err
}
