package money_test

import (
	"encoding/json"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"cartracker/internal/money"
)

func TestTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, n := amounts().Draw(t, "a"), rapid.IntRange(0, 365).Draw(t, "n")
		want := new(big.Int).Mul(big.NewInt(a.Minor()), big.NewInt(int64(n)))
		if got := a.Times(n); want.Cmp(big.NewInt(got.Minor())) != 0 {
			t.Fatalf("%d × %v = %v", n, a, got)
		}
	})
}

func TestShare(t *testing.T) {
	for _, c := range []struct {
		minor       int64
		part, whole int
		want        int64
	}{
		{100, 1, 3, 33},
		{100, 2, 3, 67},
		{100, 3, 3, 100},
		{100, 0, 3, 0},
		{1, 1, 2, 1},
		{3, 1, 2, 2},
		{-1, 1, 2, 0},
		{-3, 1, 2, -1},
		{-5, 1, 3, -2},
		{-4, 1, 3, -1},
		{money.MaxMinor * 365, 4700, 4700, money.MaxMinor * 365},
	} {
		if got := money.Minor(c.minor).Share(c.part, c.whole); got != money.Minor(c.want) {
			t.Errorf("%d/%d of %d = %d, want %d", c.part, c.whole, c.minor, got.Minor(), c.want)
		}
	}
}

// halfUp returns floor(r + 1/2).
func halfUp(r *big.Rat) *big.Int {
	r = new(big.Rat).Add(r, big.NewRat(1, 2))
	return new(big.Int).Div(r.Num(), r.Denom()) // rounds down, for the denominator is positive
}

func TestShareRoundsHalfUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.OneOf(amounts(), rapid.Map(rapid.Int64Range(-1000, 1000), money.Minor)).Draw(t, "a")
		a = a.Times(rapid.IntRange(1, 365).Draw(t, "days"))
		whole := rapid.IntRange(1, 5000).Draw(t, "whole")
		part := rapid.IntRange(0, whole).Draw(t, "part")
		exact := new(big.Rat).Mul(big.NewRat(a.Minor(), 1), big.NewRat(int64(part), int64(whole)))
		if got, want := a.Share(part, whole).Minor(), halfUp(exact); want.Cmp(big.NewInt(got)) != 0 {
			t.Fatalf("%d/%d of %d = %d, want %d", part, whole, a.Minor(), got, want)
		}
		if a.Share(whole, whole) != a || a.Share(0, whole) != (money.Amount{}) {
			t.Fatalf("all of %v = %v, none of it = %v", a, a.Share(whole, whole), a.Share(0, whole))
		}
	})
}

func TestComparisons(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := amounts().Draw(t, "a"), amounts().Draw(t, "b")
		if a.More(b) != (a.Minor() > b.Minor()) || a.Negative() != (a.Minor() < 0) || a.More(a) {
			t.Fatalf("%v, %v: More %v, Negative %v", a, b, a.More(b), a.Negative())
		}
	})
}

func TestDecodeRefuses(t *testing.T) {
	for _, in := range []string{`{"price":"55.5"}`, `{"price":null}`, `{"price":true}`, `{"price":[1]}`, `{"price":1e999}`, `{"price":55.555}`} {
		var v struct{ Price money.Amount }
		if err := json.Unmarshal([]byte(in), &v); err == nil {
			t.Errorf("%s is read as %v", in, v.Price)
		}
	}
	var optional struct{ Price *money.Amount }
	if err := json.Unmarshal([]byte(`{"price":null}`), &optional); err != nil || optional.Price != nil {
		t.Errorf("null where a price is optional: %v, %v", optional.Price, err)
	}
	var a money.Amount
	if err := a.UnmarshalText([]byte("12.5")); err != nil || a.Minor() != 1250 {
		t.Errorf("12.5 in a query is read as %v, %v", a, err)
	}
	for _, src := range []any{nil, "55", 55.5, []byte("55")} {
		if err := a.Scan(src); err == nil {
			t.Errorf("Scan(%#v) = %v", src, a)
		}
	}
}
