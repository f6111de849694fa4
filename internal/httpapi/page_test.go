package httpapi

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/money"
	"cartracker/internal/page"
	"cartracker/internal/rental"
)

// Lists that are written without reflection say what encoding/json says, also
// of a field that a record has had since yesterday.
func TestEncodePage(t *testing.T) {
	t.Run("cars", func(t *testing.T) { rapid.Check(t, encodesAlike[fleet.Car]) })
	t.Run("customers", func(t *testing.T) { rapid.Check(t, encodesAlike[customers.Customer]) })
	t.Run("contracts", func(t *testing.T) { rapid.Check(t, encodesAlike[rental.Contract]) })
	t.Run("others", func(t *testing.T) { rapid.Check(t, encodesAlike[rental.Hold]) })
}

func encodesAlike[T any](t *rapid.T) {
	p := page.Of[T]{Items: make([]T, rapid.IntRange(0, 3).Draw(t, "rows")), Limit: 30, Total: 3, Page: 1, Next: rapid.String().Draw(t, "cursor")}
	for i := range p.Items {
		fill(t, reflect.ValueOf(&p.Items[i]).Elem())
	}
	got, err := encodePage(p)
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal(success[[]T]{Success: true, Data: p.Items, Pagination: paginate(p)})
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Fatalf("the page is written\n%s\nwant\n%s", got, want)
	}
}

// fill gives every field of v some value.
func fill(t *rapid.T, v reflect.Value) {
	switch to := v.Addr().Interface().(type) {
	case *date.Date:
		*to = date.New(2026, time.January, rapid.IntRange(1, 300).Draw(t, "day"))
		return
	case *date.Moment:
		*to = date.At(time.UnixMicro(rapid.Int64Range(0, 1<<51).Draw(t, "moment")))
		return
	case *money.Amount:
		*to = money.Minor(rapid.Int64Range(-1e12, 1e12).Draw(t, "amount"))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.String().Draw(t, "text"))
	case reflect.Int:
		v.SetInt(rapid.Int64().Draw(t, "number"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "given") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	default:
		t.Fatalf("no value for a %s", v.Type())
	}
}
