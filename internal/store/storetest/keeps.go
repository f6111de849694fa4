package storetest

import (
	"context"
	"reflect"
	"sync"
	"testing"

	"cartracker/internal/record"
)

// A sample says how to test the store of one kind of record.
type sample[T any] struct {
	insert func(context.Context, *T) error
	get    func(context.Context, string) (T, error)
	update func(context.Context, string, func(*T) error) (T, error)
	remove func(context.Context, string) error
	list   func(context.Context) ([]T, int, error)
	make   func(n int) T // the n-th of many that can all be kept, with nothing that may be left out
	fill   func(*T)      // adds all that may be left out
	bump   func(*T)      // a change that adds up
	id     func(T) string
	none   error
}

func keepsAll(t *testing.T, ready worlds) {
	t.Run("Cars", func(t *testing.T) { keeps(t, ready, carSample) })
	t.Run("Customers", func(t *testing.T) { keeps(t, ready, customerSample) })
	t.Run("Contracts", func(t *testing.T) { keeps(t, ready, contractSample) })
	t.Run("Users", func(t *testing.T) { keeps(t, ready, userSample) })
	t.Run("AuditLogs", func(t *testing.T) { keeps(t, ready, logSample) })
	t.Run("Notifications", func(t *testing.T) { keeps(t, ready, notificationSample) })
}

const nobody = "00000000-0000-7000-8000-000000000000"

// keeps tests what every store must do.
func keeps[T any](t *testing.T, ready worlds, in func(*testing.T, *world) sample[T]) {
	setup := func(t *testing.T) (*world, sample[T], T) {
		t.Helper()
		t.Parallel()
		w := ready.take(t)
		s := in(t, w)
		v := s.make(0)
		w.tx(t, func(ctx context.Context) error { return s.insert(ctx, &v) })
		return w, s, v
	}
	same := func(t *testing.T, what string, got T, err error, want T) {
		t.Helper()
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v\n got %+v\nwant %+v", what, err, got, want)
		}
	}
	t.Run("Get", func(t *testing.T) {
		w, s, bare := setup(t)
		got, err := s.get(t.Context(), s.id(bare))
		same(t, "with nothing that may be left out", got, err, bare)
		full := s.make(1)
		s.fill(&full)
		allSet(t, full)
		w.tx(t, func(ctx context.Context) error { return s.insert(ctx, &full) })
		got, err = s.get(t.Context(), s.id(full))
		same(t, "with everything", got, err, full)
		w.tx(t, func(ctx context.Context) error {
			got, err := s.get(ctx, s.id(full))
			same(t, "in a transaction", got, err, full)
			return nil
		})
	})
	t.Run("NotThere", func(t *testing.T) {
		w, s, _ := setup(t)
		_, err := s.get(t.Context(), nobody)
		wantErr(t, "Get", err, s.none)
		if s.update != nil {
			w.tx(t, func(ctx context.Context) error {
				_, err := s.update(ctx, nobody, func(*T) error { t.Error("change was called"); return nil })
				wantErr(t, "Update", err, s.none)
				return nil
			})
		}
	})
	t.Run("List", func(t *testing.T) {
		w, s, first := setup(t)
		second := s.make(1)
		w.tx(t, func(ctx context.Context) error { return s.insert(ctx, &second) })
		got, total, err := s.list(t.Context())
		if want := []T{first, second}; err != nil || total != 2 || !reflect.DeepEqual(got, want) {
			t.Errorf("%d of %+v, %v\nwant %+v", total, got, err, want)
		}
	})
	t.Run("Update", func(t *testing.T) {
		w, s, v := setup(t)
		if s.update == nil {
			t.Skip("is never changed")
		}
		s.fill(&v)
		s.bump(&v)
		w.tx(t, func(ctx context.Context) error {
			got, err := s.update(ctx, s.id(v), func(old *T) error { *old = v; return nil })
			same(t, "Update", got, err, v)
			return err
		})
		got, err := s.get(t.Context(), s.id(v))
		same(t, "Get", got, err, v)
		cleared := s.make(0)
		s.setID(&cleared, v)
		w.tx(t, func(ctx context.Context) error {
			_, err := s.update(ctx, s.id(v), func(old *T) error { *old = cleared; return nil })
			return err
		})
		got, err = s.get(t.Context(), s.id(v))
		same(t, "cleared again", got, err, cleared)
	})
	t.Run("Unchanged", func(t *testing.T) {
		w, s, v := setup(t)
		if s.update == nil {
			t.Skip("is never changed")
		}
		for _, refusal := range []error{record.ErrUnchanged, errBoom} {
			err := w.db.InTx(t.Context(), func(ctx context.Context) error {
				_, err := s.update(ctx, s.id(v), func(v *T) error { s.bump(v); return refusal })
				return err
			})
			if refusal == record.ErrUnchanged {
				refusal = nil
			}
			wantErr(t, "Update", err, refusal)
			got, err := s.get(t.Context(), s.id(v))
			same(t, "Get", got, err, v)
		}
	})
	t.Run("UpdateRaced", func(t *testing.T) {
		w, s, want := setup(t)
		if s.update == nil {
			t.Skip("is never changed")
		}
		const racers = 8
		id := s.id(want)
		var wg sync.WaitGroup
		for range racers {
			wg.Go(func() {
				wantErr(t, "Update", w.db.InTx(t.Context(), func(ctx context.Context) error {
					_, err := s.update(ctx, id, func(v *T) error { s.bump(v); return nil })
					return err
				}), nil)
			})
		}
		wg.Wait()
		for range racers {
			s.bump(&want)
		}
		got, err := s.get(t.Context(), id)
		same(t, "an update was lost", got, err, want)
	})
	t.Run("Delete", func(t *testing.T) {
		w, s, v := setup(t)
		if s.remove == nil {
			t.Skip("is never deleted")
		}
		w.tx(t, func(ctx context.Context) error { return s.remove(ctx, s.id(v)) })
		_, err := s.get(t.Context(), s.id(v))
		wantErr(t, "Get", err, s.none)
		if got, total, err := s.list(t.Context()); err != nil || total != 0 || len(got) != 0 || got == nil {
			t.Errorf("List: %d of %#v, %v; want an empty, non-nil list", total, got, err)
		}
	})
}

// setID makes v the record that of is.
func (s sample[T]) setID(v *T, of T) {
	reflect.ValueOf(v).Elem().FieldByName("ID").Set(reflect.ValueOf(of).FieldByName("ID"))
}

// allSet fails if a pointer in v is nil: then a field is left out of the test.
func allSet(t *testing.T, v any) {
	t.Helper()
	var walk func(path string, v reflect.Value)
	walk = func(path string, v reflect.Value) {
		switch {
		case v.Kind() == reflect.Pointer && v.IsNil():
			t.Errorf("the sample leaves %s out", path)
		case v.Kind() == reflect.Struct:
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.IsExported() {
					walk(path+"."+f.Name, v.Field(i))
				}
			}
		}
	}
	walk(reflect.TypeOf(v).Name(), reflect.ValueOf(v))
}
