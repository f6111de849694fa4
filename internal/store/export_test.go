package store

import "database/sql"

// MaxKept bounds how many statements are kept prepared.
const MaxKept = maxKept

// Pools returns the pools that write and read.
func (db *DB) Pools() (write, read *sql.DB) { return db.write, db.read }

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
