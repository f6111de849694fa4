package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"cartracker/internal/fleet"
	"cartracker/internal/ident"
	"cartracker/internal/record"
	"cartracker/internal/store"
)

// onCommit says that OnCommit tells what a transaction changed before InTx
// returns, when others can see it, and nothing of what is not committed.
func onCommit(t *testing.T, w *world) {
	db := w.another(t)
	var told []record.Batch // written without a lock: it is the goroutine of the writer that tells
	var second, rows int
	db.OnCommit(func(ctx context.Context, b record.Batch) {
		told = append(told, b)
		rows = w.count(t, "SELECT COUNT(*) FROM changes")
		if ctx.Done() != nil {
			t.Error("a client who leaves ends the context of what is told")
		}
	})
	db.OnCommit(func(context.Context, record.Batch) { second++ })
	events := func(first int, ids ...string) (all []record.Event) {
		for i, id := range ids {
			c := record.Change{Topic: record.Cars, ID: id, Kind: record.Updated, Version: 7}
			all = append(all, record.Event{Seq: int64(first + i), Change: c, At: w.now()})
		}
		return all
	}
	seq := 0
	for _, c := range []struct {
		what string
		do   func(ctx context.Context) error
		err  error
		want []string
	}{
		{"one change", func(ctx context.Context) error { return w.note(ctx, db, "a") }, nil, []string{"a"}},
		{"several", func(ctx context.Context) error { return errors.Join(w.note(ctx, db, "b", "c"), w.note(ctx, db, "d")) }, nil, []string{"b", "c", "d"}},
		{"none", func(ctx context.Context) error { return w.note(ctx, db) }, nil, nil},
		{"rolled back", func(ctx context.Context) error { return errors.Join(w.note(ctx, db, "e"), errBoom) }, errBoom, nil},
		{"inside another", func(ctx context.Context) error {
			err := errors.Join(w.note(ctx, db, "f"), w.change(ctx, db, "g"))
			if len(told) > 2 {
				t.Error("told before the outer transaction is committed")
			}
			return err
		}, nil, []string{"f", "g"}},
		{"a part undone", func(ctx context.Context) error {
			err := db.Try(ctx, func(ctx context.Context) error { return errors.Join(w.note(ctx, db, "h"), errBoom) })
			wantErr(t, "Try", err, errBoom)
			return w.note(ctx, db, "i")
		}, nil, []string{"i"}},
	} {
		before := len(told)
		wantErr(t, c.what, db.InTx(t.Context(), c.do), c.err)
		if len(c.want) == 0 {
			if len(told) != before {
				t.Errorf("%s: told %+v", c.what, told[before:])
			}
			continue
		}
		if len(told) != before+1 || told[before].Missed || !slices.Equal(told[before].Events, events(seq+1, c.want...)) {
			t.Errorf("%s: told %+v, want %q from %d on", c.what, told[before:], c.want, seq+1)
		}
		if seq += len(c.want); rows != seq || second != len(told) {
			t.Errorf("%s: others see %d changes when it is told, want %d; told %d times, want %d", c.what, rows, seq, second, len(told))
		}
	}
	wantErr(t, "by another program", w.change(t.Context(), w.db, "j"), nil)
	if len(told) != second || second != 4 {
		t.Errorf("told %d times, want 4", second)
	}
}

// importTold takes cars of a file, which are too many to list on commit: that
// something was missed is all that is told then. The feed lists them.
func importTold(t *testing.T, w *world) {
	db := w.another(t)
	var told []record.Batch
	db.OnCommit(func(_ context.Context, b record.Batch) { told = append(told, b) })
	f := follow(t, db)
	cars, s := store.NewCars(db), store.NewImports(db)
	i := record.Import{ID: ident.New[record.ImportID](), Topic: record.Cars, File: "cars.csv", By: "ana", CreatedAt: w.now(), Added: 1500}
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		var all []fleet.Car
		var rows []record.Row
		for n := range i.Added {
			c := w.newCar(fmt.Sprint("C-", n))
			all, rows = append(all, c), append(rows, record.Row{ID: string(c.ID), Did: record.Added, Version: 1})
		}
		return errors.Join(s.Insert(ctx, &i), cars.InsertAll(ctx, all), s.Keep(ctx, i.ID, rows), w.note(ctx, db), s.Finish(ctx, &i))
	})
	wantErr(t, "import", err, nil)
	if len(told) != 1 || len(told[0].Many) == 0 || told[0].Missed || len(told[0].Events) != 0 {
		t.Errorf("told %+v, want that something was missed", told)
	}
	for n, e := range f.events(t, i.Added) {
		if e.Seq != int64(n+1) || e.Topic != record.Cars || e.Kind != record.Created {
			t.Fatalf("event %d is %+v", n+1, e)
		}
	}
}
