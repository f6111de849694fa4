package app

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"cartracker/internal/cli"
	"cartracker/internal/config"
	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/demo"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/record"
	"cartracker/internal/rental"
	"cartracker/internal/store"
)

const (
	perTransaction = 10_000 // records: the log that SQLite writes ahead stays small
	perStep        = 2_000  // records between two calls that tell how far it is
)

var errUsed = fault.New(fault.Conflict, "not_empty", "there are, or were, cars, customers or contracts in this database; demo fills an empty one only")

// Demo fills an empty database with a company that is made up.
func (p Program) Demo(ctx context.Context, c *config.Config, size cli.DemoSize, tell func(done int)) (cli.DemoMade, error) {
	company, err := demo.New(demo.Size(size), date.At(time.Now()), c.Zone)
	if err != nil {
		return cli.DemoMade{}, err
	}
	office, _, err := openOffice(ctx, c, p.Version)
	if err != nil {
		return cli.DemoMade{}, err
	}
	f := &filling{office: office, zone: c.Zone, tell: tell}
	err = f.fill(ctx, company)
	f.made.Records = f.kept
	return f.made, errors.Join(err, office.DB.Close())
}

// A filling is how far a database is filled.
type filling struct {
	office *Office
	zone   *time.Location
	tell   func(done int)
	kept   int             // records
	last   []record.Change // of each kind the record that was kept last
	made   cli.DemoMade
}

// fill keeps the company, and then an entry in the audit log that says how
// much of it there is, also when that is not all.
func (f *filling) fill(ctx context.Context, c *demo.Company) error {
	if err := f.office.DB.PrepareBulk(ctx); err != nil {
		return err
	}
	err := f.keep(ctx, c)
	if f.kept > 0 {
		err = errors.Join(err, f.journal(context.WithoutCancel(ctx), err != nil))
	}
	if err != nil {
		return err
	}
	f.made.SetupNeeded, err = f.office.Identity.SetupNeeded(ctx)
	return err
}

func (f *filling) keep(ctx context.Context, c *demo.Company) error {
	db := f.office.DB
	err := keepAll(ctx, f, slices.Values(c.Cars()), &f.made.Cars, store.NewCars(db).InsertAll,
		func(v fleet.Car) record.Change { return record.Changed(record.Cars, record.Created, v.Meta) })
	if err != nil {
		return err
	}
	err = keepAll(ctx, f, c.Customers(), &f.made.Customers, store.NewCustomers(db).InsertAll,
		func(v customers.Customer) record.Change {
			return record.Changed(record.Customers, record.Created, v.Meta)
		})
	if err != nil {
		return err
	}
	contracts := func(ctx context.Context, rows []rental.Contract) error {
		return store.NewContracts(db).InsertAll(ctx, rows, f.zone)
	}
	return keepAll(ctx, f, f.dated(c.Contracts()), &f.made.Contracts, contracts,
		func(v rental.Contract) record.Change {
			return record.Changed(record.Contracts, record.Created, v.Meta)
		})
}

// dated notes the first and the last day of the contracts that pass.
func (f *filling) dated(all iter.Seq[rental.Contract]) iter.Seq[rental.Contract] {
	return func(yield func(rental.Contract) bool) {
		for k := range all {
			if f.made.First.IsZero() {
				f.made.First = k.StartDate
			}
			f.made.First, f.made.Last = date.Earlier(f.made.First, k.StartDate), date.Later(f.made.Last, k.EndDate)
			if !yield(k) {
				return
			}
		}
	}
}

// keepAll keeps rows, so many in a transaction, and counts those that are kept.
func keepAll[T any](ctx context.Context, f *filling, rows iter.Seq[T], count *int, insert func(context.Context, []T) error, change func(T) record.Change) error {
	batch := make([]T, 0, perTransaction)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		if err := keepTogether(ctx, f, batch, insert); err != nil {
			return err
		}
		*count, f.kept = *count+len(batch), f.kept+len(batch)
		if last := change(batch[len(batch)-1]); len(f.last) == 0 || f.last[len(f.last)-1].Topic != last.Topic {
			f.last = append(f.last, last)
		} else {
			f.last[len(f.last)-1] = last
		}
		batch = batch[:0]
		return nil
	}
	for row := range rows {
		if batch = append(batch, row); len(batch) == perTransaction {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// keepTogether keeps rows in one transaction. The first of them all makes sure
// that the database is empty.
func keepTogether[T any](ctx context.Context, f *filling, rows []T, insert func(context.Context, []T) error) error {
	return f.office.DB.InTx(ctx, func(ctx context.Context) error {
		if f.kept == 0 {
			if used, err := f.office.DB.Used(ctx); err != nil || used {
				return errors.Join(err, map[bool]error{true: errUsed}[used])
			}
		}
		done := f.kept
		for step := range slices.Chunk(rows, perStep) {
			if err := insert(ctx, step); err != nil {
				return err
			}
			done += len(step)
			f.tell(done)
		}
		return nil
	})
}

// journal says what was kept. The feed gets one change of each topic, not one
// of each record: nobody has read a record that is new, so that it is enough
// for a program that runs meanwhile to hear which lists are others now.
func (f *filling) journal(ctx context.Context, stopped bool) error {
	did := "filled the empty database with a demo company"
	if stopped {
		did = "began to fill the empty database with a demo company, and was stopped"
	}
	e := record.Entry{
		Action: record.Create, Resource: "demo", Changes: f.last,
		Description: fmt.Sprintf("%s: %d cars, %d customers, %d contracts", did, f.made.Cars, f.made.Customers, f.made.Contracts),
	}
	return f.office.Identity.Do(ctx, func(context.Context) (record.Entry, error) { return e, nil })
}
