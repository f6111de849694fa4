package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/fleet"
	"cartracker/internal/ident"
	"cartracker/internal/record"
	"cartracker/internal/store"
)

// importCars takes cars with these plates, as an import would that has seen none.
func (w *world) importCars(ctx context.Context, i *record.Import, plates ...string) ([]record.Row, error) {
	s := store.NewImports(w.db)
	var fills []func(*fleet.Draft) error
	for _, p := range plates {
		fills = append(fills, func(d *fleet.Draft) error {
			d.Details = details(p)
			return nil
		})
	}
	rows, err := w.fleet.Import(ctx, fills, func(ctx context.Context, ids []string) (map[string]bool, error) {
		return s.Seen(ctx, i.ID, ids)
	})
	if err != nil {
		return nil, err
	}
	var kept []record.Row
	for _, r := range rows {
		if r.Did != record.Refused {
			kept = append(kept, r)
		}
	}
	return rows, s.Keep(ctx, i.ID, kept)
}

// imports takes more rows than one statement inserts, some of them twice, and
// checks what is kept of it and what the feed is told.
func imports(t *testing.T, w *world) {
	s := store.NewImports(w.db)
	there := w.addCar(t, "C-0003")
	seq := w.count(t, "SELECT seq FROM change_counter")
	i := record.Import{ID: ident.New[record.ImportID](), Topic: record.Cars, File: "cars.csv", By: "cli:ana", CreatedAt: w.now()}
	did := map[record.Did]int{}
	err := w.db.InTx(as(t, w.admin), func(ctx context.Context) error {
		if err := s.Insert(ctx, &i); err != nil {
			return err
		}
		for part := range 3 { // the last plate of each part is the first of the next
			var plates []string
			for n := range record.Together {
				plates = append(plates, fmt.Sprintf("C-%04d", part*(record.Together-1)+n))
			}
			rows, err := w.importCars(ctx, &i, plates...)
			if err != nil {
				return err
			}
			for _, r := range rows {
				did[r.Did]++
			}
		}
		i.Added, i.Changed, i.Unchanged, i.Refused = did[record.Added], did[record.Altered], did[record.Unchanged], did[record.Refused]
		return s.Finish(ctx, &i)
	})
	wantErr(t, "import", err, nil)
	all := 3*record.Together - 2
	if i.Added != all-1 || i.Changed+i.Unchanged != 1 || i.Refused != 2 {
		t.Errorf("the import did %v with %d plates, one of them known and two twice", did, 3*record.Together)
	}
	if got := must(s.Get(t.Context(), i.ID))(t); got != i {
		t.Errorf("kept %+v, want %+v", got, i)
	}
	if told, moved := w.count(t, "SELECT COUNT(*) FROM changes WHERE topic = 'cars' AND kind = 'created'"), w.count(t, "SELECT seq FROM change_counter")-seq; told != i.Added || moved != i.Effects() {
		t.Errorf("the feed tells of %d new cars by %d changes, want %d by %d", told, moved, i.Added, i.Effects())
	}
	checkImportRows(t, w, i, all, string(there.ID))

	w.pass(store.ImportLife + time.Second)
	wantErr(t, "Tidy", w.db.Tidy(t.Context(), w.now()), nil)
	_, err = s.Get(t.Context(), i.ID)
	wantErr(t, "Get after it is tidied away", err, record.ErrNoImport)
}

// checkImportRows reads what an import did from the last row to the first, and forgets some of it.
func checkImportRows(t *testing.T, w *world, i record.Import, all int, there string) {
	t.Helper()
	s := store.NewImports(w.db)
	var ids []string
	for after := ""; ; {
		rows := must(s.Rows(t.Context(), i.ID, after, 100))(t)
		if len(rows) == 0 {
			break
		}
		for _, r := range rows {
			ids = append(ids, r.ID)
			if _, ok := r.Before.(json.RawMessage); ok != (r.Did == record.Altered) {
				t.Errorf("a row that was %s was %v before", r.Did, r.Before)
			}
		}
		after = ids[len(ids)-1]
	}
	want := all
	if i.Changed == 0 { // what is unchanged is forgotten
		want--
	}
	if len(ids) != want || !slices.IsSortedFunc(ids, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("%d rows, want %d from the last to the first", len(ids), want)
	}
	seen := must(s.Seen(t.Context(), i.ID, []string{ids[0], "nothing"}))(t)
	if !seen[ids[0]] || len(seen) != 1 {
		t.Errorf("seen %v", seen)
	}
	wantErr(t, "Forget", w.db.InTx(t.Context(), func(ctx context.Context) error { return s.Forget(ctx, i.ID, record.Row{ID: ids[0]}, 0) }), nil)
	if rows := must(s.Rows(t.Context(), i.ID, "", 1))(t); rows[0].ID != ids[1] {
		t.Errorf("after the last row was forgotten the last is %s, want %s", rows[0].ID, ids[1])
	}
}

// tryPart fails in a part of a transaction, by the database too: the rest is kept.
func tryPart(t *testing.T, w *world) {
	boom := errors.New("boom")
	a, b := w.newCar("A1"), w.newCar("A2")
	twice := w.newCar("A1")
	err := w.db.InTx(t.Context(), func(ctx context.Context) error {
		wantErr(t, "a part that works", w.db.Try(ctx, func(ctx context.Context) error { return w.cars.Insert(ctx, &a) }), nil)
		wantErr(t, "a part that fails", w.db.Try(ctx, func(ctx context.Context) error {
			return errors.Join(w.cars.Insert(ctx, &b), boom)
		}), boom)
		wantErr(t, "a part that is refused", w.db.Try(ctx, func(ctx context.Context) error { return w.cars.Insert(ctx, &twice) }), fleet.ErrPlateTaken)
		_, err := w.cars.Get(ctx, "A1", day(0))
		return err
	})
	wantErr(t, "the whole", err, nil)
	if n := w.count(t, "SELECT COUNT(*) FROM cars"); n != 1 {
		t.Errorf("%d cars were kept, want 1", n)
	}
}
