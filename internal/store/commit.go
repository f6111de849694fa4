package store

import (
	"context"

	"cartracker/internal/record"
)

// OnCommit lets tell know what each transaction of this process has changed:
// after it is committed and before InTx returns, on the same goroutine, with a
// context that a client who leaves does not end. Calls for several transactions
// may overlap and come in any order; the feed tells of the same changes again,
// in order. A transaction with changes that it did not list is told as Missed.
// Tell must return soon. OnCommit is called before the database is used.
func (db *DB) OnCommit(tell func(context.Context, record.Batch)) {
	db.committed = append(db.committed, tell)
}

// tellCommitted tells what tx, which is committed, has changed.
func (db *DB) tellCommitted(ctx context.Context, tx *transaction) {
	if len(db.committed) == 0 || tx.first == 0 {
		return
	}
	b := record.Batch{Missed: len(tx.many) > 0}
	for i, c := range tx.changes {
		b.Events = append(b.Events, record.Event{Seq: tx.first + int64(i), Change: c, At: tx.at})
	}
	ctx = context.WithoutCancel(ctx)
	for _, tell := range db.committed {
		tell(ctx, b)
	}
}
