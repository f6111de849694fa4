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
	office, _, err := openOffice(ctx, c, nil, p.Version)
	if err != nil {
		return cli.DemoMade{}, err
	}
	f := &filling{office: office, zone: c.Zone, tell: tell, last: map[record.Topic]record.Change{}}
	err = f.fill(ctx, company)
	f.made.Records = f.kept
	return f.made, errors.Join(err, office.Close())
}

// A filling is how far a database is filled.
type filling struct {
	office *Office
	zone   *time.Location
	tell   func(done int)
	kept   int                            // records
	last   map[record.Topic]record.Change // of each topic the record that was kept last
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
	cars := kind[fleet.Car]{f, &f.made.Cars, store.NewCars(db).InsertAll, func(v fleet.Car) record.Change {
		return record.Changed(record.Cars, record.Created, v.Meta)
	}}
	if err := cars.keepAll(ctx, slices.Values(c.Cars())); err != nil {
		return err
	}
	people := kind[customers.Customer]{f, &f.made.Customers, store.NewCustomers(db).InsertAll, func(v customers.Customer) record.Change {
		return record.Changed(record.Customers, record.Created, v.Meta)
	}}
	if err := people.keepAll(ctx, c.Customers()); err != nil {
		return err
	}
	insert := func(ctx context.Context, rows []rental.Contract) error {
		return store.NewContracts(db).InsertAll(ctx, rows, f.zone)
	}
	contracts := kind[rental.Contract]{f, &f.made.Contracts, insert, func(v rental.Contract) record.Change {
		return record.Changed(record.Contracts, record.Created, v.Meta)
	}}
	return contracts.keepAll(ctx, f.dated(c.Contracts()))
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

// A kind is one of the three kinds of records that are kept.
type kind[T any] struct {
	*filling
	count  *int // of those that are kept
	insert func(context.Context, []T) error
	change func(T) record.Change // tells the feed of one
}

// keepAll keeps records, so many in a transaction.
func (k kind[T]) keepAll(ctx context.Context, all iter.Seq[T]) error {
	batch := make([]T, 0, perTransaction)
	for v := range all {
		if batch = append(batch, v); len(batch) < perTransaction {
			continue
		}
		if err := k.keepTogether(ctx, batch); err != nil {
			return err
		}
		batch = batch[:0]
	}
	if len(batch) == 0 {
		return nil
	}
	return k.keepTogether(ctx, batch)
}

// keepTogether keeps records in one transaction, and counts them.
func (k kind[T]) keepTogether(ctx context.Context, rows []T) error {
	err := k.office.DB.InLongTx(ctx, func(ctx context.Context) error {
		if k.kept == 0 {
			if err := k.mustBeEmpty(ctx); err != nil {
				return err
			}
		}
		done := k.kept
		for step := range slices.Chunk(rows, perStep) {
			if err := k.insert(ctx, step); err != nil {
				return err
			}
			done += len(step)
			k.tell(done)
		}
		return nil
	})
	if err != nil {
		return err
	}
	*k.count, k.kept = *k.count+len(rows), k.kept+len(rows)
	last := k.change(rows[len(rows)-1])
	k.last[last.Topic] = last
	return nil
}

// mustBeEmpty refuses a database that is in use. It is asked in the transaction
// of the first records, so that of two demos at a time one is refused.
func (f *filling) mustBeEmpty(ctx context.Context) error {
	used, err := f.office.DB.Used(ctx)
	if err == nil && used {
		err = errUsed
	}
	return err
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
		Action: record.Create, Resource: "demo",
		Description: fmt.Sprintf("%s: %d cars, %d customers, %d contracts", did, f.made.Cars, f.made.Customers, f.made.Contracts),
	}
	for _, topic := range []record.Topic{record.Cars, record.Customers, record.Contracts} {
		if change, kept := f.last[topic]; kept {
			e.Changes = append(e.Changes, change)
		}
	}
	return f.office.Identity.Do(ctx, func(context.Context) (record.Entry, error) { return e, nil })
}
