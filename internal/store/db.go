// Package store keeps the domain's data. Every statement is written once, in
// the SQL that SQLite and PostgreSQL share; a Dialect holds what they do not.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/record"
)

// A Dialect is what SQLite and PostgreSQL do differently.
type Dialect struct {
	Name         string                                   // "sqlite" or "postgres"
	Migrations   fs.FS                                    // *.sql for goose
	AtOnce       AtOnce                                   // what it can do at the same time
	Alone        func(context.Context) (func(), error)    // makes other migrators wait until the func is called
	Rebind       func(query string) string                // turns each ? into the database's own placeholder
	ForUpdate    string                                   // added to a SELECT, locks the rows it returns
	Indexed      string                                   // makes a transaction look by index in tables that it fills itself; "" if it does
	ForReference string                                   // the same, but keeps others only from deleting the rows
	ForUpdateNow string                                   // the same, but fails rather than wait for others
	Prepares     bool                                     // statements are worth keeping prepared
	OneWriter    bool                                     // nothing is gained by transactions side by side: those that come together share one
	Bulk         string                                   // makes the connections that write fit for very many rows; "" if they are
	LockWait     string                                   // bounds how long the transaction waits for a lock; %d is milliseconds
	Violated     func(error) (constraint string, ok bool) // names the constraint that was broken
	Retry        func(error) bool                         // the transaction failed for no fault of its own
	LockTimed    func(error) bool                         // LockWait is over
	Away         func(error) bool                         // the database cannot be reached or cannot answer now
	OnClose      func()                                   // called last by Close; may be nil

	Columns    string             // lists table, column, type and place in the primary key of every column
	References string             // lists each table with one that it refers to
	Numbers    string             // selects the ids of the contracts in whose number a quoted text of three or more characters is; "" if LIKE finds them by an index
	Bytewise   string             // behind a column of text: sort it byte by byte
	Isolated   sql.IsolationLevel // sees the database as it was when the transaction began
	Patient    string             // lets the statements of a transaction take as long as they need; may be ""
	Advance    string             // lets the database's own counters go on behind what is in the tables

	// Pulse notices within two seconds when the database does not answer any
	// more, and lets every call fail until it does. Nil if it cannot go away.
	Pulse func(context.Context) error
	Lost  func() bool   // reports whether it is away at the moment; nil without Pulse
	Pools func() []Pool // nil if they are those of database/sql

	// Watcher is a pool of one connection for a Feed, which is never given back
	// to others. Nil if the database cannot be followed.
	Watcher *sql.DB
	// Watch makes a connection ready to learn of commits by others. What it
	// returns waits until the database may have changed since the call before,
	// or until its context is done, which leaves the connection usable.
	Watch func(ctx context.Context, conn *sql.Conn) (await func(context.Context) error, err error)

	// Jobs is how jobs are kept beside the tables of the program: a type of the
	// database's package. MigrateJobs makes their tables, in the given version.
	Jobs        any
	MigrateJobs func(ctx context.Context, version int) error

	// CopyIn writes many rows into t, from next until that returns nil. Nil if
	// the database has no way to take them.
	CopyIn func(ctx context.Context, conn *sql.Conn, t Table, next func() ([]any, error)) (int64, error)
}

// A DB is an open database: one pool that writes, and one that reads outside
// of transactions. On PostgreSQL they are the same.
type DB struct {
	write, read *sql.DB
	migrator    *sql.DB
	dialect     Dialect
	prepared    statements
	group       *group[*batch] // of those who write at the same time; nil if each has a transaction of its own
	batchTime   time.Duration  // how long a batch takes more parts
	replicas    *replicas      // nil: all is read from read
	committed   []func(context.Context, record.Batch)
	pass        Pass
	timed       Timed                                  // nil: nobody wants to know
	slow        time.Duration                          // above which the log is told of a query; 0: never
	tellSlow    func(query string, took time.Duration) // is told too; may be nil
}

// New returns the database behind these pools. The migrator is the pool that
// migrations run on; it may be write.
func New(write, read, migrator *sql.DB, d Dialect) *DB {
	db := &DB{write: write, read: read, migrator: migrator, dialect: d}
	if d.OneWriter {
		db.group, db.batchTime = newGroup(db.openBatch), batchTime
	}
	return db
}

// Close closes the database. The pool that writes is the last: on SQLite it is
// the one that then moves what is left of the log into the database.
func (db *DB) Close() error {
	errs := []error{db.prepared.close()}
	if db.dialect.Watcher != nil {
		errs = append(errs, db.dialect.Watcher.Close())
	}
	errs = append(errs, db.replicas.close())
	for _, pool := range []*sql.DB{db.read, db.migrator, db.write} { // to close one twice does nothing
		errs = append(errs, pool.Close())
	}
	if db.dialect.OnClose != nil {
		db.dialect.OnClose()
	}
	return errors.Join(errs...)
}

// Ping returns nil if the database answers.
func (db *DB) Ping(ctx context.Context) error { return db.explain(db.read.PingContext(ctx)) }

// Jobs returns how jobs are kept beside the tables of the program: a type of
// the database's package.
func (db *DB) Jobs() any { return db.dialect.Jobs }

// Within lets do work on the transaction of ctx, for what writes to it by
// itself. The connection that it runs on is nil where it shares one.
func (db *DB) Within(ctx context.Context, do func(*sql.Tx, *sql.Conn) error) error {
	tx := db.tx(ctx)
	if tx == nil {
		return errNoTx
	}
	tx.wrote = true
	return db.failed(ctx, do(tx.Tx, tx.conn))
}

// Name returns "sqlite" or "postgres".
func (db *DB) Name() string { return db.dialect.Name }

// maxAttempts is how often a transaction is tried that the database gave up
// on because of others (a deadlock, SQLSTATE 40P01, or 40001).
const maxAttempts = 4

var (
	errBusy       = &fault.Error{Kind: fault.Unavailable, Code: "overloaded", Message: "others are changing the same; try again in a moment", RetryAfter: time.Second}
	errAway       = &fault.Error{Kind: fault.Unavailable, Code: "database_away", Message: "the database does not answer; try again", RetryAfter: 5 * time.Second}
	errConstraint = fault.New(fault.Conflict, "conflict", "this does not fit with what is already recorded")
	errNoTx       = errors.New("store: a write outside of a transaction")
)

type txKey struct{ db *DB }

// A transaction collects what it will tell the feed of changes.
type transaction struct {
	*sql.Tx
	conn    *sql.Conn // it runs on; nil for a part of a batch
	batch   *batch    // of which it is a part; nil if it is all of Tx
	changes []record.Change
	many    []manyChanges // more than are collected
	first   int64         // the number of the first of changes, once the feed is told
	at      date.Moment
	unkept  []string             // queries that should be kept prepared
	own     map[string]*sql.Stmt // statements that it repeats, prepared for itself
	refused []audit.Log          // to be kept whatever becomes of it
	wrote   bool                 // it may have changed something
	callers []string             // for whom it works
	end     Position             // the log ends there or later, if others have to know
}

// InTx runs do inside a transaction: every call that do makes with the context
// it is given joins it. The transaction commits if do returns nil. Inside
// another transaction, InTx joins that one. Do may be called again if the
// database gives the transaction up because of others. On SQLite those who call
// InTx at the same time are committed together; do runs to its end there though
// ctx is done, and what takes long is for InLongTx.
func (db *DB) InTx(ctx context.Context, do func(context.Context) error) error {
	switch tx := db.tx(ctx); {
	case tx != nil:
		tx.worksFor(ctx)
		return do(ctx)
	case db.group != nil:
		return inSpan(ctx, func(ctx context.Context) error { return db.inBatch(ctx, do) })
	}
	return db.InLongTx(ctx, do)
}

// InLongTx is InTx for what takes long: nobody else has to wait for its end to
// be committed, and it ends when ctx is done.
func (db *DB) InLongTx(ctx context.Context, do func(context.Context) error) error {
	if tx := db.tx(ctx); tx != nil {
		tx.worksFor(ctx)
		return do(ctx)
	}
	return inSpan(ctx, func(ctx context.Context) error {
		tx, err := db.inPlace(ctx, do)
		if tx != nil && tx.end > 0 {
			db.noteWritten(ctx, tx)
		}
		return err
	})
}

// inPlace runs do inside a transaction while it has a place at the database,
// and returns the last one it tried.
func (db *DB) inPlace(ctx context.Context, do func(context.Context) error) (*transaction, error) {
	ctx, leave, err := db.enter(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	for attempt := 1; ; attempt++ {
		tx := &transaction{}
		err := db.group.alone(ctx, func() error { return db.attempt(ctx, tx, do) })
		if err == nil || !db.dialect.Retry(err) {
			db.keepRefused(ctx, tx.refused)
			return tx, db.explain(err)
		}
		if attempt == maxAttempts {
			return tx, fmt.Errorf("%w (%w)", errBusy, err)
		}
	}
}

func (db *DB) attempt(ctx context.Context, tx *transaction, do func(context.Context) error) (err error) {
	if tx.conn, err = db.write.Conn(ctx); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() {
		tx.conn.Close()
		db.prepared.keep(context.WithoutCancel(ctx), db.write, tx.unkept)
	}()
	if tx.Tx, err = tx.conn.BeginTx(ctx, nil); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() // does nothing once committed
	tx.worksFor(ctx)
	inside := context.WithValue(ctx, txKey{db}, tx)
	err = do(inside)
	if err == nil {
		err = db.writeChanges(inside, tx)
	}
	if err != nil {
		if ctx.Err() != nil { // then database/sql takes the transaction away from under its statements
			err = fmt.Errorf("%w (%w)", ctx.Err(), err)
		}
		return err
	}
	began := time.Now()
	err = tx.Commit()
	db.tellTime(primary, commit, time.Since(began))
	if err != nil {
		if db.mustNote(tx) && !db.undone(err) { // it may be there, and who wrote it will look
			tx.end = Farthest
		}
		return fmt.Errorf("commit: %w", err)
	}
	db.tellCommitted(ctx, tx)
	if db.mustNote(tx) {
		tx.end = db.replicas.end(ctx, db.write)
	}
	return nil
}

// undone reports whether a commit that failed with err has surely changed
// nothing: after any other error nobody knows.
func (db *DB) undone(err error) bool {
	_, violated := db.dialect.Violated(err)
	return violated || db.dialect.Retry(err)
}

// Try runs do as a part of the transaction of ctx that is undone alone if it
// fails, also on a database that would give the whole transaction up.
func (db *DB) Try(ctx context.Context, do func(context.Context) error) error {
	tx := db.tx(ctx)
	if tx == nil {
		return errNoTx
	}
	changes := len(tx.changes)
	if _, err := db.exec(ctx, "SAVEPOINT part"); err != nil {
		return err
	}
	if err := do(ctx); err != nil {
		tx.changes = tx.changes[:changes]
		_, undone := db.exec(ctx, "ROLLBACK TO SAVEPOINT part")
		_, released := db.exec(ctx, "RELEASE SAVEPOINT part")
		return errors.Join(err, undone, released)
	}
	_, err := db.exec(ctx, "RELEASE SAVEPOINT part")
	return err
}

func (db *DB) tx(ctx context.Context) *transaction {
	tx, _ := ctx.Value(txKey{db}).(*transaction)
	return tx
}

// exec runs a statement inside the transaction of ctx and returns how many
// rows it touched.
func (db *DB) exec(ctx context.Context, query string, args ...any) (int64, error) {
	tx := db.tx(ctx)
	if tx == nil {
		return 0, errNoTx
	}
	tx.wrote = true
	ctx, run := db.watch(ctx, primary, write, query)
	res, err := db.execIn(ctx, tx, query, args)
	if err != nil {
		err = db.failed(ctx, err)
		run.ended(ctx, 0, err)
		return 0, err
	}
	n, err := res.RowsAffected()
	run.ended(ctx, int(n), err)
	return n, err
}

func (db *DB) execIn(ctx context.Context, tx *transaction, query string, args []any) (sql.Result, error) {
	if stmt := db.keptIn(ctx, tx, query); stmt != nil {
		return stmt.ExecContext(ctx, args...)
	}
	return tx.ExecContext(ctx, db.dialect.Rebind(query), args...)
}

// execMany runs a long statement that one transaction repeats: it is prepared
// for that transaction and not longer.
func (db *DB) execMany(ctx context.Context, query string, args []any) error {
	tx := db.tx(ctx)
	if tx == nil {
		return errNoTx
	}
	tx.wrote = true
	ctx, run := db.watch(ctx, primary, write, query)
	n, err := db.execOwn(ctx, tx, db.dialect.Rebind(query), args)
	err = db.failed(ctx, err)
	run.ended(ctx, int(n), err)
	return err
}

func (db *DB) execOwn(ctx context.Context, tx *transaction, query string, args []any) (int64, error) {
	stmt := tx.own[query]
	if stmt == nil {
		var err error
		if stmt, err = tx.prepare(ctx, query); err != nil {
			return 0, err
		}
	}
	res, err := stmt.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// query calls row for each row that the query returns, inside the transaction
// of ctx if there is one. Outside of transactions a replica may answer.
func (db *DB) query(ctx context.Context, row func(scan func(...any) error) error, query string, args ...any) (err error) {
	ctx, leave, err := db.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	if done, err := db.queryReplica(ctx, row, query, args); done {
		return err
	}
	ctx, run := db.watch(ctx, primary, read, query)
	n := 0
	defer func() { run.ended(ctx, n, err) }()
	rows, err := db.rows(ctx, query, args)
	if err != nil {
		return db.failed(ctx, err)
	}
	defer rows.Close()
	for rows.Next() {
		n++
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return db.failed(ctx, rows.Err())
}

func (db *DB) rows(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	if tx := db.tx(ctx); tx != nil {
		if stmt := db.keptIn(ctx, tx, query); stmt != nil {
			return stmt.QueryContext(ctx, args...)
		}
		return tx.QueryContext(ctx, db.dialect.Rebind(query), args...)
	}
	if !db.dialect.Prepares {
		return db.read.QueryContext(ctx, db.dialect.Rebind(query), args...)
	}
	stmt := db.prepared.get(db.read, query)
	if stmt == nil {
		db.prepared.keep(ctx, db.read, []string{query})
		if stmt = db.prepared.get(db.read, query); stmt == nil {
			return db.read.QueryContext(ctx, query, args...)
		}
	}
	return stmt.QueryContext(ctx, args...)
}

// keptIn returns the kept statement of a query that runs inside tx. A new one
// is prepared after tx, for until then tx has the writer's only connection;
// one that tx itself repeats is prepared for tx.
func (db *DB) keptIn(ctx context.Context, tx *transaction, query string) *sql.Stmt {
	if !db.dialect.Prepares {
		return nil
	}
	if stmt := db.prepared.get(db.write, query); stmt != nil {
		if tx.batch != nil {
			return tx.batch.bind(query, stmt)
		}
		return tx.StmtContext(ctx, stmt)
	}
	if stmt := tx.own[query]; stmt != nil || !slices.Contains(tx.unkept, query) {
		if stmt == nil {
			tx.unkept = append(tx.unkept, query)
		}
		return stmt
	}
	stmt, err := tx.prepare(ctx, query)
	if err != nil { // running it will tell why
		return nil
	}
	return stmt
}

// prepare prepares a statement for as long as the transaction lasts.
func (tx *transaction) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	stmt, err := tx.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	if tx.own == nil {
		tx.own = map[string]*sql.Stmt{}
	}
	tx.own[query] = stmt // closed with the transaction
	return stmt, nil
}

// explain returns what an error of the database means to the domain, wrapping
// err, or err itself if it means nothing to it.
func (db *DB) explain(err error) error {
	if err == nil {
		return nil
	}
	if _, told := errors.AsType[*fault.Error](err); told {
		return err
	}
	if name, ok := db.dialect.Violated(err); ok {
		if f, ok := meanings[name]; ok {
			return fmt.Errorf("%w (%w)", f, err)
		}
		return fmt.Errorf("%w (%w)", errConstraint, err)
	}
	if db.dialect.LockTimed(err) {
		return fmt.Errorf("%w (%w)", errBusy, err)
	}
	if db.dialect.Away(err) {
		return fmt.Errorf("%w (%w)", errAway, err)
	}
	return err
}
