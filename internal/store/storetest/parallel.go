package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"cartracker/internal/record"
	"cartracker/internal/store"
)

// writers is how many write at the same time.
const writers = 32

// A fate is what becomes of a transaction that has noted a change.
type fate struct {
	name string
	kept bool
	do   func(ctx context.Context, w *world, db *store.DB, leave func()) error
}

var fates = []fate{
	{"succeeds", true, func(context.Context, *world, *store.DB, func()) error { return nil }},
	{"fails", false, func(context.Context, *world, *store.DB, func()) error { return errBoom }},
	{"panics", false, func(context.Context, *world, *store.DB, func()) error { panic(errBoom) }},
	{"exits", false, func(context.Context, *world, *store.DB, func()) error { runtime.Goexit(); return nil }},
	{"has a part undone", true, func(ctx context.Context, w *world, db *store.DB, _ func()) error {
		err := db.Try(ctx, func(ctx context.Context) error { return errors.Join(w.note(ctx, db, "undone"), errBoom) })
		if !errors.Is(err, errBoom) {
			return err
		}
		return nil
	}},
	{"panics in a part", false, func(ctx context.Context, _ *world, db *store.DB, _ func()) error {
		return db.Try(ctx, func(context.Context) error { panic(errBoom) })
	}},
	{"is refused by the database", false, func(ctx context.Context, w *world, db *store.DB, _ func()) error {
		c := w.newCar("TAKEN")
		return store.NewCars(db).Insert(ctx, &c)
	}},
	{"joins another", true, func(ctx context.Context, _ *world, db *store.DB, _ func()) error {
		return db.InTx(ctx, func(context.Context) error { return nil })
	}},
	{"loses its client", false, func(_ context.Context, _ *world, _ *store.DB, leave func()) error { leave(); return errBoom }},
}

// parallelFates lets many write at the same time, of whom some fail in one way
// or another: what was acknowledged is there, and nothing else. The feed has
// it without gaps.
func parallelFates(t *testing.T, w *world) {
	const rounds = 12
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	db := w.another(t)
	w.addCar(t, "TAKEN")
	from := w.count(t, "SELECT seq FROM change_counter")
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	var all sync.WaitGroup
	for n := range writers {
		random := rand.New(rand.NewPCG(seed, uint64(n)))
		for round := range rounds {
			id, f, left := fmt.Sprint(n, "-", round), fates[random.IntN(len(fates))], random.IntN(8) == 0
			all.Go(func() {
				if w.meets(t, db, id, f, left) {
					mu.Lock()
					defer mu.Unlock()
					acknowledged[id] = true
				}
			})
		}
	}
	all.Wait()
	events := w.kept(t, from)
	for i, e := range events {
		if e.Seq != int64(from+1+i) || !acknowledged[e.ID] {
			t.Errorf("event %d of %s, which was acknowledged: %t", e.Seq, e.ID, acknowledged[e.ID])
		}
		delete(acknowledged, e.ID)
	}
	if len(events) == 0 || len(acknowledged) > 0 {
		t.Errorf("of the acknowledged %v are lost", acknowledged)
	}
	w.addCar(t, "LATER") // nothing is locked
}

// meets lets one transaction meet its fate, and reports whether it was
// acknowledged. If its client has left before, it does not begin.
func (w *world) meets(t *testing.T, db *store.DB, id string, f fate, left bool) (acknowledged bool) {
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	if left {
		leave()
	}
	defer func() {
		v := recover()
		if panics := strings.HasPrefix(f.name, "panics") && !left; panics != (v != nil) || panics && v != errBoom {
			t.Errorf("%s: recovered %v", f.name, v)
		}
	}()
	err := db.InTx(ctx, func(ctx context.Context) error {
		if left {
			t.Errorf("%s, but it began after its client had left", f.name)
		}
		return errors.Join(w.note(ctx, db, id), f.do(ctx, w, db, leave))
	})
	switch {
	case left:
		wantErr(t, f.name, err, context.Canceled)
	case f.kept != (err == nil):
		t.Errorf("%s: %v", f.name, err)
	}
	return err == nil
}

// panicSeen says that a panic can be traced to where it was, by who recovers it.
func panicSeen(t *testing.T, w *world) {
	defer func() {
		if stack := string(debug.Stack()); recover() != errBoom || !strings.Contains(stack, "storetest.explode") {
			t.Errorf("recovered at\n%s", stack)
		}
	}()
	_ = w.db.InTx(t.Context(), explode)
}

func explode(context.Context) error { panic(errBoom) }

// parallelOrder says that the numbers of the feed are in the order of commits
// when many write: what OnCommit tells is committed up to its number.
func parallelOrder(t *testing.T, w *world) {
	db := w.another(t)
	var mu sync.Mutex
	var told []int64
	db.OnCommit(func(_ context.Context, b record.Batch) {
		last := b.Events[len(b.Events)-1].Seq
		if n := w.count(t, "SELECT COUNT(*) FROM changes WHERE seq <= $1", last); int64(n) != last {
			t.Errorf("told of %d when there are %d up to it", last, n)
		}
		mu.Lock()
		defer mu.Unlock()
		for _, e := range b.Events {
			told = append(told, e.Seq)
		}
	})
	f := follow(t, db)
	var all sync.WaitGroup
	for n := range writers {
		all.Go(func() {
			for round := range 4 {
				wantErr(t, "change", w.change(t.Context(), db, fmt.Sprint(n, "-", round), "also"), nil)
			}
		})
	}
	all.Wait()
	const changes = writers * 4 * 2
	for i, e := range f.events(t, changes) {
		if e.Seq != int64(i+1) || (e.ID == "also") != (i%2 == 1) {
			t.Errorf("event %d is %d of %s", i+1, e.Seq, e.ID)
		}
	}
	if inOrder := slices.IsSorted(told); len(told) != changes || !inOrder && db.Name() == "sqlite" {
		t.Errorf("told of %d changes, want %d; in order: %t", len(told), changes, inOrder)
	}
}
