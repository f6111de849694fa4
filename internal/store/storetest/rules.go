package storetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/money"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

// numbersGapless makes contracts at once, of which some are refused and some
// rolled back, across the turn of a year.
func numbersGapless(t *testing.T, w *world) {
	customer := w.addCustomer(t, "Ana")
	var cars []fleet.Car
	for _, plate := range []string{"A1", "A2", "A3", "A4"} {
		cars = append(cars, w.addCar(t, plate))
	}
	race := func(year int) int {
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				rent := func(ctx context.Context) error {
					_, err := w.rental.Rent(record.As(ctx, record.CallerOf(as(t, w.employee))), func(d *rental.Draft) error {
						d.CarID, d.CustomerID = cars[i%4].ID, customer.ID
						d.StartDate, d.EndDate = date.New(year, time.May, 1+i/8), date.New(year, time.May, 2+i/8)
						return nil
					})
					return err
				}
				if i%5 == 0 {
					err := w.db.InTx(t.Context(), func(ctx context.Context) error {
						if err := rent(ctx); err != nil {
							return err
						}
						return errBoom
					})
					if fault.Of(err).Kind != fault.Conflict {
						wantErr(t, "rolled back", err, errBoom)
					}
					return
				}
				if err := rent(t.Context()); err != nil {
					wantErr(t, "Rent", err, rental.ErrCarTaken)
				}
			})
		}
		wg.Wait()
		return w.count(t, "SELECT COUNT(*) FROM contracts WHERE start_date >= $1", date.New(year, time.January, 1).String())
	}
	n := race(2026)
	w.gapless(t, "CTR-2026-", n)
	w.pass(365 * 24 * time.Hour)
	m := race(2027)
	w.gapless(t, "CTR-2027-", m)
	w.gapless(t, "CTR-2026-", n)
	if n < 10 || m < 10 {
		t.Errorf("only %d and %d contracts were made", n, m)
	}
}

// contractRules walks a contract through what the rental desk does with it.
func contractRules(t *testing.T, w *world) {
	car, other, customer := w.addCar(t, "A11-A-111"), w.addCar(t, "B22-B-222"), w.addCustomer(t, "Ana")
	desk := as(t, w.employee)
	c := w.mustRent(t, car.ID, customer.ID, 0, 4)
	if c.Number != "CTR-2026-00001" || c.Days != 4 || c.TotalAmount != money.Minor(180_00) || c.PriceAgreed || c.Status != rental.Active ||
		c.Customer.Name != "Ana" || c.Car.LicensePlate != "A11-A-111" || c.CreatedBy.Username != "desk" {
		t.Errorf("rented %+v", c)
	}
	amend := func(change func(*rental.Draft)) (rental.Contract, error) {
		return w.rental.Amend(desk, c.ID, record.AnyVersion, func(d *rental.Draft) error { change(d); return nil })
	}
	got := must(amend(func(*rental.Draft) {}))(t)
	if got.Version != 1 {
		t.Errorf("nothing changed, and the version is %d", got.Version)
	}
	got = must(amend(func(d *rental.Draft) { d.EndDate = day(5) }))(t)
	if got.Version != 2 || got.Days != 5 || got.TotalAmount != money.Minor(225_00) || got.UpdatedBy.Username != "desk" {
		t.Errorf("extended: %+v", got)
	}
	w.mustRent(t, other.ID, customer.ID, 2, 3)
	_, err := amend(func(d *rental.Draft) { d.CarID = other.ID })
	wantErr(t, "to a car that is taken", err, rental.ErrCarTaken)
	if got := must(w.rental.Get(desk, c.ID))(t); got.CarID != car.ID || got.Version != 2 {
		t.Errorf("after a refusal: %+v", got)
	}
	setCar(t, w, other.ID, func(c *fleet.Details) { c.Status = fleet.Maintenance })
	_, err = w.rent(t, other.ID, customer.ID, 20, 21)
	wantErr(t, "a car in maintenance", err, rental.ErrCarNotReady)
	_, err = amend(func(d *rental.Draft) { d.CarID = other.ID; d.StartDate, d.EndDate = day(10), day(12) })
	wantErr(t, "to a car in maintenance", err, rental.ErrCarNotReady)
	setCar(t, w, car.ID, func(c *fleet.Details) { c.Status, c.PricePerDay = fleet.Unavailable, money.Minor(99_00) })
	got = must(amend(func(d *rental.Draft) { d.EndDate = day(6) }))(t) // its own car's status is not asked for
	if got.TotalAmount != money.Minor(270_00) {
		t.Errorf("extended at %s, want the rate that was kept", got.TotalAmount)
	}
	must(w.fleet.Archive(as(t, w.admin), fleet.Ref(other.ID), true))(t)
	_, err = w.rent(t, other.ID, customer.ID, 20, 21)
	wantErr(t, "an archived car", err, rental.ErrCarArchived)

	_, err = w.rental.Cancel(desk, c.ID, record.AnyVersion, "too short         ")
	if f := fault.Of(err); f.Kind != fault.Invalid || f.Fields[0].Field != "reason" {
		t.Errorf("cancelled without a reason: %v", err)
	}
	w.pass(2 * 24 * time.Hour)
	got = must(w.rental.Cancel(desk, c.ID, record.AnyVersion, "the engine broke"))(t)
	if got.Status != rental.Cancelled || *got.CancellationReason != "the engine broke" || *got.CancelledAt != w.now() {
		t.Errorf("cancelled: %+v", got)
	}
	if holds := must(w.ledger.Holds(desk, car.ID, span(0, 30), ""))(t); len(holds) != 1 || holds[0].Span != span(0, 2) {
		t.Errorf("a contract that is cancelled on its third day holds %v", holds)
	}
	_, err = w.rental.Cancel(desk, c.ID, record.AnyVersion, "the engine broke")
	wantErr(t, "cancelled again", err, rental.ErrCancelled)
	_, err = amend(func(d *rental.Draft) { d.EndDate = day(9) })
	wantErr(t, "extended though cancelled", err, rental.ErrCancelled)
	if got := must(amend(func(d *rental.Draft) { d.AdditionalNotes = ptr("towed") }))(t); *got.AdditionalNotes != "towed" {
		t.Errorf("notes of a cancelled contract: %+v", got)
	}
	marked := must(w.rental.MarkNotified(desk, c.ID))(t)
	if again := must(w.rental.MarkNotified(desk, c.ID))(t); !marked.NotificationSent || again.Version != marked.Version {
		t.Errorf("marked %+v, and again %+v", marked, again)
	}
}

func setCar(t *testing.T, w *world, id fleet.CarID, change func(*fleet.Details)) {
	t.Helper()
	must(w.fleet.Amend(as(t, w.admin), fleet.Ref(id), record.AnyVersion, func(d *fleet.Draft) error { change(&d.Details); return nil }))(t)
}

// deleteRules deletes what contracts need, before and after.
func deleteRules(t *testing.T, w *world) {
	car, customer := w.addCar(t, "A11-A-111"), w.addCustomer(t, "Ana")
	admin := as(t, w.admin)
	c := w.mustRent(t, car.ID, customer.ID, 0, 2)
	later := w.mustRent(t, car.ID, customer.ID, 5, 6)
	wantErr(t, "a contract that has begun", w.rental.Remove(admin, c.ID, record.AnyVersion), rental.ErrContractBegan)
	wantErr(t, "one that has not", w.rental.Remove(admin, later.ID, record.AnyVersion), nil)
	wantErr(t, "it again", w.rental.Remove(admin, later.ID, record.AnyVersion), rental.ErrNoContract)
	if holds := must(w.ledger.Holds(admin, car.ID, span(0, 30), ""))(t); len(holds) != 1 {
		t.Errorf("a deleted contract holds its car: %v", holds)
	}
	if next := w.mustRent(t, car.ID, customer.ID, 5, 6); next.Number != "CTR-2026-00003" {
		t.Errorf("the number of a deleted contract is used again: %s", next.Number)
	} else {
		wantErr(t, "Remove", w.rental.Remove(admin, next.ID, record.AnyVersion), nil)
	}
	w.pass(2 * 24 * time.Hour) // it is the day of return
	wantErr(t, "a car that is out", w.fleet.Remove(admin, fleet.Ref(car.ID), record.AnyVersion), fleet.ErrCarInUse)
	wantErr(t, "a customer who has one", w.clients.Remove(admin, customer.ID, record.AnyVersion), customers.ErrCustomerInUse)
	if got := must(w.cars.Get(admin, fleet.Ref(car.ID), day(2)))(t); got.Version != 1 {
		t.Errorf("a car that was not deleted is in version %d", got.Version)
	}
	w.pass(24 * time.Hour)
	wantErr(t, "the car after it", w.fleet.Remove(admin, fleet.Ref(car.ID), record.AnyVersion), nil)
	wantErr(t, "the customer after it", w.clients.Remove(admin, customer.ID, record.AnyVersion), nil)

	got := must(w.rental.Get(admin, c.ID))(t)
	if got.Status != rental.Ended || got.Car.LicensePlate != "A11-A-111" || got.Customer.Name != "Ana" {
		t.Errorf("what is left of the contract: %+v", got)
	}
	got = must(w.rental.Amend(admin, c.ID, record.AnyVersion, func(d *rental.Draft) error {
		d.TotalAmount = ptr(money.Minor(80_00))
		return nil
	}))(t)
	if got.TotalAmount != money.Minor(80_00) || !got.PriceAgreed {
		t.Errorf("its price was corrected to %s", got.TotalAmount)
	}
	_, err := w.rental.Amend(admin, c.ID, record.AnyVersion, func(d *rental.Draft) error {
		d.EndDate, d.TotalAmount = day(20), nil
		return nil
	})
	if f := fault.Of(err); f.Kind != fault.Invalid || len(f.Fields) != 2 {
		t.Errorf("extended without car and customer: %v", err)
	}
}
