package page_test

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"

	"cartracker/internal/page"
)

func TestBounds(t *testing.T) {
	for name, c := range map[string]struct {
		q             page.Query
		limit, offset int
		err           error
	}{
		"nothing asked for": {page.Query{}, 200, 0, nil},
		"first page":        {page.Query{Page: 1}, 200, 0, nil},
		"second page":       {page.Query{Page: 2}, 200, 200, nil},
		"own limit":         {page.Query{Page: 3, Limit: 10}, 10, 20, nil},
		"limit too large":   {page.Query{Limit: 1001}, 1000, 0, nil},
		"negative":          {page.Query{Page: -1, Limit: -1}, 200, 0, nil},
		"last row":          {page.Query{Page: 10_000, Limit: 1}, 1, 9_999, nil},
		"beyond it":         {page.Query{Page: 10_001, Limit: 1}, 0, 0, page.ErrQuery},
		"last page of 200":  {page.Query{Page: 50}, 200, 9_800, nil},
		"page 51 of 200":    {page.Query{Page: 51}, 0, 0, page.ErrQuery},
		"last page of 300":  {page.Query{Page: 34, Limit: 300}, 300, 9_900, nil},
		"page 35 of 300":    {page.Query{Page: 35, Limit: 300}, 0, 0, page.ErrQuery},
		"no overflow":       {page.Query{Page: math.MaxInt, Limit: 1000}, 0, 0, page.ErrQuery},
		"no underflow":      {page.Query{Page: math.MinInt + 1}, 200, 0, nil},
		"cursor":            {page.Query{Cursor: "x"}, 200, 0, nil},
		"cursor and limit":  {page.Query{Cursor: "x", Limit: 5}, 5, 0, nil},
		"cursor and a page": {page.Query{Cursor: "x", Page: 2}, 0, 0, page.ErrQuery},
		"cursor and first":  {page.Query{Cursor: "x", Page: 1}, 0, 0, page.ErrQuery},
	} {
		limit, offset, err := c.q.Bounds(200)
		if limit != c.limit || offset != c.offset || !errors.Is(err, c.err) {
			t.Errorf("%s: Bounds = %d, %d, %v", name, limit, offset, err)
		}
	}
}

// Pages of one limit follow each other without a gap or an overlap, down to
// the last row that a page number reaches.
func TestPagesCoverAllRows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, page.MaxLimit).Draw(t, "limit")
		next := 0
		for n := 1; ; n++ {
			got, offset, err := page.Query{Page: n, Limit: limit}.Bounds(200)
			if err != nil {
				break
			}
			if got != limit || offset != next {
				t.Fatalf("page %d begins at %d and has %d, want %d and %d", n, offset, got, next, limit)
			}
			next += limit
		}
		if next < page.MaxRow || next-limit >= page.MaxRow {
			t.Fatalf("pages of %d reach down to row %d", limit, next)
		}
	})
}

func TestOpt(t *testing.T) {
	var o page.Opt[int]
	o.Receiver().SetInt(5)
	o.OnParamSet(true, nil)
	if o != page.Some(5) {
		t.Errorf("a parameter of 5 is %+v", o)
	}
	o.OnParamSet(false, nil)
	if o.Set {
		t.Error("a parameter that was left out is set")
	}
}
