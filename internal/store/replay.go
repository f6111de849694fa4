package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/record"
)

const (
	// ReplayLife is how long an answer is kept for a request that comes again.
	ReplayLife = 24 * time.Hour
	// replayWait is how long a second request waits for the first.
	replayWait = 5 * time.Second
)

// Replays answers requests that come twice with what the first was answered.
// Key and effect are kept in one transaction: an error leaves no key.
type Replays struct {
	DB    *DB
	Now   func() date.Moment
	Wait  time.Duration // how long a second request waits for the first; 5 s if it is 0
	turns turns
}

// Once returns the kept answer to r, or does it and keeps the answer.
func (s *Replays) Once(ctx context.Context, r record.Replay, do func(context.Context) (record.Answer, error)) (a record.Answer, again bool, err error) {
	done, err := s.turns.take(ctx, record.Replay{Caller: r.Caller, Route: r.Route, Name: r.Name}, s.wait())
	if err != nil {
		return record.Answer{}, false, err
	}
	defer done()
	err = s.DB.InTx(ctx, func(ctx context.Context) error {
		again = false
		claimed, err := s.claim(ctx, r)
		if err != nil {
			return err
		}
		if !claimed {
			again = true
			a, err = s.kept(ctx, r)
			return err
		}
		if a, err = do(ctx); err != nil {
			return err
		}
		_, err = s.DB.exec(ctx, "UPDATE idempotency_keys SET status = ?, location = ?, body = ? WHERE caller = ? AND route = ? AND name = ?",
			a.Status, a.Location, string(a.Body), r.Caller, r.Route, r.Name)
		return err
	})
	return a, again, err
}

// claim inserts the key. Where another process is about to insert the same
// one, it waits to see whether that succeeds.
func (s *Replays) claim(ctx context.Context, r record.Replay) (bool, error) {
	if err := s.DB.lockWait(ctx, s.wait()); err != nil {
		return false, err
	}
	n, err := s.insert(ctx, r)
	if err != nil && s.DB.dialect.LockTimed(err) {
		return false, fmt.Errorf("%w (%w)", record.ErrInProgress, err)
	}
	if err != nil {
		return false, err
	}
	return n == 1, s.DB.lockWait(ctx, 0)
}

func (s *Replays) insert(ctx context.Context, r record.Replay) (int64, error) {
	now := s.Now()
	if _, err := s.DB.exec(ctx, "DELETE FROM idempotency_keys WHERE caller = ? AND route = ? AND name = ? AND created_at < ?",
		r.Caller, r.Route, r.Name, now.Add(-ReplayLife)); err != nil {
		return 0, err
	}
	return s.DB.exec(ctx, `INSERT INTO idempotency_keys (caller, route, name, fingerprint, status, location, body, created_at)
		VALUES (?, ?, ?, ?, 0, '', '', ?) ON CONFLICT DO NOTHING`, r.Caller, r.Route, r.Name, r.Fingerprint, now)
}

func (s *Replays) wait() time.Duration {
	if s.Wait > 0 {
		return s.Wait
	}
	return replayWait
}

func (s *Replays) kept(ctx context.Context, r record.Replay) (a record.Answer, err error) {
	var fingerprint, body string
	row := func(scan func(...any) error) error { return scan(&fingerprint, &a.Status, &a.Location, &body) }
	err = s.DB.query(ctx, row, "SELECT fingerprint, status, location, body FROM idempotency_keys WHERE caller = ? AND route = ? AND name = ?",
		r.Caller, r.Route, r.Name)
	if err == nil && fingerprint != r.Fingerprint {
		err = record.ErrKeyReused
	}
	a.Body = []byte(body)
	return a, err
}

// lockWait bounds how long the transaction waits for a lock; 0 is no bound.
func (db *DB) lockWait(ctx context.Context, d time.Duration) error {
	if db.dialect.LockWait == "" {
		return nil
	}
	_, err := db.exec(ctx, fmt.Sprintf(db.dialect.LockWait, d.Milliseconds()))
	return err
}

// turns lets one request of a name through at a time, within this process. The
// database does the same between processes, but SQLite's one writer would make
// every other request wait too.
type turns struct {
	mu   sync.Mutex
	busy map[record.Replay]chan struct{}
}

// take waits at most so long for the turn of name, and returns what gives it back.
func (t *turns) take(ctx context.Context, name record.Replay, wait time.Duration) (func(), error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		before := t.begin(name)
		if before == nil {
			return func() { t.end(name) }, nil
		}
		select {
		case <-before:
		case <-timer.C:
			return nil, record.ErrInProgress
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// begin takes the turn, or returns what is closed when it is free again.
func (t *turns) begin(name record.Replay) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if c, ok := t.busy[name]; ok {
		return c
	}
	if t.busy == nil {
		t.busy = map[record.Replay]chan struct{}{}
	}
	t.busy[name] = make(chan struct{})
	return nil
}

func (t *turns) end(name record.Replay) {
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.busy[name])
	delete(t.busy, name)
}
