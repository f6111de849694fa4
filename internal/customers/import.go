package customers

import (
	"context"
	"encoding/json"

	"cartracker/internal/date"
	"cartracker/internal/record"
)

// Bulk is the part of a Store that takes many customers at once.
type Bulk interface {
	// Match returns, for each draft, the customer who has its passport number,
	// whom nobody else can change or rent to until the transaction ends, and
	// whether another has its driver's license number.
	Match(context.Context, []Draft) ([]record.Match[Customer], error)
	InsertAll(context.Context, []Customer) error
	// Replace keeps a customer that Match returned.
	Replace(context.Context, *Customer) error
}

// Import takes rows of a file into the customers, inside a transaction: those
// who are there by their passport number are changed, others added.
func (s *Service) Import(ctx context.Context, fills []func(*Draft) error, seen record.Seen) ([]record.Row, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return nil, err
	}
	return record.Intake[Draft, Customer]{
		Journal: s.Journal,
		Blank:   func() Draft { return Draft{} },
		Find:    s.Store.Match,
		Make:    func(fill func(*Draft) error) (Customer, record.Entry, error) { return s.make(ctx, fill) },
		Change: func(c *Customer, fill func(*Draft) error) (record.Entry, any, error) {
			before := c.Draft
			err := s.change(ctx, c, record.AnyVersion, func(d *Draft) error {
				err := fill(d)
				d.PassportNumber = before.PassportNumber // the row names the customer, however it spells that
				return err
			})
			return entry(record.Update, record.Updated, *c, "changed the customer "+c.Name, before, c.Draft), before, err
		},
		Insert:  s.Store.InsertAll,
		Replace: s.Store.Replace,
		Name:    func(c *Customer) (string, int) { return string(c.ID), c.Version },
	}.Take(ctx, fills, seen)
}

// TakeBack undoes what an import did to a customer who has the same version
// since: they become what they were before, or are deleted if they were not
// there and no contract is theirs. It returns the version that they have then.
func (s *Service) TakeBack(ctx context.Context, id CustomerID, version int, before json.RawMessage) (int, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return 0, err
	}
	if before == nil {
		return 0, s.remove(ctx, id, version, date.Date{})
	}
	c, err := s.Amend(ctx, id, version, func(d *Draft) error {
		*d = Draft{}
		return json.Unmarshal(before, d)
	})
	return c.Version, err
}
