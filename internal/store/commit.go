package store

import (
	"context"

	"cartracker/internal/record"
)

// OnCommit lets tell know what each transaction of this process has changed:
// after it is committed and before InTx returns, with a context that a client
// who leaves does not end. On SQLite it is told of one transaction after the
// other, in the order of the feed; on PostgreSQL calls may overlap and come in
// any order. The feed tells of the same changes again, in order. Topics of
// which a transaction did not list its changes are told as Many. Tell must
// return soon, and must not write to db: other writers wait for it. OnCommit is
// called before the database is used.
func (db *DB) OnCommit(tell func(context.Context, record.Batch)) {
	db.committed = append(db.committed, tell)
}

// tellCommitted tells what tx, which is committed, has changed.
func (db *DB) tellCommitted(ctx context.Context, tx *transaction) {
	if len(db.committed) == 0 || tx.first == 0 {
		return
	}
	b := record.Batch{Through: tx.first + int64(len(tx.changes)) - 1}
	for _, m := range tx.many {
		b.Many = append(b.Many, m.topic)
	}
	for i, c := range tx.changes {
		b.Events = append(b.Events, record.Event{Seq: tx.first + int64(i), Change: c, At: tx.at})
	}
	ctx = context.WithoutCancel(ctx)
	for _, tell := range db.committed {
		tell(ctx, b)
	}
}
