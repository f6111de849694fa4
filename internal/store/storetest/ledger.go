package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

func (w *world) move(t testing.TB, id rental.ContractID, car fleet.CarID, days date.Span) error {
	return w.db.InTx(t.Context(), func(ctx context.Context) error {
		c, err := w.contracts.Get(ctx, id, day(0))
		if err != nil {
			return err
		}
		c.CarID = car
		return w.ledger.Move(ctx, &c, days)
	})
}

func holdOverlap(t *testing.T, w *world) {
	car, other, customer := w.addCar(t, "A11-A-111"), w.addCar(t, "B22-B-222"), w.addCustomer(t, "Ana")
	var ids [4]rental.ContractID
	for i := range ids {
		c := rental.Contract{
			Meta: newMeta[rental.ContractID](w.now()), CustomerID: customer.ID, CarID: car.ID, StartDate: day(0), EndDate: day(1), Days: 1,
		}
		w.tx(t, func(ctx context.Context) error { return w.contracts.Insert(ctx, &c, 2026) })
		ids[i] = c.ID
	}
	for _, step := range []struct {
		what     string
		contract int
		car      fleet.CarID
		days     date.Span
		err      error
	}{
		{"a first", 0, car.ID, span(5, 8), nil},
		{"from the day it ends", 1, car.ID, span(8, 9), nil},
		{"until the day it begins", 2, car.ID, span(3, 5), nil},
		{"the same days", 3, car.ID, span(5, 8), rental.ErrCarTaken},
		{"within", 3, car.ID, span(6, 7), rental.ErrCarTaken},
		{"around all", 3, car.ID, span(0, 20), rental.ErrCarTaken},
		{"across the end", 3, car.ID, span(8, 12), rental.ErrCarTaken},
		{"across the beginning", 3, car.ID, span(1, 4), rental.ErrCarTaken},
		{"another car", 3, other.ID, span(5, 8), nil},
		{"moved to the car", 3, car.ID, span(5, 8), rental.ErrCarTaken},
		{"moved by a day", 0, car.ID, span(6, 9), rental.ErrCarTaken},
		{"made shorter", 0, car.ID, span(6, 7), nil},
		{"into the room that leaves", 3, car.ID, span(7, 8), nil},
		{"nothing", 0, car.ID, span(6, 6), nil},
		{"where it was", 3, car.ID, span(5, 8), nil},
		{"nothing of nothing", 0, car.ID, date.Span{}, nil},
		{"again", 0, other.ID, span(5, 8), nil},
		{"less than a day", 0, other.ID, date.Span{Start: day(9), End: day(8)}, nil},
	} {
		wantErr(t, step.what, w.move(t, ids[step.contract], step.car, step.days), step.err)
	}
	got := must(w.ledger.Holds(t.Context(), car.ID, span(0, 30), ""))(t)
	if want := "[2026-06-18 to 2026-06-20 2026-06-20 to 2026-06-23 2026-06-23 to 2026-06-24]"; fmt.Sprint(got[0].Span, got[1].Span, got[2].Span) != want[1:len(want)-1] || len(got) != 3 {
		t.Errorf("holds %v, want %s", got, want)
	}
	if n := w.count(t, "SELECT COUNT(*) FROM holds"); n != 3 {
		t.Errorf("%d holds, want 3", n)
	}
	for at, want := range map[date.Span]int{span(3, 4): 1, span(4, 6): 2, span(9, 30): 0, span(0, 3): 0, span(8, 9): 1, span(0, 30): 3} {
		if got := must(w.ledger.Holds(t.Context(), car.ID, at, ""))(t); len(got) != want || got == nil {
			t.Errorf("%d holds from %s, want %d", len(got), at, want)
		}
	}
	if got := must(w.ledger.Holds(t.Context(), car.ID, span(0, 30), ids[3]))(t); len(got) != 2 {
		t.Errorf("%d holds but that of one, want 2", len(got))
	}
}

// holdOverlapSQL goes past the program: the database refuses by itself.
func holdOverlapSQL(t *testing.T, w *world) {
	car, other := w.addCar(t, "A11-A-111"), w.addCar(t, "B22-B-222")
	insert := func(id string, car fleet.CarID, from, to int) error {
		_, err := w.raw.ExecContext(t.Context(), "INSERT INTO holds (id, car_id, starts, ends, kind) VALUES ($1, $2, $3, $4, 'block')",
			id, string(car), day(from).String(), day(to).String())
		return err
	}
	for what, err := range map[string]error{"a": insert("a", car.ID, 5, 8), "b": insert("b", car.ID, 8, 9), "c": insert("c", other.ID, 5, 8)} {
		wantErr(t, what, err, nil)
	}
	for i, s := range []date.Span{span(5, 8), span(0, 6), span(7, 20), span(0, 20), span(6, 7), span(8, 9)} {
		if _, err := w.raw.ExecContext(t.Context(), "INSERT INTO holds (id, car_id, starts, ends, kind) VALUES ($1, $2, $3, $4, 'block')",
			fmt.Sprint("x", i), string(car.ID), s.Start.String(), s.End.String()); err == nil {
			t.Errorf("%s was inserted", s)
		}
	}
	for _, statement := range []string{
		"UPDATE holds SET car_id = '" + string(car.ID) + "' WHERE id = 'c'",
		"UPDATE holds SET ends = '" + day(9).String() + "' WHERE id = 'a'",
		"UPDATE holds SET starts = '" + day(7).String() + "' WHERE id = 'b'",
		"UPDATE holds SET ends = starts WHERE id = 'b'",
		"INSERT INTO holds (id, car_id, starts, ends, kind) VALUES ('y', '" + string(car.ID) + "', '2030-01-02', '2030-01-01', 'block')",
		"INSERT INTO holds (id, car_id, starts, ends, kind) VALUES ('y', '" + string(car.ID) + "', '2030-01-01', '2030-01-02', 'theft')",
	} {
		if _, err := w.raw.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("done: %s", statement)
		}
	}
	w.noOverlap(t)
	free := must(w.cars.List(t.Context(), fleet.Filter{Free: span(5, 6)}, day(0)))(t)
	if free.Total != 0 {
		t.Errorf("%d cars are free though blocks hold them", free.Total)
	}
	if got := must(w.cars.Get(t.Context(), fleet.Ref(car.ID), day(5)))(t); got.RentedNow || got.NextFreeOn != day(9) {
		t.Errorf("a blocked car: rented %t, free on %s; want not rented, free on %s", got.RentedNow, got.NextFreeOn, day(9))
	}
	holds := must(w.ledger.Holds(t.Context(), car.ID, span(0, 30), ""))(t)
	if len(holds) != 2 || holds[0].Kind != "block" || holds[0].ContractID != nil || holds[0].CustomerName != nil || holds[0].TotalAmount != nil {
		t.Errorf("holds %+v", holds)
	}
	calendar := must(w.ledger.Calendar(t.Context(), span(0, 30)))(t)
	if len(calendar) != 2 || len(calendar[0].Holds) != 2 || calendar[0].Holds[0].ContractID != nil {
		t.Errorf("calendar %+v", calendar)
	}
}

// rentRaced lets 200 people rent one car for overlapping days: one gets it.
func rentRaced(t *testing.T, w *world) {
	car, customer := w.addCar(t, "A11-A-111"), w.addCustomer(t, "Ana")
	for round := range 3 {
		var won, taken atomic.Int32
		var wg sync.WaitGroup
		for i := range 200 {
			wg.Go(func() {
				from := round*20 + i%3
				switch _, err := w.rent(t, car.ID, customer.ID, from, from+4); {
				case err == nil:
					won.Add(1)
				case errors.Is(err, rental.ErrCarTaken):
					taken.Add(1)
				default:
					t.Errorf("rent: %v", err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || taken.Load() != 199 {
			t.Errorf("round %d: %d got the car, %d were refused; want 1 and 199", round, won.Load(), taken.Load())
		}
	}
	w.noOverlap(t)
	w.gapless(t, "CTR-2026-", 3)
}

// rentMixed rents, moves, swaps, cancels and deletes at once. Whatever wins,
// no holds overlap, and nobody is told of anything but a rule.
func rentMixed(t *testing.T, w *world) {
	cars := []fleet.Car{w.addCar(t, "A11-A-111"), w.addCar(t, "B22-B-222"), w.addCar(t, "C33-C-333")}
	customer := w.addCustomer(t, "Ana")
	var mu sync.Mutex
	var made []rental.ContractID
	some := func() rental.ContractID {
		mu.Lock()
		defer mu.Unlock()
		if len(made) == 0 {
			return nobody
		}
		return made[rand.IntN(len(made))]
	}
	act := func() error {
		car, from := cars[rand.IntN(len(cars))], rand.IntN(40)
		until := from + rand.IntN(6)
		switch rand.IntN(6) {
		case 0, 1:
			c, err := w.rent(t, car.ID, customer.ID, from, until)
			if err == nil {
				mu.Lock()
				made = append(made, c.ID)
				mu.Unlock()
			}
			return err
		case 2, 3:
			_, err := w.rental.Amend(as(t, w.employee), some(), record.AnyVersion, func(d *rental.Draft) error {
				d.CarID, d.StartDate, d.EndDate = car.ID, day(from), day(until)
				return nil
			})
			return err
		case 4:
			_, err := w.rental.Cancel(as(t, w.employee), some(), record.AnyVersion, "changed their mind")
			return err
		}
		return w.rental.Remove(as(t, w.admin), some(), record.AnyVersion)
	}
	var wg sync.WaitGroup
	var kept atomic.Int32
	for range 16 {
		wg.Go(func() {
			for range 25 {
				err := act()
				if err == nil {
					kept.Add(1)
				} else if k := fault.Of(err).Kind; k != fault.Conflict && k != fault.NotFound {
					t.Errorf("kind %d: %v", k, err)
				}
			}
		})
	}
	wg.Wait()
	w.noOverlap(t)
	n := w.count(t, `SELECT COUNT(*) FROM contracts c LEFT JOIN holds h ON h.contract_id = c.id
		WHERE (c.cancelled_at IS NULL AND c.deleted_at IS NULL AND h.id IS NULL)
		OR (h.id IS NOT NULL AND (c.deleted_at IS NOT NULL OR h.car_id <> c.car_id OR h.starts <> c.start_date))`)
	if n != 0 || kept.Load() < 20 {
		t.Errorf("%d contracts and holds tell different things, after %d changes", n, kept.Load())
	}
	w.gapless(t, "CTR-2026-", w.count(t, "SELECT COUNT(*) FROM contracts"))
}

// moveSwapped lets two contracts change cars with each other at the same time.
// Each finds the other's car taken or just left; neither waits for ever.
func moveSwapped(t *testing.T, w *world) {
	a, b, customer := w.addCar(t, "A11-A-111"), w.addCar(t, "B22-B-222"), w.addCustomer(t, "Ana")
	for round := range 10 {
		from := round * 10
		days := [2]int{from, from}
		if round%2 > 0 {
			days[1] = from + 5 // no overlap: both can go
		}
		one := w.mustRent(t, a.ID, customer.ID, days[0], days[0]+3)
		two := w.mustRent(t, b.ID, customer.ID, days[1], days[1]+3)
		both := barrier(2)
		to := func(c rental.Contract, car fleet.CarID) {
			both()
			_, err := w.rental.Amend(as(t, w.employee), c.ID, record.AnyVersion, func(d *rental.Draft) error { d.CarID = car; return nil })
			if round%2 > 0 || !errors.Is(err, rental.ErrCarTaken) {
				wantErr(t, "swap", err, nil)
			}
		}
		var wg sync.WaitGroup
		wg.Go(func() { to(one, b.ID) })
		wg.Go(func() { to(two, a.ID) })
		wg.Wait()
	}
	w.noOverlap(t)
}

// moveWaits changes a contract while another change moves it to another car:
// whoever waits must see it as it is then.
func moveWaits(t *testing.T, w *world) {
	a, b, customer := w.addCar(t, "A11-A-111"), w.addCar(t, "B22-B-222"), w.addCustomer(t, "Ana")
	c := w.mustRent(t, a.ID, customer.ID, 1, 3)
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			_, err := w.rental.Amend(as(t, w.employee), c.ID, record.AnyVersion, func(d *rental.Draft) error {
				d.CarID, d.AdditionalNotes = [...]fleet.CarID{a.ID, b.ID}[i%2], ptr(fmt.Sprint(i))
				return nil
			})
			wantErr(t, "Amend", err, nil)
		})
	}
	wg.Wait()
	got := must(w.rental.Get(as(t, w.employee), c.ID))(t)
	if got.Version != 41 {
		t.Errorf("version %d after 40 changes, want 41", got.Version)
	}
	if holds := must(w.ledger.Holds(t.Context(), got.CarID, span(0, 9), ""))(t); len(holds) != 1 || got.Car.ID != got.CarID {
		t.Errorf("holds of its car: %v", holds)
	}
}

// carWaits changes one car from many sides at once, which rentals wait for too.
func carWaits(t *testing.T, w *world) {
	car, customer := w.addCar(t, "A11-A-111"), w.addCustomer(t, "Ana")
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			_, err := w.fleet.Amend(as(t, w.employee), fleet.Ref(car.LicensePlate), record.AnyVersion, func(d *fleet.Draft) error { d.Mileage++; return nil })
			wantErr(t, "Amend", err, nil)
		})
		wg.Go(func() {
			_, err := w.rent(t, car.ID, customer.ID, i*2, i*2+1)
			wantErr(t, "Rent", err, nil)
		})
	}
	wg.Wait()
	if got := must(w.cars.Get(t.Context(), fleet.Ref(car.ID), day(0)))(t); got.Mileage != 20 || got.Version != 21 || !got.RentedNow {
		t.Errorf("mileage %d in version %d, rented %t", got.Mileage, got.Version, got.RentedNow)
	}
}

// versions checks If-Match: a change for an earlier version is refused.
func versions(t *testing.T, w *world) {
	car, c := w.addCar(t, "A11-A-111"), w.addCustomer(t, "Ana")
	amend := func(version int) error {
		_, err := w.fleet.Amend(as(t, w.admin), fleet.Ref(car.ID), version, func(d *fleet.Draft) error { d.Mileage++; return nil })
		return err
	}
	wantErr(t, "version 1", amend(1), nil)
	wantErr(t, "version 1 again", amend(1), record.ErrStale)
	wantErr(t, "any version", amend(record.AnyVersion), nil)
	wantErr(t, "Remove", w.fleet.Remove(as(t, w.admin), fleet.Ref(car.ID), 1), record.ErrStale)
	wantErr(t, "Remove", w.clients.Remove(as(t, w.admin), c.ID, 2), record.ErrStale)
	_, err := w.clients.Amend(as(t, w.admin), c.ID, 2, func(*customers.Draft) error { return nil })
	wantErr(t, "Amend", err, record.ErrStale)
	contract := w.mustRent(t, car.ID, c.ID, 3, 4)
	_, err = w.rental.Amend(as(t, w.admin), contract.ID, 2, func(*rental.Draft) error { return nil })
	wantErr(t, "Amend", err, record.ErrStale)
	_, err = w.rental.Cancel(as(t, w.admin), contract.ID, 2, "changed their mind")
	wantErr(t, "Cancel", err, record.ErrStale)
	wantErr(t, "Remove", w.rental.Remove(as(t, w.admin), contract.ID, 2), record.ErrStale)
	wantErr(t, "Remove", w.rental.Remove(as(t, w.admin), contract.ID, 1), nil)
}

// gapless checks that the numbers that begin so run from 1 to n.
func (w *world) gapless(t testing.TB, prefix string, n int) {
	t.Helper()
	rows, err := w.raw.QueryContext(t.Context(), "SELECT number FROM contracts WHERE number LIKE $1 ORDER BY number", prefix+"%")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	next := 1
	for ; rows.Next(); next++ {
		var got string
		if err := rows.Scan(&got); err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("%s%05d", prefix, next); got != want {
			t.Fatalf("number %s, want %s", got, want)
		}
	}
	if err := rows.Err(); err != nil || next != n+1 {
		t.Errorf("%d numbers, %v; want %d", next-1, err, n)
	}
}
