package app

import (
	"runtime"
	"time"

	"cartracker/internal/config"
	"cartracker/internal/overload"
	"cartracker/internal/store"
)

const (
	// readsPerProcessor is with how many reads at a time a processor has most
	// done (bench/RESULTS.md, "Scale").
	readsPerProcessor = 4
	reportShare       = 4 // of the places for reads, one in so many is for reports
	queueShare        = 4 // so many wait for each place for reads
	longestWait       = time.Second
	// nonWriteShare is the part of the places, one in so many, that writes leave
	// where they share them: what holds them up, such as the row that an import
	// has locked, holds up nobody else.
	nonWriteShare = 4
)

// newGate returns the gate before db, which it guards.
func newGate(db *store.DB, c *config.Config) *overload.Gate {
	g := overload.New(room(db.AtOnce(), c.Places, runtime.GOMAXPROCS(0)))
	db.Guard(g.Pass)
	return g
}

// room returns how many requests may work on a database that can do so much at
// once: as many as are set, or else by the number of processors.
func room(db store.AtOnce, set, processors int) overload.Room {
	reads := set
	if reads == 0 {
		reads = readsPerProcessor * processors
	}
	r := overload.Room{Reads: reads, Writes: db.Writes, All: reads + db.Writes, Wait: longestWait}
	if db.Shared {
		r.Reads = min(reads, db.Reads)
		r.All = r.Reads
		r.Writes = max(1, r.All-max(1, r.All/nonWriteShare))
	}
	r.Reports = max(1, r.Reads/reportShare)
	r.Queue = queueShare * r.Reads
	return r
}
