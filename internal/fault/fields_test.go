package fault_test

import (
	"fmt"
	"io"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"cartracker/internal/fault"
)

func TestFields(t *testing.T) {
	var f fault.Fields
	if f.Err() != nil {
		t.Errorf("nothing checked: %v", f.Err())
	}
	f.Check(true, "name", "is required")
	if f.Err() != nil {
		t.Errorf("all is well: %v", f.Err())
	}
	f.Check(false, "name", "is required")
	f.Check(false, "name", "must be shorter")
	f.Check(false, "year", "must be a number")
	f.Check(true, "seats", "must be positive")
	got := fault.Of(f.Err())
	want := fault.Fields{{Field: "name", Message: "is required"}, {Field: "year", Message: "must be a number"}}
	if got.Kind != fault.Invalid || got.Code != "invalid" || !reflect.DeepEqual(got.Fields, want) {
		t.Errorf("Err = %+v", got)
	}
}

func TestAll(t *testing.T) {
	of := func(names ...string) error {
		var f fault.Fields
		for _, n := range names {
			f.Check(false, n, "is wrong")
		}
		return f.Err()
	}
	for name, c := range map[string]struct {
		errs []error
		want error
	}{
		"none":          {nil, nil},
		"only nil":      {[]error{nil, nil}, nil},
		"one":           {[]error{of("a")}, of("a")},
		"together":      {[]error{of("a", "b"), nil, of("b", "c")}, of("a", "b", "c")},
		"wrapped":       {[]error{fmt.Errorf("x: %w", of("a")), of("b")}, of("a", "b")},
		"another":       {[]error{of("a"), io.EOF, errTaken}, io.EOF},
		"another fault": {[]error{of("a"), errTaken, io.EOF}, errTaken},
	} {
		if got := fault.All(c.errs...); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: All = %v, want %v", name, got, c.want)
		}
	}
}

// Each field is reported once, in the order in which it was first found wrong.
func TestFieldsProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var f fault.Fields
		var want []string
		seen := map[string]bool{}
		for range rapid.IntRange(0, 20).Draw(t, "checks") {
			ok, name := rapid.Bool().Draw(t, "ok"), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name")
			f.Check(ok, name, "is wrong")
			if !ok && !seen[name] {
				want, seen[name] = append(want, name), true
			}
		}
		var got []string
		for _, field := range f {
			got = append(got, field.Field)
		}
		if !reflect.DeepEqual(got, want) || (f.Err() == nil) != (len(want) == 0) {
			t.Fatalf("fields %v, want %v", got, want)
		}
	})
}
