package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"cartracker/internal/record"
)

const (
	lookEvery = time.Second             // at the latest
	lookTime  = 5 * time.Second         // for each answer of the database
	minPause  = 50 * time.Millisecond   // before the first attempt to reach it again
	maxPause  = 1000 * time.Millisecond // before a later one
)

// A Feed tells its followers of every change in the database, whichever
// process made it: once, and in the order of commits.
type Feed struct {
	db        *DB
	followers []func(context.Context, record.Batch)
	seq       int64        // of the last change that the followers were told of
	begun     bool         // seq is known
	last      record.Event // the one of seq, if the feed has read it
	ready     chan struct{}
	looked    atomic.Pointer[time.Time] // when the last look began that saw the end

	mu        sync.Mutex
	woken     bool               // since the last look began
	interrupt context.CancelFunc // ends the wait that is under way
}

// NewFeed returns the feed of db, which is woken by what db itself commits. It
// is called before db is used.
func NewFeed(db *DB) *Feed {
	f := &Feed{db: db, ready: make(chan struct{}), interrupt: func() {}}
	db.OnCommit(func(context.Context, record.Batch) { f.Wake() })
	return f
}

// Follow lets tell know of every change from the first look of Run on, and
// before them of those that the feed still keeps. The followers are told one
// after the other, and the next look waits for them. It is called before Run.
func (f *Feed) Follow(tell func(context.Context, record.Batch)) {
	f.followers = append(f.followers, tell)
}

// Wake lets the feed look now. It never blocks.
func (f *Feed) Wake() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.woken = true
	f.interrupt()
}

// Ready returns a channel that is closed after the first look that succeeded:
// what changes from then on is told.
func (f *Feed) Ready() <-chan struct{} { return f.ready }

// Counter returns the number of the last change in the database, which the
// followers may not have been told of yet.
func (f *Feed) Counter(ctx context.Context) (seq int64, err error) {
	row := func(scan func(...any) error) error { return scan(&seq) }
	err = f.db.query(record.Fresh(ctx), row, "SELECT seq FROM change_counter WHERE id = 1")
	return seq, err
}

// Behind returns how long ago the last look began after which the followers
// knew of everything. It is the longest possible Duration before the first
// look, and while Run does not run.
func (f *Feed) Behind() time.Duration {
	if began := f.looked.Load(); began != nil {
		return time.Since(*began)
	}
	return math.MaxInt64
}

// errUnwatched refuses to follow a database that nobody writes to.
var errUnwatched = errors.New("store: this database has no feed to follow")

// Run follows the feed until ctx is done. While the database is away it tries
// to reach it again, and then goes on where it was.
func (f *Feed) Run(ctx context.Context) error {
	if f.db.dialect.Watcher == nil {
		return errUnwatched
	}
	defer f.looked.Store(nil)
	away, pause := false, minPause
	for {
		err := f.attend(ctx, func() {
			if away {
				slog.InfoContext(ctx, "the feed of changes is followed again")
			}
			away, pause = false, minPause
		})
		if ctx.Err() != nil {
			return nil
		}
		if !away {
			slog.WarnContext(ctx, "the feed of changes cannot be followed; it is tried again", "err", err)
		}
		away = true
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
		pause = min(2*pause, maxPause)
	}
}

// attend looks and waits on one connection, for as long as that lasts. It
// calls seen after each look.
func (f *Feed) attend(ctx context.Context, seen func()) error {
	limited, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	conn, err := f.db.dialect.Watcher.Conn(limited)
	if err != nil {
		return err
	}
	defer conn.Close()
	await, err := f.db.dialect.Watch(limited, conn) // before the first look, or a change between them would wait for the next one
	if err == nil {
		err = f.resume(ctx, conn)
	}
	for err == nil && ctx.Err() == nil {
		if err = f.look(ctx, conn); err == nil {
			seen()
			err = f.wait(ctx, await)
		}
	}
	return err
}

// wait returns when the feed may have grown, and at the latest when it is time to look anyway.
func (f *Feed) wait(ctx context.Context, await func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	if f.wokenBefore(cancel) {
		return nil
	}
	return await(ctx)
}

// wokenBefore reports whether the feed was woken since the last look began. If
// not, interrupt is called when it is.
func (f *Feed) wokenBefore(interrupt context.CancelFunc) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.interrupt = interrupt
	return f.woken
}

func (f *Feed) beginLook() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.woken = false
	return time.Now()
}

// look tells the followers what has changed since the last look.
func (f *Feed) look(ctx context.Context, conn *sql.Conn) error {
	began := f.beginLook()
	first := !f.begun
	counter, err := f.counter(ctx, conn)
	switch {
	case err != nil:
	case first:
		err = f.recall(ctx, conn, counter)
	case counter < f.seq: // another database was put in its place
		f.skip(ctx, counter)
	default:
		err = f.read(ctx, conn, counter)
	}
	if err != nil {
		return err
	}
	f.looked.Store(&began)
	if first {
		close(f.ready)
	}
	return nil
}

// resume finds out whether a new connection leads to a database with the same
// past. A server that took over without the last changes of the one before it
// gives their numbers to others.
func (f *Feed) resume(ctx context.Context, conn *sql.Conn) error {
	if f.last.Seq == 0 || f.last.Seq != f.seq {
		return nil
	}
	events, err := f.page(ctx, conn, f.seq-1, 1)
	if err != nil || len(events) == 1 && events[0] == f.last {
		return err
	}
	counter, err := f.counter(ctx, conn)
	if err == nil {
		f.skip(ctx, counter)
	}
	return err
}

// recall tells of the changes before the counter that the feed still keeps.
func (f *Feed) recall(ctx context.Context, conn *sql.Conn, counter int64) error {
	for f.seq < counter {
		events, err := f.page(ctx, conn, f.seq, changesTogether)
		if err != nil {
			return err
		}
		if len(events) == 0 {
			break
		}
		f.last = events[len(events)-1]
		f.seq = f.last.Seq
		f.tell(ctx, record.Batch{Events: events, Past: true, Through: f.seq})
	}
	f.seq, f.begun = max(f.seq, counter), true
	f.tell(ctx, record.Batch{Past: true, Through: f.seq}) // from here on the followers know of everything
	return nil
}

// read tells of the changes up to the one that the counter is at.
func (f *Feed) read(ctx context.Context, conn *sql.Conn, counter int64) error {
	for f.seq < counter {
		events, err := f.page(ctx, conn, f.seq, changesTogether)
		if err != nil {
			return err
		}
		if !follow(events, f.seq) { // tidied away meanwhile
			if counter, err = f.counter(ctx, conn); err == nil {
				f.skip(ctx, counter)
			}
			return err
		}
		f.last = events[len(events)-1]
		f.seq = f.last.Seq
		f.tell(ctx, record.Batch{Events: events, Through: f.seq})
	}
	return nil
}

// follow reports whether there are events, and none is missing behind seq.
func follow(events []record.Event, seq int64) bool {
	for i, e := range events {
		if e.Seq != seq+1+int64(i) {
			return false
		}
	}
	return len(events) > 0
}

// skip goes on from the counter. All that was changed before it was read is
// seen by followers who look at the records from now on.
func (f *Feed) skip(ctx context.Context, counter int64) {
	f.seq = counter
	f.tell(ctx, record.Batch{Missed: true, Through: counter})
}

func (f *Feed) tell(ctx context.Context, b record.Batch) {
	for _, tell := range f.followers {
		tell(ctx, b)
	}
}

func (f *Feed) counter(ctx context.Context, conn *sql.Conn) (seq int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	err = conn.QueryRowContext(ctx, "SELECT seq FROM change_counter WHERE id = 1").Scan(&seq)
	return seq, err
}

// page returns the first changes after one.
func (f *Feed) page(ctx context.Context, conn *sql.Conn, after int64, most int) (events []record.Event, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	query := f.db.dialect.Rebind("SELECT seq, topic, id, kind, version, at FROM changes WHERE seq > ? ORDER BY seq LIMIT ?")
	rows, err := conn.QueryContext(ctx, query, after, most)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var e record.Event
		if err := rows.Scan(&e.Seq, &e.Topic, &e.ID, &e.Kind, &e.Version, &e.At); err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, rows.Err()
}
