package store

import (
	"context"
	"database/sql"
	"log/slog"
	"time"
)

// A Pool tells how connections to the database are used.
type Pool struct {
	Name                    string // such as "primary"; of a replica its host and port
	Most, Open, InUse, Idle int    // connections; Most is the bound

	Waits  int64         // how often somebody found none free, and had to wait for one
	Waited time.Duration // how long, together
}

// Pools returns how the pools that serve requests are used at the moment.
func (db *DB) Pools() []Pool {
	if db.dialect.Pools == nil {
		return []Pool{poolOf("writer", db.write), poolOf("readers", db.read)}
	}
	return append(db.dialect.Pools(), db.replicas.pools()...)
}

func poolOf(name string, pool *sql.DB) Pool {
	s := pool.Stats()
	return Pool{
		Name: name, Most: s.MaxOpenConnections, Open: s.OpenConnections, InUse: s.InUse, Idle: s.Idle,
		Waits: s.WaitCount, Waited: s.WaitDuration,
	}
}

const (
	tellPoolsEvery = time.Minute
	// tellWaitsFrom is the least time that all together have waited for a pool
	// to be told: jobs that look at the same moment wait for each other.
	tellWaitsFrom = 100 * time.Millisecond
)

// TellPools logs once a minute which pools somebody had to wait for, until ctx is done.
func (db *DB) TellPools(ctx context.Context) error {
	t := time.NewTicker(tellPoolsEvery)
	defer t.Stop()
	for known := db.Pools(); ; {
		select {
		case <-t.C:
			known = tellWaits(ctx, known, db.Pools())
		case <-ctx.Done():
			return nil
		}
	}
}

// tellWaits logs what became more from before to now, which it returns.
func tellWaits(ctx context.Context, before, now []Pool) []Pool {
	known := map[string]Pool{}
	for _, p := range before {
		known[p.Name] = p
	}
	for _, p := range now {
		if waited := p.Waited - known[p.Name].Waited; waited >= tellWaitsFrom {
			slog.InfoContext(ctx, "requests or jobs waited for a connection to the database",
				"pool", p.Name, "waits", p.Waits-known[p.Name].Waits, "waited", waited, "in use", p.InUse, "open", p.Open, "most", p.Most)
		}
	}
	return now
}

// Pulse watches over the database until ctx is done: while it does not answer,
// every call fails at once, and says that it is away. Without a running Pulse
// calls wait for what the database's own timeouts allow.
func (db *DB) Pulse(ctx context.Context) error {
	if db.dialect.Pulse == nil {
		return nil
	}
	return db.dialect.Pulse(ctx)
}

// Lost reports whether Pulse knows that the database is away.
func (db *DB) Lost() bool { return db.dialect.Lost != nil && db.dialect.Lost() }
