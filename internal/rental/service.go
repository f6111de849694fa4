package rental

import (
	"context"
	"errors"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/record"
)

// A Service rents cars out. All of its fields are required.
type Service struct {
	record.Env
	Store     Store
	Ledger    Ledger
	Cars      Cars
	Customers Customers
}

// Rent makes a contract, at the car's price of today unless another is given.
func (s *Service) Rent(ctx context.Context, fill func(*Draft) error) (Contract, error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return Contract{}, err
	}
	var d Draft
	if err := fault.All(fill(&d), d.Validate()); err != nil {
		return Contract{}, err
	}
	c := s.begin(ctx, d)
	err := s.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		e, err := s.rent(ctx, &c, d, canGoOut)
		e.Notice = c.Notice(record.ContractNew)
		return e, err
	})
	return c, s.Refuse(ctx, err, record.Entry{
		Action: record.Create, Resource: "contract", Description: "refused to rent " + c.Car.LicensePlate + " out from " + c.Hold().String(),
	})
}

// begin returns a contract that is made now, without its number and its price.
func (s *Service) begin(ctx context.Context, d Draft) Contract {
	by := record.Author(ctx)
	c := Contract{Meta: record.NewMeta[ContractID](s.Env), Authors: record.Authors{CreatedBy: by, UpdatedBy: by}}
	c.write(d)
	return c
}

// rent keeps a contract for a car that may be rented, and returns what the journal says of it.
func (s *Service) rent(ctx context.Context, c *Contract, d Draft, may func(fleet.Car) error) (record.Entry, error) {
	car, err := s.check(ctx, c, may)
	if err != nil {
		return record.Entry{}, err
	}
	c.price(d, car.PricePerDay)
	c.Status = c.StatusOn(s.Today())
	if err := s.Store.Insert(ctx, c, s.Today().Year()); err != nil {
		return record.Entry{}, err
	}
	e := entry(record.Create, record.Created, *c, "rented "+c.Car.LicensePlate+" out to "+c.Customer.Name+" by "+c.Number, nil, written(*c))
	return e, s.Ledger.Add(ctx, c)
}

// write takes over what a client wrote, except the price.
func (c *Contract) write(d Draft) {
	c.CustomerID, c.CarID, c.StartDate, c.EndDate = d.CustomerID, d.CarID, d.StartDate, d.EndDate
	c.AdditionalNotes, c.PhotoURL = d.AdditionalNotes, d.PhotoURL
}

// canGoOut refuses a car that cannot be handed over.
func canGoOut(car fleet.Car) error {
	if err := inFleet(car); err != nil {
		return err
	}
	if car.Status != fleet.Available {
		return ErrCarNotReady.Say("the car's status is " + string(car.Status))
	}
	return nil
}

// inFleet refuses a car that is archived.
func inFleet(car fleet.Car) error {
	if car.IsArchived {
		return ErrCarArchived
	}
	return nil
}

// check locks the car and the customer of c, refuses those that cannot be
// rented or rent, and days on which the car is taken.
func (s *Service) check(ctx context.Context, c *Contract, may func(fleet.Car) error) (fleet.Car, error) {
	car, customer, err := s.lock(ctx, c)
	if err != nil {
		return fleet.Car{}, err
	}
	c.Car = CarSummary{car.ID, car.Manufacturer, car.Model, car.Year, car.LicensePlate}
	c.Customer = CustomerSummary{customer.ID, customer.Name, customer.Email, customer.PhoneNumber, customer.PassportNumber}
	if err := may(car); err != nil {
		return fleet.Car{}, err
	}
	taken, err := s.Ledger.Holds(ctx, c.CarID, c.Hold(), c.ID)
	if err != nil {
		return fleet.Car{}, err
	}
	if len(taken) > 0 {
		return fleet.Car{}, ErrCarTaken.Say("the car is taken from " + taken[0].String() + " by a " + string(taken[0].Kind))
	}
	return car, nil
}

// lock locks the car, then the customer: everybody in this order, so that no
// two transactions wait for each other.
func (s *Service) lock(ctx context.Context, c *Contract) (fleet.Car, customers.Customer, error) {
	var bad fault.Fields
	car, err := s.Cars.Lock(ctx, c.CarID)
	if err != nil && !errors.Is(err, fleet.ErrNoCar) {
		return fleet.Car{}, customers.Customer{}, err
	}
	bad.Check(err == nil, "carId", "there is no such car")
	customer, err := s.Customers.Lock(ctx, c.CustomerID)
	if err != nil && !errors.Is(err, customers.ErrNoCustomer) {
		return fleet.Car{}, customers.Customer{}, err
	}
	bad.Check(err == nil, "customerId", "there is no such customer")
	return car, customer, bad.Err()
}

// Amend lets change rewrite a contract: extend it, move it to other days or
// another car, agree on a price.
func (s *Service) Amend(ctx context.Context, id ContractID, version int, change func(*Draft) error) (Contract, error) {
	return s.amend(ctx, id, version, amended, func(ctx context.Context, c *Contract) (string, error) { return s.rewrite(ctx, c, change) })
}

// rewrite lets change rewrite a contract, and tells what it did.
func (s *Service) rewrite(ctx context.Context, c *Contract, change func(*Draft) error) (string, error) {
	before, d := *c, c.draft()
	if err := fault.All(change(&d), d.Validate()); err != nil {
		return "", err
	}
	c.write(d)
	if c.EndDate != before.EndDate {
		c.NotificationSent = false // of another end
	}
	moved := c.Hold() != before.Hold() || c.CarID != before.CarID
	priced := d.DailyRate == nil || *d.DailyRate != before.DailyRate || d.TotalAmount == nil || *d.TotalAmount != before.TotalAmount
	rehired := moved || c.CustomerID != before.CustomerID
	if !rehired && !priced && c.EndDate == before.EndDate {
		return "changed " + c.Number, nil
	}
	if before.CancelledAt != nil {
		return "", ErrCancelled
	}
	rate := before.DailyRate
	if rehired || d.DailyRate == nil { // else nothing is asked of the car, which may be gone by now
		may := canGoOut
		if c.CarID == before.CarID {
			may = anyCar // it was asked when the contract was made
		}
		car, err := s.check(ctx, c, may)
		if err != nil {
			return "", err
		}
		rate = car.PricePerDay
	}
	if err := c.reprice(&before, d, rate); err != nil || !rehired {
		return "changed " + c.Number, err
	}
	return "changed " + c.Number + " to " + c.Car.LicensePlate + " from " + c.Hold().String(), s.Ledger.Move(ctx, c, c.Hold())
}

func anyCar(fleet.Car) error { return nil }

// Cancel ends a contract that is not over yet. The car is free from today on.
func (s *Service) Cancel(ctx context.Context, id ContractID, version int, reason string) (Contract, error) {
	return s.amend(ctx, id, version, cancelled, func(ctx context.Context, c *Contract) (string, error) {
		var bad fault.Fields
		record.Trim(&reason)
		record.CheckText(&bad, "reason", reason, 10, 1000)
		if err := bad.Err(); err != nil {
			return "", err
		}
		switch c.StatusOn(s.Today()) {
		case Cancelled:
			return "", ErrCancelled.Say("the contract is cancelled already")
		case Ended:
			return "", ErrContractEnded
		}
		now := s.Now()
		c.CancelledAt, c.CancellationReason = &now, &reason
		if _, err := s.Cars.Lock(ctx, c.CarID); err != nil {
			return "", err
		}
		return "cancelled " + c.Number, s.Ledger.Move(ctx, c, c.Held(s.Zone))
	})
}

// MarkNotified notes that somebody was told about the end of a contract.
func (s *Service) MarkNotified(ctx context.Context, id ContractID) (Contract, error) {
	return s.amend(ctx, id, record.AnyVersion, untold, func(_ context.Context, c *Contract) (string, error) {
		c.NotificationSent = true
		return "marked " + c.Number + " as notified", nil
	})
}

// A change rewrites a locked contract and tells what it did.
type change func(context.Context, *Contract) (string, error)

// amend lets do rewrite a contract. The admins are told what that is.
func (s *Service) amend(ctx context.Context, id ContractID, version int, what string, do change) (c Contract, err error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return Contract{}, err
	}
	err = s.Do(ctx, func(ctx context.Context) (e record.Entry, err error) {
		c, _, e, err = s.update(ctx, id, version, do)
		tellOf(&e, &c, what)
		return e, err
	})
	return c, s.Refuse(ctx, err, record.Entry{
		Action: record.Update, Resource: "contract", ResourceID: string(id), Description: "refused to change a contract",
	})
}

// update lets do rewrite a contract inside a transaction, and returns what the
// journal says of it: nothing if it is as it was before.
func (s *Service) update(ctx context.Context, id ContractID, version int, do change) (c, before Contract, e record.Entry, err error) {
	var did string
	c, err = s.Store.Update(ctx, id, s.Today(), func(c *Contract) error {
		if err := c.Expect(version); err != nil {
			return err
		}
		before = *c
		if did, err = do(ctx, c); err != nil {
			return err
		}
		if record.Same(before, *c) {
			return record.ErrUnchanged
		}
		c.Touch(s.Now())
		c.UpdatedBy = record.Author(ctx)
		return nil
	})
	if err != nil || c.Version == before.Version {
		return c, before, e, err
	}
	c.Status = c.StatusOn(s.Today())
	e = entry(record.Update, record.Updated, c, did, written(before), written(c))
	if before.CarID != c.CarID {
		e.Changes = append(e.Changes, carChange(before.CarID))
	}
	return c, before, e, nil
}

// Remove deletes a contract that has not begun.
func (s *Service) Remove(ctx context.Context, id ContractID, version int) error {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return err
	}
	return s.remove(ctx, id, version, deleted, func(c *Contract) error {
		if !c.StartDate.After(s.Today()) {
			return ErrContractBegan
		}
		return nil
	})
}

// remove deletes a contract that may be deleted. The admins are told what that is.
func (s *Service) remove(ctx context.Context, id ContractID, version int, what string, may func(*Contract) error) error {
	return s.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		c, err := s.Store.Update(ctx, id, s.Today(), func(c *Contract) error {
			if err := c.Expect(version); err != nil {
				return err
			}
			if err := may(c); err != nil {
				return err
			}
			c.Touch(s.Now())
			c.UpdatedBy = record.Author(ctx)
			_, err := s.Cars.Lock(ctx, c.CarID)
			return err
		})
		if err != nil {
			return record.Entry{}, err
		}
		if err := s.Ledger.Move(ctx, &c, date.Span{}); err != nil {
			return record.Entry{}, err
		}
		e := entry(record.Delete, record.Deleted, c, "deleted "+c.Number, written(c), nil)
		tellOf(&e, &c, what)
		return e, s.Store.Delete(ctx, id)
	})
}

// written is what the audit log compares of a contract.
func written(c Contract) any {
	d := c.draft()
	return struct {
		Draft
		PriceAgreed        bool    `json:"priceAgreed"`
		Cancelled          bool    `json:"cancelled"`
		CancellationReason *string `json:"cancellationReason"`
		NotificationSent   bool    `json:"notificationSent"`
	}{d, c.PriceAgreed, c.CancelledAt != nil, c.CancellationReason, c.NotificationSent}
}

// entry tells of a contract, and that its car's days changed.
func entry(a record.Action, k record.Kind, c Contract, description string, before, after any) record.Entry {
	return record.Entry{
		Action: a, Resource: "contract", ResourceID: string(c.ID), Description: description, Before: before, After: after,
		Changes: []record.Change{record.Changed(record.Contracts, k, c.Meta), carChange(c.CarID)},
	}
}

// carChange says that what holds a car changed. The car itself did not: no version.
func carChange(id fleet.CarID) record.Change {
	return record.Change{Topic: record.Cars, ID: string(id), Kind: record.Updated}
}
