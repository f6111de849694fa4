package store

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// A Kind is what a column holds, whichever database keeps it.
type Kind int

// The kinds of columns.
const (
	Text Kind = iota
	Number
	Truth
	Day
	Moment
)

// columnTypes are the types of columns that the schema has, in lower case.
var columnTypes = map[string]Kind{
	"text": Text, "integer": Number, "bigint": Number, "boolean": Truth, "date": Day, "timestamp with time zone": Moment,
}

// A Table is one of the program's tables, as its database describes it.
type Table struct {
	Name    string
	Columns []Column // in the order of their names: the two databases may have added them in another
	Key     []Column // the primary key
}

// A Column is one of a table.
type Column struct {
	Name string
	Kind Kind
}

// tables reads from the database which tables it has, in the order of their
// names. Those of goose are not the program's.
func (db *DB) tables(ctx context.Context, tx *sql.Tx) (out []Table, err error) {
	rows, err := tx.QueryContext(ctx, db.dialect.Columns)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var table, name, kind string
		var place int // in the primary key, from 1; 0 is none
		if err := rows.Scan(&table, &name, &kind, &place); err != nil {
			return nil, err
		}
		k, known := columnTypes[strings.ToLower(kind)]
		if !known {
			return nil, fmt.Errorf("%s.%s is of type %s, which this program has no tables of", table, name, kind)
		}
		if len(out) == 0 || out[len(out)-1].Name != table {
			out = append(out, Table{Name: table})
		}
		out[len(out)-1].add(Column{name, k}, place)
	}
	for _, t := range out {
		if len(t.Key) == 0 {
			return nil, fmt.Errorf("%s has no primary key", t.Name)
		}
	}
	return out, rows.Err()
}

func (t *Table) add(c Column, place int) {
	t.Columns = append(t.Columns, c)
	slices.SortFunc(t.Columns, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
	if place > 0 {
		t.Key = append(t.Key, make([]Column, max(place-len(t.Key), 0))...)
		t.Key[place-1] = c
	}
}

// selectAll returns the query for all rows of t in the order of its key, text
// byte by byte.
func (d Dialect) selectAll(t Table) string {
	var cols, key []string
	for _, c := range t.Columns {
		cols = append(cols, quoted(c.Name))
	}
	for _, c := range t.Key {
		by := quoted(c.Name)
		if c.Kind == Text {
			by += d.Bytewise
		}
		key = append(key, by)
	}
	return "SELECT " + strings.Join(cols, ", ") + " FROM " + quoted(t.Name) + " ORDER BY " + strings.Join(key, ", ")
}

func quoted(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// inOrder returns the tables so that each comes after those that it refers to.
func (db *DB) inOrder(ctx context.Context, tx *sql.Tx, tables []Table) ([]Table, error) {
	refers, err := db.references(ctx, tx)
	if err != nil {
		return nil, err
	}
	var out []Table
	for left := slices.Clone(tables); len(left) > 0; {
		waits := func(t Table) bool {
			return slices.ContainsFunc(left, func(o Table) bool { return o.Name != t.Name && slices.Contains(refers[t.Name], o.Name) })
		}
		i := slices.IndexFunc(left, func(t Table) bool { return !waits(t) })
		if i < 0 {
			return nil, fmt.Errorf("%s and other tables refer to each other in a circle", left[0].Name)
		}
		out, left = append(out, left[i]), slices.Delete(left, i, i+1)
	}
	return out, nil
}

// references returns which tables each table refers to.
func (db *DB) references(ctx context.Context, tx *sql.Tx) (map[string][]string, error) {
	rows, err := tx.QueryContext(ctx, db.dialect.References)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := map[string][]string{}
	for rows.Next() {
		var from, to string
		if err := rows.Scan(&from, &to); err != nil {
			return nil, err
		}
		out[from] = append(out[from], to)
	}
	return out, rows.Err()
}
