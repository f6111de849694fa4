package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/identity"
)

var errBoom = errors.New("boom")

func txRollsBack(t *testing.T, w *world) {
	c := fleet.Car{Meta: newMeta[fleet.CarID](w.now()), Details: details("A11-A-111")}
	err := w.db.InTx(t.Context(), func(ctx context.Context) error {
		if err := w.cars.Insert(ctx, &c); err != nil {
			return err
		}
		if _, err := w.cars.Lock(ctx, c.ID); err != nil {
			t.Errorf("a transaction does not see what it wrote: %v", err)
		}
		return errBoom
	})
	wantErr(t, "InTx", err, errBoom)
	_, err = w.cars.Get(t.Context(), fleet.Ref(c.ID), day(0))
	wantErr(t, "Get", err, fleet.ErrNoCar)
}

func txPanics(t *testing.T, w *world) {
	c := fleet.Car{Meta: newMeta[fleet.CarID](w.now()), Details: details("A11-A-111")}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("InTx swallowed the panic")
			}
		}()
		_ = w.db.InTx(t.Context(), func(ctx context.Context) error {
			if err := w.cars.Insert(ctx, &c); err != nil {
				t.Error(err)
			}
			panic(errBoom)
		})
	}()
	_, err := w.cars.Get(t.Context(), fleet.Ref(c.ID), day(0))
	wantErr(t, "Get", err, fleet.ErrNoCar)
	w.addCar(t, "A11-A-111") // nothing is locked
}

// txNested says that InTx joins the transaction that it is called in: what is
// inside stays only if the whole does.
func txNested(t *testing.T, w *world) {
	inner := fleet.Car{Meta: newMeta[fleet.CarID](w.now()), Details: details("A11-A-111")}
	err := w.db.InTx(t.Context(), func(ctx context.Context) error {
		if err := w.db.InTx(ctx, func(ctx context.Context) error { return w.cars.Insert(ctx, &inner) }); err != nil {
			return err
		}
		return errBoom
	})
	wantErr(t, "InTx", err, errBoom)
	_, err = w.cars.Get(t.Context(), fleet.Ref(inner.ID), day(0))
	wantErr(t, "Get", err, fleet.ErrNoCar)
}

// txDeadlock makes two transactions wait for each other. Only PostgreSQL can:
// SQLite has one writer.
func txDeadlock(t *testing.T, w *world) {
	if w.db.Name() == "sqlite" {
		t.Skip("one writer cannot wait for another")
	}
	both := barrier(2)
	attempts := make(chan struct{}, 100)
	rename := func(first, second identity.User) error {
		return w.db.InTx(t.Context(), func(ctx context.Context) error {
			attempts <- struct{}{}
			for i, u := range []identity.User{first, second} {
				if i == 1 {
					both() // only the first time
				}
				if _, err := w.users.Update(ctx, u.ID, func(u *identity.User) error {
					u.Version++
					return nil
				}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var wg sync.WaitGroup
	wg.Go(func() { wantErr(t, "one way", rename(w.employee, w.user), nil) })
	wg.Go(func() { wantErr(t, "the other way", rename(w.user, w.employee), nil) })
	wg.Wait()
	if n := len(attempts); n < 3 { // on a busy machine they may meet again
		t.Errorf("%d attempts, want 3 at least: there was no deadlock", n)
	}
	for _, u := range []identity.User{w.employee, w.user} {
		if got := must(w.users.Get(t.Context(), u.ID))(t); got.Version != 3 {
			t.Errorf("version %d after two changes, want 3", got.Version)
		}
	}
}

// barrier returns a function that returns once n callers have called it, and
// at once after that.
func barrier(n int) func() {
	var mu sync.Mutex
	open := make(chan struct{})
	return func() {
		mu.Lock()
		if n--; n == 0 {
			close(open)
		}
		mu.Unlock()
		<-open
	}
}

// writeWithoutTx says that nothing can be written outside of a transaction,
// where it would be kept without its traces.
func writeWithoutTx(t *testing.T, w *world) {
	c := fleet.Car{Meta: newMeta[fleet.CarID](w.now()), Details: details("A11-A-111")}
	if err := w.cars.Insert(t.Context(), &c); err == nil {
		t.Error("Insert wrote outside of a transaction")
	}
	if err := w.cars.Delete(t.Context(), c.ID); err == nil {
		t.Error("Delete wrote outside of a transaction")
	}
	if n := w.count(t, "SELECT COUNT(*) FROM cars"); n != 0 {
		t.Errorf("%d cars were kept", n)
	}
}

// timesCompare asks the database itself to compare times, which text of varying length would get wrong.
func timesCompare(t *testing.T, w *world) {
	noon := time.Date(2026, time.June, 1, 12, 0, 0, 0, time.UTC)
	times := []time.Time{
		noon, noon.Add(time.Microsecond), noon.Add(90 * time.Millisecond), noon.Add(100 * time.Millisecond),
		noon.Add(123456 * time.Microsecond), noon.Add(time.Second),
		noon.In(time.FixedZone("", -7200)).Add(2 * time.Second), noon.In(time.FixedZone("", 7200)).Add(3 * time.Second),
	}
	for _, at := range times {
		l := audit.Log{ID: newMeta[audit.LogID](w.now()).ID, Action: "CREATE", Resource: "car", Status: audit.Success, CreatedAt: date.At(at)}
		w.tx(t, func(ctx context.Context) error { return w.logs.Insert(ctx, &l) })
	}
	for i, at := range times {
		got := must(w.logs.List(t.Context(), audit.Filter{Selection: audit.Selection{Before: date.At(at)}, Sort: "createdAt"}))(t)
		if got.Total != i {
			t.Errorf("%d before %s, want %d", got.Total, at, i)
		}
		got = must(w.logs.List(t.Context(), audit.Filter{Selection: audit.Selection{Since: date.At(at)}, Sort: "createdAt"}))(t)
		if got.Total != len(times)-i || got.Items[0].CreatedAt != date.At(at) {
			t.Errorf("%d since %s, the first at %s; want %d", got.Total, at, got.Items[0].CreatedAt, len(times)-i)
		}
	}
}
