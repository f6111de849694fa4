package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/money"
	"cartracker/internal/rental"
)

// contractsTogether keeps more contracts than one statement takes, of two
// years and some of them cancelled, and looks at what became of them.
func contractsTogether(t *testing.T, w *world) {
	const n = 450
	car, other, customer := w.addCar(t, "A11-A-111"), w.addCar(t, "B22-B-222"), w.addCustomer(t, "Ana")
	w.mustRent(t, other.ID, customer.ID, 0, 4) // takes CTR-2026-00001
	eve := date.At(time.Date(2025, time.December, 31, 12, 0, 0, 0, time.UTC))
	all := make([]rental.Contract, n)
	for i := range all {
		all[i] = rental.Contract{
			Meta: newMeta[rental.ContractID](eve.Add(time.Duration(i) * time.Minute)), CarID: car.ID, CustomerID: customer.ID,
			StartDate: day(3 * i), EndDate: day(3*i + 3), Days: 3, DailyRate: money.Minor(40_00), TotalAmount: money.Minor(120_00),
		}
	}
	all[0].CancelledAt, all[0].CancellationReason = ptr(day(1).Begins(time.UTC)), ptr("the customer is ill")
	all[1].CancelledAt, all[1].CancellationReason = ptr(day(2).Begins(time.UTC)), ptr("the customer is ill")
	abroad := time.FixedZone("", 11*60*60) // where the new year begins an hour later, at the contract 60
	keep := func(all []rental.Contract) error {
		return w.db.InTx(t.Context(), func(ctx context.Context) error { return w.contracts.InsertAll(ctx, all, abroad) })
	}
	if err := keep(all); err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]string{0: "CTR-2025-00001", 59: "CTR-2025-00060", 60: "CTR-2026-00002", n - 1: fmt.Sprintf("CTR-2026-%05d", n-59)} {
		got := must(w.contracts.Get(t.Context(), all[i].ID, day(0)))(t)
		if got.Number != want || all[i].Number != want || got.StartDate != all[i].StartDate || got.TotalAmount != all[i].TotalAmount {
			t.Errorf("the contract %d is %+v, want %s", i, got, want)
		}
	}
	if next := w.mustRent(t, other.ID, customer.ID, 10, 12); next.Number != fmt.Sprintf("CTR-2026-%05d", n-58) {
		t.Errorf("the next contract is %s", next.Number)
	}
	w.gapless(t, "CTR-2025-", 60)
	w.gapless(t, "CTR-2026-", n-58)
	w.noOverlap(t)
	holds := must(w.ledger.Holds(t.Context(), car.ID, span(0, 9), ""))(t)
	if len(holds) != 2 || holds[0].Span != span(0, 1) || holds[1].Span != span(6, 9) {
		t.Errorf("the car has the holds %v", holds)
	}
	late := all[n-1]
	late.Meta = newMeta[rental.ContractID](eve)
	wantErr(t, "a car that is taken", keep([]rental.Contract{late}), rental.ErrCarTaken)
	w.gapless(t, "CTR-2025-", 60)
}

// used tells a database in which nothing was rented from one in which something was.
func used(t *testing.T, w *world) {
	is := func() (used bool) {
		t.Helper()
		w.tx(t, func(ctx context.Context) (err error) {
			used, err = w.db.Used(ctx)
			return err
		})
		return used
	}
	if is() {
		t.Error("an empty database is used")
	}
	c := w.addCar(t, "A11-A-111")
	if !is() {
		t.Error("a database with a car is not used")
	}
	w.tx(t, func(ctx context.Context) error { return w.cars.Delete(ctx, c.ID) })
	if !is() {
		t.Error("a database that had a car is not used")
	}
}
