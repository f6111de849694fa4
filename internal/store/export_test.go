package store

import (
	"context"
	"database/sql"
	"time"
)

// MaxKept bounds how many statements are kept prepared.
const MaxKept = maxKept

// Handles returns the pools that write and read.
func (db *DB) Handles() (write, read *sql.DB) { return db.write, db.read }

// Reading returns db with another pool to read from.
func (db *DB) Reading(pool *sql.DB) *DB {
	return New(db.write, pool, db.migrator, db.dialect)
}

// Writing returns db with another pool to write to.
func (db *DB) Writing(pool *sql.DB) *DB {
	return New(pool, db.read, db.migrator, db.dialect)
}

// Watcher returns the pool of the connection that a feed follows on.
func (db *DB) Watcher() *sql.DB { return db.dialect.Watcher }

// Kept returns how many statements are kept prepared.
func (db *DB) Kept() int {
	db.prepared.mu.RLock()
	defer db.prepared.mu.RUnlock()
	return len(db.prepared.kept)
}

// Forget closes the statements that are kept prepared.
func (db *DB) Forget() error { return db.prepared.close() }

// Exec runs a statement inside the transaction of ctx.
func (db *DB) Exec(ctx context.Context, query string, args ...any) error {
	_, err := db.exec(ctx, query, args...)
	return err
}

// Count returns what a query that counts returns, inside the transaction of ctx if there is one.
func (db *DB) Count(ctx context.Context, query string, args ...any) (n int, err error) {
	err = db.query(ctx, func(scan func(...any) error) error { return scan(&n) }, query, args...)
	return n, err
}

// Waiting returns how many wait for their part of a batch.
func (db *DB) Waiting() int {
	db.group.mu.Lock()
	defer db.group.mu.Unlock()
	return len(db.group.waiting)
}

// MostParts is how many parts a batch takes.
const MostParts = mostParts

// Batches sets how long a batch takes more parts.
func (db *DB) Batches(d time.Duration) { db.batchTime = d }

// ErrAway says that the database is away.
var ErrAway = errAway

// Query runs a query that returns one number.
func (db *DB) Query(ctx context.Context, query string) error {
	var n int
	return db.query(ctx, func(scan func(...any) error) error { return scan(&n) }, query)
}

// TellWaits logs what became more from before to now.
func TellWaits(before, now []Pool) { tellWaits(context.Background(), before, now) }
