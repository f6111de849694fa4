package store

import "time"

// Time lets tell know how long each statement took, with its rows and the wait
// for a connection: which database answered ("primary", "replica" or "sqlite")
// and what it did ("read", "write", or "commit" of a transaction). It is called
// before the database is used.
func (db *DB) Time(tell func(database, operation string, took time.Duration)) { db.timed = tell }

func (db *DB) tellTime(database, operation string, began time.Time) {
	if db.timed != nil {
		db.timed(database, operation, time.Since(began))
	}
}

// home is the database that takes writes.
func (db *DB) home() string {
	if db.dialect.Name == "sqlite" {
		return "sqlite"
	}
	return "primary"
}
