package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
)

var (
	// ErrBehind refuses a database that lacks steps which this program knows.
	ErrBehind = errors.New("the schema of the database is behind this program: run cartracker migrate up first")
	// ErrNotEmpty refuses to copy over what somebody has recorded.
	ErrNotEmpty = errors.New("there are records in the target already, and copy writes into an empty database only")
)

// begins are the tables in which a database has rows before anybody has
// recorded anything: those that migrations make, and the code for the first admin.
var begins = []string{"change_counter", "locks", "setup_code"}

// A Progress is told how many rows of a table were copied.
type Progress func(table string, rows, of int64)

// tellEvery is after how many rows a Progress is told again.
const tellEvery = 5_000

// Copy writes all that from holds into to, and returns what that is. It is one
// transaction of to, which commits only if its counts and checksums are those
// of from. What is no table of the program is left to also, which is called last
// inside of that transaction. From is only read; both must have the schema of
// this program, and to must be empty and a PostgreSQL database.
func Copy(ctx context.Context, from, to *DB, tell Progress, also func(context.Context) error) (all []Content, err error) {
	if to.dialect.CopyIn == nil {
		return nil, fmt.Errorf("store: a database of %s cannot be copied to", to.Name())
	}
	for _, db := range []*DB{from, to} {
		if have, newest, err := db.Step(ctx); err != nil || have != newest {
			return nil, errors.Join(err, cmpStep(have, newest))
		}
	}
	err = from.Snapshot(ctx, func(s *Snapshot) error {
		return to.alone(ctx, func(conn *sql.Conn, tx *sql.Tx) error {
			if all, err = copyAll(ctx, s, to, conn, tx, tell); err != nil {
				return err
			}
			return also(context.WithValue(ctx, txKey{to}, &transaction{Tx: tx, conn: conn}))
		})
	})
	if err != nil {
		return nil, err
	}
	// Until then every plan would be a guess; but all is there, and the server does it by itself some time.
	if _, err := to.write.ExecContext(ctx, "ANALYZE"); err != nil {
		slog.WarnContext(ctx, "the copy is complete; the server could not be asked to count its rows yet", "err", err)
	}
	return all, nil
}

// errForeign refuses to make tables among those of another program.
var errForeign = errors.New("the target is not empty: it has tables of another program; make a database of its own")

// CheckTarget refuses a database that Copy would have to change before it can
// see that it is not empty: an older one, or one of another program.
func (db *DB) CheckTarget(ctx context.Context) error {
	const table = "SELECT 1 FROM information_schema.tables WHERE table_schema = current_schema() AND table_name "
	ours, err := db.exists(ctx, table+"= 'goose_db_version'")
	if err != nil {
		return err
	}
	if !ours {
		foreign, err := db.exists(ctx, table+"NOT LIKE 'goose%' LIMIT 1")
		if err == nil && foreign {
			err = errForeign
		}
		return err
	}
	have, newest, err := db.Step(ctx)
	if err == nil && have > 0 && have < newest {
		err = fmt.Errorf("the target: %w", ErrBehind)
	}
	return err
}

func cmpStep(have, newest int64) error {
	switch {
	case have < newest:
		return ErrBehind
	case have > newest:
		return ErrNewer
	}
	return nil
}

// alone calls do in a transaction of one connection.
func (db *DB) alone(ctx context.Context, do func(*sql.Conn, *sql.Tx) error) error {
	conn, err := db.write.Conn(ctx)
	if err != nil {
		return db.explain(err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return db.explain(err)
	}
	defer tx.Rollback() // does nothing once committed
	if err := do(conn, tx); err != nil {
		return db.explain(err)
	}
	return db.explain(tx.Commit())
}

func copyAll(ctx context.Context, s *Snapshot, to *DB, conn *sql.Conn, tx *sql.Tx, tell Progress) ([]Content, error) {
	target, err := to.snapshotIn(ctx, tx)
	if err != nil {
		return nil, err
	}
	if err := sameTables(s.tables, target.tables); err != nil {
		return nil, err
	}
	if err := target.clear(ctx); err != nil {
		return nil, err
	}
	tables, err := to.inOrder(ctx, tx, target.tables)
	if err != nil {
		return nil, err
	}
	counts, err := s.Counts(ctx)
	if err != nil {
		return nil, err
	}
	var read []Content
	for _, t := range tables {
		of := counts[t.Name]
		c, err := s.copyTable(ctx, t, to.dialect, conn, func(rows int64) {
			if rows%tellEvery == 0 && rows < of {
				tell(t.Name, rows, of)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("copy %s: %w", t.Name, err)
		}
		tell(t.Name, c.Rows, of)
		read = append(read, c)
	}
	return read, target.confirm(ctx, read)
}

// sameTables refuses two databases whose tables differ, though their schemas
// have as many steps.
func sameTables(from, to []Table) error {
	names := func(all []Table) (out []string) {
		for _, t := range all {
			for _, c := range t.Columns {
				out = append(out, t.Name+"."+c.Name)
			}
		}
		return out
	}
	a, b := names(from), names(to)
	for _, name := range append(slices.Clone(a), b...) {
		if !slices.Contains(a, name) || !slices.Contains(b, name) {
			return fmt.Errorf("only one of the two databases has %s: they are not of the same program", name)
		}
	}
	return nil
}

// clear locks all tables, refuses them if somebody has recorded anything, and
// empties them of what they began with.
func (s *Snapshot) clear(ctx context.Context) error {
	var all []string
	for _, t := range s.tables {
		all = append(all, quoted(t.Name))
	}
	// Programs that serve the target wait from here on.
	if _, err := s.tx.ExecContext(ctx, "LOCK TABLE "+strings.Join(all, ", ")+" IN ACCESS EXCLUSIVE MODE"); err != nil {
		return err
	}
	counts, err := s.Counts(ctx)
	if err != nil {
		return err
	}
	for _, t := range s.tables {
		if n := counts[t.Name]; n > 0 && !slices.Contains(begins, t.Name) {
			return fmt.Errorf("%w (%s has %d rows)", ErrNotEmpty, t.Name, n)
		}
	}
	_, err = s.tx.ExecContext(ctx, "TRUNCATE "+strings.Join(all, ", "))
	return err
}

// copyTable writes the rows of s into the table t of another database, and
// returns what they are. The kinds are those of t: SQLite has fewer.
func (s *Snapshot) copyTable(ctx context.Context, t Table, to Dialect, conn *sql.Conn, tell func(rows int64)) (Content, error) {
	next, end, err := s.rows(ctx, t)
	if err != nil {
		return Content{}, err
	}
	defer end()
	sum := newSum(t)
	var failed error // CopyIn does not return it as it is
	_, err = to.CopyIn(ctx, conn, t, func() ([]any, error) {
		values, err := next()
		if values != nil && err == nil {
			err = sum.add(values)
		}
		tell(sum.rows)
		failed = err
		return values, err
	})
	if failed != nil {
		err = failed
	}
	return sum.content(), err
}

// confirm compares what was written with what was read, and lets counters of
// the database go on behind what was written.
func (s *Snapshot) confirm(ctx context.Context, read []Content) error {
	written, err := s.Contents(ctx)
	if err != nil {
		return err
	}
	if diff := Differences(written, read); diff != "" {
		return fmt.Errorf("the target is not what the source is, and nothing was kept: %s", diff)
	}
	_, err = s.tx.ExecContext(ctx, s.db.dialect.Advance)
	return err
}
