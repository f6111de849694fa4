package fleet

import (
	"context"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/ident"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

var errDeskOnly = record.ErrForbidden.Say("employees change status, mileage and location of a car only")

// A Store keeps cars. Deleted ones are not there. It tells of each car
// whether it is rented on the day today, and when it is free next.
type Store interface {
	// Insert returns ErrPlateTaken rather than keep two live cars of one plate.
	Insert(context.Context, *Car) error
	Get(ctx context.Context, ref Ref, today date.Date) (Car, error)
	List(ctx context.Context, f Filter, today date.Date) (page.Of[Car], error)
	// Update changes a car that nobody else can change or rent at the same time.
	Update(ctx context.Context, ref Ref, today date.Date, change func(*Car) error) (Car, error)
	// Delete hides a car for ever. Its license plate is free again.
	Delete(context.Context, CarID) error
	// Needed reports whether a contract that is not over on the day today has
	// the car; a zero day asks for any contract.
	Needed(ctx context.Context, id CarID, today date.Date) (bool, error)
	Bulk
}

// A Service keeps the fleet. All of its fields are required.
type Service struct {
	record.Env
	Store Store
}

// List returns the cars that f selects.
func (s *Service) List(ctx context.Context, f Filter) (page.Of[Car], error) {
	if err := record.Require(ctx, record.SignedIn); err != nil {
		return page.Of[Car]{}, err
	}
	cars, err := s.Store.List(ctx, f, s.Today())
	for i := range cars.Items {
		cars.Items[i] = shownTo(ctx, cars.Items[i])
	}
	return cars, err
}

// Available returns the cars that nobody has on any day of the span, that are
// not archived and whose status is available.
func (s *Service) Available(ctx context.Context, free date.Span, f Filter) (page.Of[Car], error) {
	if f.Status != "" && f.Status != Available || f.Archived == "true" {
		return page.Of[Car]{}, page.ErrQuery.Say("available cars have the status available and are not archived")
	}
	f.Free, f.Status, f.Archived = free, Available, "false"
	return s.List(ctx, f)
}

// Get returns one car.
func (s *Service) Get(ctx context.Context, ref Ref) (Car, error) {
	if err := record.Require(ctx, record.SignedIn); err != nil {
		return Car{}, err
	}
	if !ref.Valid() {
		return Car{}, ErrBadRef
	}
	car, err := s.Store.Get(ctx, ref, s.Today())
	return shownTo(ctx, car), err
}

// Add takes a new car into the fleet.
func (s *Service) Add(ctx context.Context, fill func(*Draft) error) (Car, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return Car{}, err
	}
	car, e, err := s.make(ctx, fill)
	if err != nil {
		return Car{}, err
	}
	e.Notice = &record.Notice{Type: record.CarNew, Data: map[string]any{
		"carId": car.ID, "car": car.Manufacturer + " " + car.Model, "licensePlate": car.LicensePlate,
	}}
	err = s.Do(ctx, func(ctx context.Context) (record.Entry, error) { return e, s.Store.Insert(ctx, &car) })
	return car, err
}

// blank is a car that nothing is written about yet.
func blank() Draft { return Draft{Details: Details{Status: Available}} }

// make returns a new car, and what the journal says of it.
func (s *Service) make(ctx context.Context, fill func(*Draft) error) (Car, record.Entry, error) {
	d := blank()
	if err := fault.All(fill(&d), d.Validate(s.Today()), d.checkMileage(0)); err != nil {
		return Car{}, record.Entry{}, err
	}
	by := record.Author(ctx)
	car := Car{
		Meta: record.NewMeta[CarID](s.Env), Details: d.Details,
		Authors: record.Authors{CreatedBy: by, UpdatedBy: by}, NextFreeOn: s.Today(),
	}
	return car, entry(record.Create, record.Created, car, "added the car "+car.LicensePlate, nil, car.Details), nil
}

// Amend lets change rewrite a car. Employees may change its status, mileage
// and location only.
func (s *Service) Amend(ctx context.Context, ref Ref, version int, change func(*Draft) error) (Car, error) {
	return s.amend(ctx, ref, version, func(ctx context.Context, car *Car) (string, error) { return s.rewrite(ctx, car, change) })
}

// rewrite lets change rewrite a car, and tells what it did.
func (s *Service) rewrite(ctx context.Context, car *Car, change func(*Draft) error) (string, error) {
	before := car.Details
	d := Draft{Details: before}
	if err := fault.All(change(&d), d.Validate(s.Today()), d.checkMileage(before.Mileage)); err != nil {
		return "", err
	}
	if record.CallerOf(ctx).Role != record.Admin && !onlyDesk(before, d.Details) {
		return "", errDeskOnly
	}
	car.Details = d.Details
	if d.Mileage < before.Mileage {
		return "changed the car " + car.LicensePlate + ", mileage corrected: " + *d.MileageCorrection, nil
	}
	return "changed the car " + car.LicensePlate, nil
}

// onlyDesk reports whether two versions differ in nothing but what the rental desk changes.
func onlyDesk(before, after Details) bool {
	after.Status, after.Mileage, after.CurrentLocation = before.Status, before.Mileage, before.CurrentLocation
	return record.Same(before, after)
}

// Archive takes a car out of the lists and out of what can be rented, or puts it back.
func (s *Service) Archive(ctx context.Context, ref Ref, archived bool) (Car, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return Car{}, err
	}
	return s.amend(ctx, ref, record.AnyVersion, func(ctx context.Context, car *Car) (string, error) {
		if car.IsArchived == archived {
			return "", nil
		}
		car.IsArchived = archived
		if !archived {
			car.ArchivedAt, car.ArchivedBy = nil, nil
			return "put the car " + car.LicensePlate + " back into the fleet", nil
		}
		now := s.Now()
		car.ArchivedAt, car.ArchivedBy = &now, record.Author(ctx)
		return "archived the car " + car.LicensePlate, nil
	})
}

// amend lets change rewrite a car and tell what it did.
func (s *Service) amend(ctx context.Context, ref Ref, version int, change func(context.Context, *Car) (string, error)) (car Car, err error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return Car{}, err
	}
	if !ref.Valid() {
		return Car{}, ErrBadRef
	}
	err = s.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		var before Car
		var did string
		car, err = s.Store.Update(ctx, ref, s.Today(), func(c *Car) error {
			if err := c.Expect(version); err != nil {
				return err
			}
			before = *c
			if did, err = change(ctx, c); err != nil {
				return err
			}
			return s.touch(ctx, c, before)
		})
		if err != nil || before.Version == car.Version {
			return record.Entry{}, err
		}
		return entry(record.Update, record.Updated, car, did, written(before), written(car)), nil
	})
	return car, err
}

// touch says who changed a car and when; ErrUnchanged if it is as it was before.
func (s *Service) touch(ctx context.Context, c *Car, before Car) error {
	if record.Same(before, *c) {
		return record.ErrUnchanged
	}
	c.Touch(s.Now())
	c.UpdatedBy = record.Author(ctx)
	return nil
}

// Remove deletes a car that no active or upcoming contract needs.
func (s *Service) Remove(ctx context.Context, ref Ref, version int) error {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return err
	}
	if !ref.Valid() {
		return ErrBadRef
	}
	return s.remove(ctx, ref, version, s.Today())
}

// remove deletes a car that no contract needs on the day since or later.
func (s *Service) remove(ctx context.Context, ref Ref, version int, since date.Date) error {
	return s.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		var before Details
		car, err := s.Store.Update(ctx, ref, s.Today(), func(c *Car) error { // locks it against new contracts
			before = c.Details
			c.UpdatedBy = record.Author(ctx)
			if err := c.Expect(version); err != nil {
				return err
			}
			c.Touch(s.Now())
			return nil
		})
		if err != nil {
			return record.Entry{}, err
		}
		if needed, err := s.Store.Needed(ctx, car.ID, since); err != nil {
			return record.Entry{}, err
		} else if needed && since.IsZero() {
			return record.Entry{}, ErrCarInUse.Say("a contract has this car")
		} else if needed {
			return record.Entry{}, ErrCarInUse
		}
		return entry(record.Delete, record.Deleted, car, "deleted the car "+car.LicensePlate, before, nil), s.Store.Delete(ctx, car.ID)
	})
}

// written is what the audit log compares of a car.
func written(c Car) any {
	return struct {
		Details
		IsArchived bool `json:"isArchived"`
	}{c.Details, c.IsArchived}
}

func entry(a record.Action, kind record.Kind, c Car, description string, before, after any) record.Entry {
	return record.Entry{
		Action: a, Resource: "car", ResourceID: string(c.ID), Description: description, Before: before, After: after,
		Changes: []record.Change{record.Changed(record.Cars, kind, c.Meta)},
	}
}

// shownTo leaves out the people behind a car for callers who may not see people.
func shownTo(ctx context.Context, c Car) Car {
	if !record.SeesPeople(ctx) {
		c.Authors, c.ArchivedBy = record.Authors{}, nil
	}
	return c
}

// IsID reports whether r is an id rather than a license plate.
func (r Ref) IsID() bool { return ident.Valid(string(r)) }
