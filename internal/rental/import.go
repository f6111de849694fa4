package rental

import (
	"context"
	"encoding/json"
	"errors"

	"cartracker/internal/customers"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/ident"
	"cartracker/internal/money"
	"cartracker/internal/record"
)

// ErrWasCancelled refuses a row of a file about a contract that was cancelled
// and is not recorded: what it held and earned the row does not tell.
var ErrWasCancelled = fault.New(fault.Conflict, "was_cancelled", "was cancelled and is not recorded here; an import adds no cancelled contracts")

// errNotCancelled refuses a row that is not what is recorded: to cancel a
// contract takes a reason, and frees its car.
var errNotCancelled = fault.New(fault.Conflict, "not_cancelled", "is cancelled in the file and not here; cancel it here")

// A Row is what one row of a file says about a contract.
type Row struct {
	LicensePlate, PassportNumber string
	Number                       string // the contract's, if the file has it
	Cancelled                    bool   // the file says that it was cancelled
	Fill                         func(*Draft) error
}

// Import takes rows of a file into the contracts, inside a transaction. Those
// that are there by license plate and start date are changed, others are made
// at the car's price of today unless the row has another, whatever the car's
// status. It tells the audit log, but not the feed of changes.
func (s *Service) Import(ctx context.Context, rows []Row, seen record.Seen) ([]record.Row, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return nil, err
	}
	out := make([]record.Row, len(rows))
	here := map[string]bool{}
	var entries []record.Entry
	for i, r := range rows {
		row, e, err := s.importRow(ctx, r, here, seen)
		if err != nil {
			if row, err = record.RefusedRow(err); err != nil {
				return nil, err
			}
		}
		if out[i] = row; row.Did != record.Refused {
			here[row.ID] = true
		}
		if e.Action != "" {
			e.Changes = nil
			entries = append(entries, e)
		}
	}
	return out, s.Journal.Write(ctx, entries...)
}

func (s *Service) importRow(ctx context.Context, r Row, here map[string]bool, seen record.Seen) (record.Row, record.Entry, error) {
	known, d, err := s.known(ctx, r)
	switch {
	case errors.Is(err, ErrNoContract) && r.Cancelled:
		return record.Row{}, record.Entry{}, ErrWasCancelled
	case errors.Is(err, ErrNoContract):
		return s.importNew(ctx, d)
	case err != nil:
		return record.Row{}, record.Entry{}, err
	case r.Cancelled && known.CancelledAt == nil:
		return record.Row{}, record.Entry{}, errNotCancelled
	}
	again, err := seen(ctx, []string{string(known.ID)})
	if err == nil && (here[string(known.ID)] || len(again) > 0) {
		err = record.ErrTwice
	}
	if err != nil {
		return record.Row{}, record.Entry{}, err
	}
	return s.importKnown(ctx, known.ID, d.CustomerID, r)
}

// known returns the contract that a row is about, and what the row says. With a
// number it is found even if its car or customer is deleted by now.
func (s *Service) known(ctx context.Context, r Row) (Contract, Draft, error) {
	if r.Number != "" {
		var d Draft
		_ = r.Fill(&d) // what is wrong is told when the row is taken
		c, err := s.Store.Numbered(ctx, r.Number, s.Today())
		if err == nil && c.Car.LicensePlate == r.LicensePlate && c.Customer.PassportNumber == r.PassportNumber && c.StartDate == d.StartDate {
			d.CustomerID = c.CustomerID
			return c, d, nil
		}
		if err != nil && !errors.Is(err, ErrNoContract) {
			return Contract{}, d, err
		}
	}
	car, d, err := s.read(ctx, r)
	if err != nil {
		return Contract{}, d, err
	}
	c, err := s.Store.Known(ctx, car.ID, d.StartDate, r.Cancelled, s.Today())
	return c, d, err
}

// read returns the car of a row, and what the row says. It reports everything
// that is wrong with it.
func (s *Service) read(ctx context.Context, r Row) (fleet.Car, Draft, error) {
	var bad fault.Fields
	bad.Check(r.LicensePlate != "", "licensePlate", "is required")
	bad.Check(r.PassportNumber != "", "passportNumber", "is required")
	d := Draft{CarID: ident.New[fleet.CarID](), CustomerID: ident.New[customers.CustomerID]()} // ids of nothing, until they are found
	car, err := s.Cars.Get(ctx, fleet.Ref(r.LicensePlate), s.Today())
	switch {
	case err == nil:
		d.CarID = car.ID
	case errors.Is(err, fleet.ErrNoCar):
		bad.Check(false, "licensePlate", "there is no car with this license plate")
	default:
		return car, d, err
	}
	customer, err := s.Customers.ByPassport(ctx, r.PassportNumber)
	switch {
	case err == nil:
		d.CustomerID = customer.ID
	case errors.Is(err, customers.ErrNoCustomer):
		bad.Check(false, "passportNumber", "there is no customer with this passport number")
	default:
		return car, d, err
	}
	err = fault.All(bad.Err(), r.Fill(&d), d.Validate())
	d.settle(car.PricePerDay)
	return car, d, err
}

// settle drops a total that is nothing but the price of the days.
func (d *Draft) settle(rate money.Amount) {
	if d.DailyRate != nil {
		rate = *d.DailyRate
	}
	c := Contract{StartDate: d.StartDate, EndDate: d.EndDate}
	if d.TotalAmount != nil && *d.TotalAmount == rate.Times(c.Hold().Days()) {
		d.TotalAmount = nil
	}
}

func (s *Service) importNew(ctx context.Context, d Draft) (record.Row, record.Entry, error) {
	c := s.begin(ctx, d)
	e, err := s.rent(ctx, &c, d, inFleet)
	return record.Row{Did: record.Added, ID: string(c.ID), Version: c.Version}, e, err
}

func (s *Service) importKnown(ctx context.Context, id ContractID, customer customers.CustomerID, r Row) (record.Row, record.Entry, error) {
	c, before, e, err := s.update(ctx, id, record.AnyVersion, func(ctx context.Context, c *Contract) (string, error) {
		was := c.TotalAmount
		return s.rewrite(ctx, c, func(d *Draft) error {
			d.CustomerID = customer
			err := r.Fill(d)
			if d.TotalAmount != nil && *d.TotalAmount != was {
				d.settle(c.DailyRate)
			}
			return err
		})
	})
	row := record.Row{Did: record.Unchanged, ID: string(id), Version: c.Version}
	if e.Action != "" {
		row.Did, row.Before = record.Altered, before.again()
	}
	return row, e, err
}

// again returns the draft that makes c once more.
func (c *Contract) again() Draft {
	d := c.draft()
	if !c.PriceAgreed {
		d.TotalAmount = nil
	}
	return d
}

// TakeBack undoes what an import did to a contract that has the same version
// since: it becomes what it was before, or is deleted if it was not there,
// also if it has begun. Its number is not used again. It returns the version
// that the contract has then.
func (s *Service) TakeBack(ctx context.Context, id ContractID, version int, before json.RawMessage) (int, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return 0, err
	}
	if before == nil {
		return 0, s.remove(ctx, id, version, untold, func(*Contract) error { return nil })
	}
	var c Contract
	err := s.Do(ctx, func(ctx context.Context) (e record.Entry, err error) {
		c, _, e, err = s.update(ctx, id, version, func(ctx context.Context, c *Contract) (string, error) {
			return s.rewrite(ctx, c, func(d *Draft) error {
				*d = Draft{}
				return json.Unmarshal(before, d)
			})
		})
		return e, err
	})
	return c.Version, err
}
