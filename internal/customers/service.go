package customers

import (
	"context"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// A Store keeps customers. Deleted ones are not there.
type Store interface {
	// Insert refuses to keep two live customers of one passport or license.
	Insert(context.Context, *Customer) error
	Get(context.Context, CustomerID) (Customer, error)
	List(context.Context, Filter) (page.Of[Customer], error)
	// Update changes a customer that nobody else can change or rent to at the same time.
	Update(context.Context, CustomerID, func(*Customer) error) (Customer, error)
	// Delete hides a customer for ever.
	Delete(context.Context, CustomerID) error
	// Needed reports whether a contract that is not over on the day today is
	// the customer's; a zero day asks for any contract.
	Needed(ctx context.Context, id CustomerID, today date.Date) (bool, error)
	Bulk
}

// A Service keeps customers. All of its fields are required.
type Service struct {
	record.Env
	Store Store
}

// List returns the customers that f selects.
func (s *Service) List(ctx context.Context, f Filter) (page.Of[Customer], error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return page.Of[Customer]{}, err
	}
	return s.Store.List(ctx, f)
}

// Get returns one customer.
func (s *Service) Get(ctx context.Context, id CustomerID) (Customer, error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return Customer{}, err
	}
	return s.Store.Get(ctx, id)
}

// Add keeps a new customer.
func (s *Service) Add(ctx context.Context, fill func(*Draft) error) (Customer, error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return Customer{}, err
	}
	c, e, err := s.make(ctx, fill)
	if err != nil {
		return Customer{}, err
	}
	e.Notice = &record.Notice{Type: record.CustomerNew, Data: map[string]any{"customerId": c.ID, "customer": c.Name}}
	err = s.Do(ctx, func(ctx context.Context) (record.Entry, error) { return e, s.Store.Insert(ctx, &c) })
	return c, err
}

// make returns a new customer, and what the journal says of them.
func (s *Service) make(ctx context.Context, fill func(*Draft) error) (Customer, record.Entry, error) {
	var d Draft
	if err := fault.All(fill(&d), d.Validate()); err != nil {
		return Customer{}, record.Entry{}, err
	}
	by := record.Author(ctx)
	c := Customer{Meta: record.NewMeta[CustomerID](s.Env), Draft: d, Authors: record.Authors{CreatedBy: by, UpdatedBy: by}}
	return c, entry(record.Create, record.Created, c, "added the customer "+c.Name, nil, c.Draft), nil
}

// Amend lets change rewrite a customer.
func (s *Service) Amend(ctx context.Context, id CustomerID, version int, change func(*Draft) error) (c Customer, err error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return Customer{}, err
	}
	err = s.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		var before Customer
		c, err = s.Store.Update(ctx, id, func(c *Customer) error {
			before = *c
			return s.change(ctx, c, version, change)
		})
		if err != nil || c.Version == before.Version {
			return record.Entry{}, err
		}
		return entry(record.Update, record.Updated, c, "changed the customer "+c.Name, before.Draft, c.Draft), nil
	})
	return c, err
}

// change rewrites c, which is locked.
func (s *Service) change(ctx context.Context, c *Customer, version int, change func(*Draft) error) error {
	if err := c.Expect(version); err != nil {
		return err
	}
	before := c.Draft
	if err := fault.All(change(&c.Draft), c.Validate()); err != nil {
		return err
	}
	if record.Same(before, c.Draft) {
		return record.ErrUnchanged
	}
	c.Touch(s.Now())
	c.UpdatedBy = record.Author(ctx)
	return nil
}

// Remove deletes a customer whom no active or upcoming contract needs.
func (s *Service) Remove(ctx context.Context, id CustomerID, version int) error {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return err
	}
	return s.remove(ctx, id, version, s.Today())
}

// remove deletes a customer whom no contract needs on the day since or later.
func (s *Service) remove(ctx context.Context, id CustomerID, version int, since date.Date) error {
	return s.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		c, err := s.Store.Update(ctx, id, func(c *Customer) error { // locks them against new contracts
			if err := c.Expect(version); err != nil {
				return err
			}
			c.Touch(s.Now())
			c.UpdatedBy = record.Author(ctx)
			return nil
		})
		if err != nil {
			return record.Entry{}, err
		}
		if needed, err := s.Store.Needed(ctx, id, since); err != nil {
			return record.Entry{}, err
		} else if needed && since.IsZero() {
			return record.Entry{}, ErrCustomerInUse.Say("a contract is this customer's")
		} else if needed {
			return record.Entry{}, ErrCustomerInUse
		}
		e := entry(record.Delete, record.Deleted, c, "deleted the customer "+c.Name, c.Draft, nil)
		return e, s.Store.Delete(ctx, id)
	})
}

func entry(a record.Action, k record.Kind, c Customer, description string, before, after any) record.Entry {
	return record.Entry{
		Action: a, Resource: "customer", ResourceID: string(c.ID), Description: description, Before: before, After: after,
		Changes: []record.Change{record.Changed(record.Customers, k, c.Meta)},
	}
}
