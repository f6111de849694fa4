// Package page cuts long lists into pages.
package page

import (
	"reflect"

	"cartracker/internal/fault"
)

const (
	// MaxLimit bounds one page, so that no request can ask for a whole table.
	MaxLimit = 1000
	// MaxRow is the last row that a page number reaches; a cursor goes on.
	MaxRow = 10_000
)

// ErrQuery is a list that cannot be asked for that way.
var ErrQuery = fault.New(fault.Malformed, "bad_request", "a query parameter is not what this route takes")

// ErrOrder is a range of days that ends before it begins.
var ErrOrder = ErrQuery.Say("to: must not be before from")

// A Query asks for one page, by number or by cursor. The zero Query asks for the first.
type Query struct {
	Page   int    `query:"page" minimum:"1" doc:"Page number, from 1, down to row 10,000; use cursor beyond."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" doc:"Rows on a page."`
	Cursor string `query:"cursor" maxLength:"1024" doc:"nextCursor of the page before; instead of page."`
}

// Bounds returns the limit and offset to use, with usual as the limit of a
// query that names none. It refuses pages that begin beyond MaxRow.
func (q Query) Bounds(usual int) (limit, offset int, err error) {
	limit = q.Limit
	if limit <= 0 {
		limit = usual
	}
	limit = min(limit, MaxLimit)
	if q.Cursor != "" && q.Page != 0 {
		return 0, 0, ErrQuery.Say("give page or cursor, not both")
	}
	if q.Page-1 > (MaxRow-1)/limit {
		return 0, 0, ErrQuery.Say("a page number reaches down to row 10,000; use cursor beyond")
	}
	return limit, max(q.Page-1, 0) * limit, nil
}

// Of is one page of Ts and where it stands in the whole list.
type Of[T any] struct {
	Items   []T
	Page    int    // from 1; 0 when asked for by cursor
	Limit   int    // rows a page has at most
	Total   int    // rows in the whole list, at most MaxRow
	AtLeast bool   // there are more than Total
	More    bool   // there is a next page
	Next    string // its cursor
}

// An Opt is a query parameter that can be left out.
type Opt[T any] struct {
	Value T
	Set   bool
}

// Some returns an Opt that holds v.
func Some[T any](v T) Opt[T] { return Opt[T]{v, true} }

// Receiver is where a decoder of query parameters puts the value.
func (o *Opt[T]) Receiver() reflect.Value { return reflect.ValueOf(o).Elem().Field(0) }

// OnParamSet is told whether the parameter was given.
func (o *Opt[T]) OnParamSet(set bool, _ any) { o.Set = set }
