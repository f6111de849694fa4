package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"hash"
	"slices"
	"strings"
)

// A Content is what one table held: how many rows, and a checksum over them
// that does not depend on which database keeps them.
type Content struct {
	Table  string `json:"table"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"` // in hex
}

// A Snapshot is the database as it was at one moment, whatever others write.
type Snapshot struct {
	db     *DB
	tx     *sql.Tx
	tables []Table
}

// Snapshot calls do with the database as it is now.
func (db *DB) Snapshot(ctx context.Context, do func(*Snapshot) error) error {
	tx, err := db.read.BeginTx(ctx, &sql.TxOptions{Isolation: db.dialect.Isolated})
	if err != nil {
		return db.explain(err)
	}
	defer tx.Rollback() // there is nothing to commit
	s, err := db.snapshotIn(ctx, tx)
	if err != nil {
		return db.explain(err)
	}
	return db.explain(do(s))
}

func (db *DB) snapshotIn(ctx context.Context, tx *sql.Tx) (*Snapshot, error) {
	if db.dialect.Patient != "" {
		if _, err := tx.ExecContext(ctx, db.dialect.Patient); err != nil {
			return nil, err
		}
	}
	tables, err := db.tables(ctx, tx)
	return &Snapshot{db, tx, tables}, err
}

// LastChange returns the number of the last change that the feed told of.
func (s *Snapshot) LastChange(ctx context.Context) (seq int64, err error) {
	err = s.tx.QueryRowContext(ctx, "SELECT seq FROM change_counter WHERE id = 1").Scan(&seq)
	return seq, err
}

// Counts returns how many rows each table has.
func (s *Snapshot) Counts(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	for _, t := range s.tables {
		var n int64
		if err := s.tx.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+quoted(t.Name)).Scan(&n); err != nil {
			return nil, err
		}
		out[t.Name] = n
	}
	return out, nil
}

// Contents returns what the tables of these names hold, in the order of their
// names; without names, what all of them hold.
func (s *Snapshot) Contents(ctx context.Context, names ...string) (out []Content, err error) {
	for _, t := range s.tables {
		if len(names) > 0 && !slices.Contains(names, t.Name) {
			continue
		}
		sum := newSum(t)
		if err := s.read(ctx, t, sum.add); err != nil {
			return nil, err
		}
		out = append(out, sum.content())
	}
	return out, nil
}

// read calls row with each row of t, in the order of its key. The values are
// what encode takes; row must not keep the slice.
func (s *Snapshot) read(ctx context.Context, t Table, row func([]any) error) error {
	next, end, err := s.rows(ctx, t)
	if err != nil {
		return err
	}
	defer end()
	for {
		values, err := next()
		if values == nil || err != nil {
			return err
		}
		if err := row(values); err != nil {
			return err
		}
	}
}

// rows returns what returns the next row of t, nil behind the last. The slice
// is the same one each time.
func (s *Snapshot) rows(ctx context.Context, t Table) (next func() ([]any, error), end func() error, err error) {
	rows, err := s.tx.QueryContext(ctx, s.db.dialect.selectAll(t))
	if err != nil {
		return nil, nil, err
	}
	values, into := make([]any, len(t.Columns)), make([]any, len(t.Columns))
	for i := range values {
		into[i] = &values[i]
	}
	return func() ([]any, error) {
		if !rows.Next() {
			return nil, rows.Err()
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		for i, c := range t.Columns {
			if values[i], err = c.Kind.normal(values[i]); err != nil {
				return nil, fmt.Errorf("%s.%s: %w", t.Name, c.Name, err)
			}
		}
		return values, nil
	}, rows.Close, nil
}

// A sum adds up the rows of one table, which come in the order of its key.
type sum struct {
	table Table
	rows  int64
	hash  hash.Hash
	line  []byte
}

// newSum returns the sum of no rows. The names of the columns are part of it:
// a value that moved to another column is another value.
func newSum(t Table) *sum {
	s := &sum{table: t, hash: sha256.New()}
	for _, c := range t.Columns {
		s.line = appendText(s.line, c.Name)
	}
	s.hash.Write(s.line)
	return s
}

func (s *sum) add(values []any) error {
	s.line = append(s.line[:0], '\n')
	for i, v := range values {
		s.line = s.table.Columns[i].Kind.encode(s.line, v)
	}
	s.rows++
	_, err := s.hash.Write(s.line)
	return err
}

func (s *sum) content() Content {
	return Content{Table: s.table.Name, Rows: s.rows, SHA256: hex.EncodeToString(s.hash.Sum(nil))}
}

// Differences tells in words how two contents differ; "" if they do not.
func Differences(got, want []Content) string {
	var out []string
	have := map[string]Content{}
	for _, c := range got {
		have[c.Table] = c
	}
	for _, w := range want {
		g, ok := have[w.Table]
		switch delete(have, w.Table); {
		case !ok:
			out = append(out, w.Table+" is missing")
		case g.Rows != w.Rows:
			out = append(out, fmt.Sprintf("%s has %d rows instead of %d", w.Table, g.Rows, w.Rows))
		case g.SHA256 != w.SHA256:
			out = append(out, w.Table+" has other values in its rows")
		}
	}
	for name := range have {
		out = append(out, name+" is not expected")
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
