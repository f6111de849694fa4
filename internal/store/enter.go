package store

import "context"

// AtOnce is how much a database can do at the same time.
type AtOnce struct {
	Reads  int  // outside of transactions that write
	Writes int  // transactions; those that one commit takes count each
	Shared bool // by the same connections: both together are no more than each
}

// AtOnce returns how much the database can do at the same time.
func (db *DB) AtOnce() AtOnce { return db.dialect.AtOnce }

// A Pass lets somebody in to the database, or refuses. What is done in the
// context that it returns is let in already; leave is called when it is done.
type Pass func(ctx context.Context) (inside context.Context, leave func(), err error)

// Guard lets pass decide who may come to the database: each transaction, and
// each query outside of one. It is called before the database is used.
func (db *DB) Guard(pass Pass) { db.pass = pass }

func (db *DB) enter(ctx context.Context) (inside context.Context, leave func(), err error) {
	if db.pass == nil || db.tx(ctx) != nil {
		return ctx, func() {}, nil
	}
	return db.pass(ctx)
}
