package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Why a replica is left out.
const (
	silent   = "it does not answer"
	behind   = "it is too far behind"
	unproved = "it is not known how far it is behind"
	untold   = "it may lack what others were not told of"
	deaf     = "the primary does not tell where it is"
	writes   = "it is no replica: it takes writes"
	strange  = "it is a replica of another cluster than DATABASE_URL"
	misses   = "it is another database of the cluster than DATABASE_URL"
	refuses  = "it refuses the user, the password or the name of the database"
)

// faulty are the reasons that do not go away by themselves.
var faulty = []string{writes, strange, misses, refuses}

// A replica is a server that repeats what the primary writes.
type replica struct {
	Server
	reads atomic.Int64
	found string // the server that was looked at last. Only who looks uses this

	mu       sync.Mutex
	pool     *ReadPool // nil until the server could be reached
	inUse    bool
	alive    context.Context // ends when the server does not answer any more
	end      context.CancelFunc
	why      string // it is left out; "" at the beginning
	replayed Position
	seen     time.Time // when the last look began that found nothing wrong
	lag      time.Duration
	until    time.Time // it stays left out
	timeline string    // of the primary, at the last look
	pass     Position  // it has to come past
}

// reach returns the pool to read from and a context that ends when the server
// does not answer any more; nil if the replica is left out, or has not come to at.
func (r *replica) reach(at Position) (*sql.DB, context.Context) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.inUse || r.replayed < at || time.Since(r.seen) > maxUnseen {
		return nil, nil
	}
	return r.pool.DB, r.alive
}

// usable reports whether the replica is read from.
func (r *replica) usable() bool {
	pool, _ := r.reach(0)
	return pool != nil
}

// leave leaves the replica out. Who reads from it goes on, unless it is silent.
func (r *replica) leave(ctx context.Context, why string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if why == silent && r.end != nil {
		r.end()
	}
	r.out(ctx, why, err)
}

// lost leaves the replica out for a moment, because who read from it lost the
// connection. Others may have kept theirs.
func (r *replica) lost(ctx context.Context, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pause(lostPause)
	r.out(ctx, silent, err)
}

// doubt leaves the replica out for a time if it has not come to at.
func (r *replica) doubt(ctx context.Context, at Position, pause time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.replayed >= at {
		return
	}
	r.pause(pause)
	if r.inUse {
		r.out(ctx, untold, nil)
	}
}

// pause keeps the replica left out for at least so long.
func (r *replica) pause(least time.Duration) {
	if until := time.Now().Add(least); until.After(r.until) {
		r.until = until
	}
}

func (r *replica) out(ctx context.Context, why string, err error) {
	was, before := r.inUse, r.why
	r.inUse, r.why = false, why
	if why == before || why == unproved && !was { // nobody reads before the first proof
		return
	}
	level := slog.LevelWarn
	if slices.Contains(faulty, why) {
		level = slog.LevelError
	}
	attrs := []any{"replica", r.Name, "why", why, "lag", r.lag.Round(time.Millisecond)}
	if err != nil {
		attrs = append(attrs, "err", err)
	}
	slog.Log(ctx, level, "a replica is left out", attrs...)
}

// meet notes which server was looked at. What that one has come to says nothing
// of another, so the pool of another is given up. Only who looks at the replica
// calls this.
func (r *replica) meet(ctx context.Context, server string) {
	if r.found == server {
		return
	}
	r.found = server
	if err := r.giveUp(); err != nil {
		slog.WarnContext(ctx, "the connections to a replica were not closed in order", "replica", r.Name, "err", err)
	}
}

// giveUp closes the pool. Who reads over it asks the primary.
func (r *replica) giveUp() error {
	r.mu.Lock()
	pool := r.pool
	r.pool, r.inUse = nil, false
	if r.end != nil {
		r.end()
	}
	r.mu.Unlock()
	if pool == nil {
		return nil
	}
	err := pool.Close()
	pool.Free() // waits for who reads over it
	return err
}

// take takes the replica into use. Only who looks at it calls this.
func (r *replica) take(ctx context.Context) error {
	if r.pool == nil {
		within, cancel := context.WithTimeout(ctx, openTime)
		defer cancel()
		pool, err := r.Open(within, r.found)
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.pool = pool
		r.mu.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.inUse || time.Now().Before(r.until) {
		return nil
	}
	if r.alive == nil || r.alive.Err() != nil {
		r.alive, r.end = context.WithCancel(context.Background())
	}
	r.inUse, r.why = true, ""
	slog.InfoContext(ctx, "a replica is read from", "replica", r.Name, "lag", r.lag.Round(time.Millisecond))
	return nil
}

func (r *replica) state() ReplicaState {
	r.mu.Lock()
	defer r.mu.Unlock()
	return ReplicaState{Name: r.Name, InUse: r.inUse, Why: r.why, Lag: r.lag, Seen: r.seen, Reads: r.reads.Load()}
}

// use tells how the pool is used, if there is one.
func (r *replica) use() (p Pool, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pool == nil {
		return p, false
	}
	p = r.pool.Use()
	p.Name = r.Name
	return p, true
}

// saw notes what a look found.
func (r *replica) saw(s sight, began time.Time, timeline string, lag time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timeline != timeline {
		if r.timeline != "" {
			r.pass = s.at
		}
		r.timeline = timeline
	}
	r.replayed, r.seen, r.lag = s.at, began, lag
}

// passed reports whether the replica follows the primary since its last
// fail-over. One that was ahead of the server that was promoted cannot, and
// stands still at a position that means something else now.
func (r *replica) passed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pass == 0 || r.replayed > r.pass
}

func (r *replica) close() error {
	return errors.Join(r.Watch.Close(), r.giveUp())
}
