package store

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"cartracker/internal/date"
	"cartracker/internal/page"
)

// An order is what a list can be sorted by: an expression that is never NULL.
type order struct {
	expr string
	kind kind
}

// A kind is the type of an expression to sort by.
type kind uint8

const (
	number kind = iota
	small       // a number of an INTEGER column: 32 bits on PostgreSQL
	words
	day
	moment
)

// A plan says how to get one page of a list.
type plan struct {
	order
	sort          string // as the client wrote it
	descending    bool
	limit, offset int
	after         *position // where the page before ended; nil for a page by number
	value         any       // what the row there is sorted by
}

// A position is the place of a row in a sorted list. Written as text it is a cursor.
type position struct {
	Sort  string          `json:"s"`
	Value json.RawMessage `json:"v"`
	ID    string          `json:"i"`
}

var (
	errSort   = page.ErrQuery.Say("sort is not a field that this list can be sorted by")
	errCursor = page.ErrQuery.Say("cursor is not one that this list gave, or belongs to another sort")
)

func (t table[ID, T]) plan(q page.Query, sort string) (plan, error) {
	if sort == "" {
		sort = t.usual
	}
	name, descending := strings.CutPrefix(sort, "-")
	o, ok := t.sorts[name]
	if !ok {
		return plan{}, errSort
	}
	limit, offset, err := q.Bounds(t.limit)
	p := plan{order: o, sort: sort, descending: descending, limit: limit, offset: offset}
	if err != nil || q.Cursor == "" {
		return p, err
	}
	if p.after, err = parseCursor(q.Cursor, sort); err != nil {
		return p, err
	}
	if p.value, err = o.kind.read(p.after.Value); err != nil {
		return p, errCursor
	}
	return p, nil
}

func parseCursor(cursor, sort string) (*position, error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, errCursor
	}
	var p position
	if err := json.Unmarshal(raw, &p); err != nil || p.Sort != sort || strings.ContainsRune(p.ID, 0) {
		return nil, errCursor
	}
	return &p, nil
}

// seek adds to w that rows come behind where the page before ended.
func (p *plan) seek(w *where, key string) {
	if p.after == nil {
		return
	}
	sign := ">"
	if p.descending {
		sign = "<"
	}
	w.add("("+p.expr+", "+key+") "+sign+" (?, ?)", p.value, p.after.ID)
}

// clause returns the ORDER BY. The key breaks ties, so that pages never overlap.
func (p *plan) clause(key string) string {
	if p.descending {
		return " ORDER BY " + p.expr + " DESC, " + key + " DESC"
	}
	return " ORDER BY " + p.expr + ", " + key
}

// cursor returns the position of a row as text.
func (p *plan) cursor(m mark, id string) (string, error) {
	v, err := p.kind.write(m)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(position{Sort: p.sort, Value: v, ID: id})
	return base64.RawURLEncoding.EncodeToString(raw), err
}

// A mark scans the value that a row is sorted by, as it comes: only that of the
// last row of a page is needed.
type mark struct{ src any }

func (m *mark) Scan(src any) error {
	m.src = src
	return nil
}

// write returns the value of a mark as it stands in a cursor.
func (k kind) write(m mark) (raw json.RawMessage, err error) {
	v := m.src
	switch k {
	case day:
		d := new(date.Date)
		err, v = d.Scan(m.src), d
	case moment:
		var at date.Moment
		err = at.Scan(m.src)
		v = at.Time()
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

var errKind = errors.New("store: not a value of this kind")

// read returns the value in a cursor as an argument of a query.
func (k kind) read(raw json.RawMessage) (any, error) {
	if string(raw) == "null" { // which would be read as the zero value
		return nil, errKind
	}
	switch k {
	case number:
		var n int64
		err := json.Unmarshal(raw, &n)
		return n, err
	case small:
		var n int32
		err := json.Unmarshal(raw, &n)
		return n, err
	case words:
		var s string
		if err := json.Unmarshal(raw, &s); err != nil || strings.ContainsRune(s, 0) {
			return nil, errKind
		}
		return s, nil
	case day:
		var d date.Date
		err := json.Unmarshal(raw, &d)
		return d, err
	case moment:
		var at date.Moment
		err := json.Unmarshal(raw, &at)
		return at, err
	}
	return nil, fmt.Errorf("store: kind %d", k)
}
