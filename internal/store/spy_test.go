package store_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"

	"cartracker/internal/store"
	"cartracker/internal/store/testdb"
)

// A spy is a driver around another that writes down what is asked of it.
type spy struct {
	inner driver.Driver
	dsn   string

	mu   sync.Mutex
	seen []asked
}

type asked struct {
	query string
	args  []any
}

// spyOn returns db with a spy on all that it reads outside of transactions.
func spyOn(t *testing.T, d testdb.Database, db *store.DB) (*spy, *store.DB) {
	t.Helper()
	s := &spy{inner: d.Raw(t).Driver(), dsn: d.DSN}
	pool := sql.OpenDB(s)
	spied := db.Reading(pool)
	t.Cleanup(func() {
		if err := errors.Join(spied.Forget(), pool.Close()); err != nil {
			t.Error(err)
		}
	})
	return s, spied
}

// asked returns what was asked since the last time.
func (s *spy) asked() []asked {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

func (s *spy) note(query string, args []driver.NamedValue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := asked{query: query}
	for _, v := range args {
		a.args = append(a.args, v.Value)
	}
	s.seen = append(s.seen, a)
}

func (s *spy) Connect(context.Context) (driver.Conn, error) {
	c, err := s.inner.Open(s.dsn)
	return spyConn{c, s}, err
}

// Driver returns the driver that is spied on.
func (s *spy) Driver() driver.Driver { return s.inner }

type spyConn struct {
	driver.Conn
	spy *spy
}

func (c spyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.spy.note(query, args)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c spyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.spy.note(query, args)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c spyConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
}

func (c spyConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	stmt, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
	return spyStmt{stmt, c.spy, query}, err
}

func (c spyConn) CheckNamedValue(v *driver.NamedValue) error {
	if inner, ok := c.Conn.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

type spyStmt struct {
	driver.Stmt
	spy   *spy
	query string
}

func (s spyStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.spy.note(s.query, args)
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

func (s spyStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.spy.note(s.query, args)
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}
