package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

const (
	// mostParts is how many parts a batch takes.
	mostParts = 64
	// batchTime is how long a batch takes more parts: those who did theirs wait
	// for the others.
	batchTime = 20 * time.Millisecond
)

// A batch is one transaction of the only writer for several callers of InTx.
// Each does its part inside a savepoint; they are committed together, for to
// commit takes longer than most parts.
type batch struct {
	db     *DB
	ctx    context.Context // is never done: an interrupt would undo the parts of all
	tx     *sql.Tx
	until  time.Time // takes more parts
	parts  int
	told   []func()             // tell what the parts that are kept have changed
	unkept []string             // queries that should be kept prepared
	bound  map[string]*sql.Stmt // to tx, of the statements that are kept prepared
	lost   error                // why the database has undone all of it
}

var _ shared = (*batch)(nil)

func (db *DB) openBatch(ctx context.Context) (*batch, error) {
	ctx = context.WithoutCancel(ctx)
	tx, err := db.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	return &batch{db: db, ctx: ctx, tx: tx, bound: map[string]*sql.Stmt{}, until: time.Now().Add(db.batchTime)}, nil
}

// inBatch is InTx in a transaction that is shared with others.
func (db *DB) inBatch(ctx context.Context, do func(context.Context) error) error {
	ctx, leave, err := db.enter(ctx)
	if err != nil {
		return err
	}
	defer leave()
	tx := &transaction{}
	err = db.group.do(ctx, func(b *batch) error {
		tx.Tx, tx.batch = b.tx, b
		return b.part(ctx, tx, do)
	})
	db.keepRefused(ctx, tx.refused)
	return db.explain(err)
}

// part runs do inside a savepoint, which is undone if do fails, panics or ends
// its goroutine.
func (b *batch) part(ctx context.Context, tx *transaction, do func(context.Context) error) error {
	b.parts++
	inside := context.WithValue(context.WithoutCancel(ctx), txKey{b.db}, tx)
	if _, err := b.db.exec(inside, "SAVEPOINT caller"); err != nil {
		b.lose(err)
		return err
	}
	undo := true
	defer func() {
		if undo {
			b.run(inside, "ROLLBACK TO SAVEPOINT caller")
		}
		b.run(inside, "RELEASE SAVEPOINT caller")
		b.unkept = append(b.unkept, tx.unkept...)
	}()
	if err := do(inside); err != nil {
		return err
	}
	if err := b.db.writeChanges(inside, tx); err != nil {
		return err
	}
	undo = false
	b.told = append(b.told, func() { b.db.tellCommitted(ctx, tx) })
	return nil
}

// run runs a statement without which the parts cannot be told apart.
func (b *batch) run(ctx context.Context, statement string) {
	if b.lost != nil {
		return
	}
	if _, err := b.db.exec(ctx, statement); err != nil {
		b.lose(err)
	}
}

func (b *batch) lose(err error) {
	if b.lost == nil {
		b.lost = err
	}
}

// bind returns a kept statement for the transaction, the same to all parts.
func (b *batch) bind(query string, kept *sql.Stmt) *sql.Stmt {
	stmt := b.bound[query]
	if stmt == nil {
		stmt = b.tx.StmtContext(b.ctx, kept)
		b.bound[query] = stmt
	}
	return stmt
}

// full reports whether the next one had better wait for another batch.
func (b *batch) full() bool {
	return b.lost != nil || b.parts >= mostParts || !time.Now().Before(b.until)
}

// end commits the parts that are kept, and then tells what they have changed.
func (b *batch) end() error {
	defer b.db.prepared.keep(b.ctx, b.db.write, b.unkept) // for which the connection must be free
	if b.lost != nil {
		b.tx.Rollback() // fails if SQLite did it
		return b.lost
	}
	began := time.Now()
	err := b.tx.Commit()
	b.db.tellTime(primary, commit, time.Since(began))
	if err != nil { // which then has rolled back
		return fmt.Errorf("commit: %w", err)
	}
	for _, tell := range b.told {
		tell()
	}
	return nil
}

// failed explains the error of a statement, and finds out whether it has cost
// more than that statement.
func (db *DB) failed(ctx context.Context, err error) error {
	if tx := db.tx(ctx); err != nil && tx != nil && tx.batch != nil {
		tx.batch.check(err)
	}
	return db.explain(err)
}

// check finds out whether SQLite has undone the whole transaction because of
// err, as it does when the disk is full. There is no statement that asks, but
// BEGIN succeeds only then. What the part still does goes into what was begun,
// and is rolled back with it; otherwise it would be committed at once.
func (b *batch) check(err error) {
	if b.lost != nil {
		return
	}
	if _, inside := b.tx.ExecContext(b.ctx, "BEGIN"); inside == nil {
		b.lost = err
	}
}
