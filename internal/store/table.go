package store

import (
	"context"
	"database/sql/driver"
	"reflect"
	"strings"

	"cartracker/internal/fault"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// A table maps a Go type to a SQL table. A resource that needs another
// statement embeds its table and writes it out.
type table[ID ~string, T any] struct {
	db     *DB
	name   string
	cols   string           // separated by ", ", the key first
	fields func(*T) []any   // pointers to the fields that cols are, in the same order
	none   *fault.Error     // what it means that a row is not there
	live   string           // a condition that rows that are there fulfil; "" if all do
	derive func(*T) derived // columns that are made from others and never read

	joins    string           // what a SELECT reads besides the table: one row for each of its own
	computed string           // expressions that a SELECT reads behind cols
	into     func(*T) []any   // pointers to the fields that computed are
	sorts    map[string]order // what a list can be sorted by
	usual    string           // what it is sorted by unless told otherwise
	limit    int              // how many rows a page has unless told otherwise
}

// derived are the columns that a row has besides its fields.
type derived []struct {
	col   string
	value any
}

func (t table[ID, T]) Insert(ctx context.Context, v *T) error {
	cols, args := t.row(v)
	marks := strings.Repeat(", ?", len(args))[2:]
	_, err := t.db.exec(ctx, "INSERT INTO "+t.name+" ("+cols+") VALUES ("+marks+")", args...)
	return err
}

// together is how many rows one statement inserts: with 30 columns each they
// stay below what either database takes as arguments.
const together = record.Together

// InsertAll keeps many rows: full batches by one statement each, the rest one by one.
func (t table[ID, T]) InsertAll(ctx context.Context, rows []T) error {
	for len(rows) >= together {
		var cols string
		var args []any
		for i := range rows[:together] {
			var one []any
			cols, one = t.row(&rows[i])
			args = append(args, one...)
		}
		mark := "(" + strings.Repeat(", ?", len(args)/together)[2:] + ")"
		query := "INSERT INTO " + t.name + " (" + cols + ") VALUES " + strings.Repeat(", "+mark, together)[2:]
		if err := t.db.execMany(ctx, query, args); err != nil {
			return err
		}
		rows = rows[together:]
	}
	for i := range rows {
		if err := t.Insert(ctx, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// row returns the columns of v, separated by ", ", and what is kept in them.
func (t table[ID, T]) row(v *T) (cols string, args []any) {
	cols, args = t.cols, values(t.fields(v))
	if t.derive != nil {
		for _, d := range t.derive(v) {
			cols, args = cols+", "+d.col, append(args, d.value)
		}
	}
	return cols, args
}

// get returns the row that cond selects. The arguments are those of computed, then of cond.
func (t table[ID, T]) get(ctx context.Context, cond string, args ...any) (v T, err error) {
	rows, err := t.all(ctx, " WHERE "+t.alive(cond), args...)
	if err == nil && len(rows) == 0 {
		err = t.none
	}
	if err != nil {
		return v, err
	}
	return rows[0], nil
}

// update changes the row that cond selects by arg, under its lock. Nothing is
// written if change returns record.ErrUnchanged. The other arguments are those
// of computed.
func (t table[ID, T]) update(ctx context.Context, change func(*T) error, cond string, arg any, computed ...any) (v T, err error) {
	err = t.db.InTx(ctx, func(ctx context.Context) error {
		if err := t.hold(ctx, cond, arg); err != nil {
			return err
		}
		if v, err = t.get(ctx, cond, append(computed[:len(computed):len(computed)], arg)...); err != nil {
			return err
		}
		if err := change(&v); err != nil {
			if err == record.ErrUnchanged {
				return nil
			}
			return err
		}
		return t.write(ctx, &v)
	})
	return v, err
}

// write replaces the row of v by v.
func (t table[ID, T]) write(ctx context.Context, v *T) error {
	cols, args := t.row(v)
	key, rest, _ := strings.Cut(cols, ", ")
	sets := strings.ReplaceAll(rest, ", ", " = ?, ") + " = ?"
	_, err := t.db.exec(ctx, "UPDATE "+t.name+" SET "+sets+" WHERE "+key+" = ?", append(args[1:], args[0])...)
	return err
}

// Replace replaces a row that is locked.
func (t table[ID, T]) Replace(ctx context.Context, v *T) error { return t.write(ctx, v) }

// matching returns the rows that have one of these values in col, of which
// there are at most together, locked. The arguments are those of computed.
func (t table[ID, T]) matching(ctx context.Context, col string, values []any, args ...any) ([]T, error) {
	full := make([]any, together) // always as many, so that there is one statement
	copy(full, values)
	for i := len(values); i < together; i++ {
		full[i] = ""
	}
	cond := col + " IN (" + strings.Repeat(", ?", together)[2:] + ")"
	if lock := t.db.dialect.ForUpdate; lock != "" {
		query := "SELECT 1 FROM " + t.name + " WHERE " + t.alive(cond) + " ORDER BY " + t.key() + lock
		if err := t.db.query(ctx, func(func(...any) error) error { return nil }, query, full...); err != nil {
			return nil, err
		}
	}
	return t.all(ctx, " WHERE "+t.alive(cond), append(args[:len(args):len(args)], full...)...)
}

// hold locks the row that cond selects by arg. It is read after that, by a
// statement of its own: one that waits for the lock would join the row as it
// is then with what other tables held before.
func (t table[ID, T]) hold(ctx context.Context, cond string, arg any) error {
	if t.db.dialect.ForUpdate == "" {
		return nil
	}
	_, err := t.db.exists(ctx, "SELECT 1 FROM "+t.name+" WHERE "+t.alive(cond)+t.db.dialect.ForUpdate, arg)
	return err
}

// locked returns the row that cond selects by arg, which nobody else can
// change until the transaction ends.
func (t table[ID, T]) locked(ctx context.Context, cond string, arg any) (v T, err error) {
	if err := t.hold(ctx, cond, arg); err != nil {
		return v, err
	}
	return t.get(ctx, cond, arg)
}

// list returns the page of the rows that w selects. The arguments are those of computed.
func (t table[ID, T]) list(ctx context.Context, w where, q page.Query, sort string, args ...any) (page.Of[T], error) {
	p, err := t.plan(q, sort)
	if err != nil {
		return page.Of[T]{}, err
	}
	if t.live != "" {
		w.add(t.live)
	}
	counted := w
	p.seek(&w, t.key())
	args = append(append(args[:len(args):len(args)], w.args...), p.limit+1, p.offset)
	var v, none T
	var at, last mark // what a row, and the last of the page, is sorted by
	out := page.Of[T]{Items: []T{}, Limit: p.limit, Page: q.Page}
	targets := append(t.targets(&v), &at)
	row := func(scan func(...any) error) error {
		v = none
		err := scan(targets...)
		out.Items = append(out.Items, v)
		if len(out.Items) == p.limit {
			last = at
		}
		return err
	}
	err = t.db.query(ctx, row, "SELECT "+t.columns()+", "+p.expr+" FROM "+t.name+t.joins+w.clause()+p.clause(t.key())+" LIMIT ? OFFSET ?", args...)
	if err != nil {
		return out, err
	}
	if out.More = len(out.Items) > p.limit; out.More {
		out.Items = out.Items[:p.limit]
		id := reflect.ValueOf(t.fields(&out.Items[p.limit-1])[0]).Elem().String()
		if out.Next, err = p.cursor(last, id); err != nil {
			return out, err
		}
	}
	if q.Cursor == "" {
		out.Page = max(q.Page, 1)
	}
	return out, t.count(ctx, counted, p, &out)
}

// count sets how many rows w selects, up to page.MaxRow. A page that is not
// full tells by itself.
func (t table[ID, T]) count(ctx context.Context, w where, p plan, out *page.Of[T]) (err error) {
	if !out.More && p.after == nil && (p.offset == 0 || len(out.Items) > 0) {
		all := p.offset + len(out.Items)
		out.Total, out.AtLeast = min(all, page.MaxRow), all > page.MaxRow
		return nil
	}
	out.Total = page.MaxRow
	from := " FROM " + t.name + w.clause()
	bounded := append(w.args[:len(w.args):len(w.args)], page.MaxRow)
	if len(w.args) == 0 { // all rows: it is cheaper to skip to the one after MaxRow than to count so far
		if out.AtLeast, err = t.db.exists(ctx, "SELECT 1"+from+" LIMIT 1 OFFSET ?", bounded...); err != nil || out.AtLeast {
			return err
		}
	}
	row := func(scan func(...any) error) error { return scan(&out.Total) }
	err = t.db.query(ctx, row, "SELECT COUNT(*) FROM (SELECT 1"+from+" LIMIT ? + 1) counted", bounded...)
	out.Total, out.AtLeast = min(out.Total, page.MaxRow), out.Total > page.MaxRow
	return err
}

// all returns the rows of "SELECT … FROM name" followed by rest.
func (t table[ID, T]) all(ctx context.Context, rest string, args ...any) ([]T, error) {
	out := []T{}
	row := func(scan func(...any) error) error {
		var v T
		if err := scan(t.targets(&v)...); err != nil {
			return err
		}
		out = append(out, v)
		return nil
	}
	err := t.db.query(ctx, row, "SELECT "+t.columns()+" FROM "+t.name+t.joins+rest, args...)
	return out, err
}

func (t table[ID, T]) targets(v *T) []any {
	targets := t.fields(v)
	if t.into != nil {
		targets = append(targets, t.into(v)...)
	}
	for i, f := range targets {
		targets[i] = scanner(f)
	}
	return targets
}

// columns returns what a SELECT reads: the columns, of which those that are
// people are looked up, and what is computed.
func (t table[ID, T]) columns() string {
	cols := strings.Split(t.cols, ", ")
	for i, c := range cols {
		cols[i] = t.name + "." + c
		if strings.HasSuffix(c, "_by") || c == "sender_id" {
			cols[i] = personExpr(cols[i])
		}
	}
	if t.computed != "" {
		cols = append(cols, t.computed)
	}
	return strings.Join(cols, ", ")
}

func (t table[ID, T]) key() string {
	key, _, _ := strings.Cut(t.cols, ", ")
	return t.name + "." + key
}

func (t table[ID, T]) alive(cond string) string {
	if t.live == "" {
		return cond
	}
	return cond + " AND " + t.live
}

// values returns what the fields that are pointed to hold, as a driver takes it.
func values(fields []any) []any {
	out := make([]any, len(fields))
	for i, f := range fields {
		out[i] = value(f)
	}
	return out
}

func value(f any) any {
	if v, ok := f.(driver.Valuer); ok {
		return v
	}
	v := reflect.ValueOf(f).Elem()
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return nil
		}
		return value(v.Interface())
	}
	switch v.Kind() {
	case reflect.String:
		return v.String()
	case reflect.Int:
		return v.Int()
	}
	return v.Interface()
}
