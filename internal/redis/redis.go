// Package redis is the line to Redis: one client, one breaker, one set of lines
// in the log. Redis never holds what could not be lost. When it is away, every
// call returns at once and its caller goes on without.
package redis

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// ErrDown is the error of calls while Redis is away. Calls that were under way
// when it went return errors that wrap it.
var ErrDown = errors.New("redis is down")

const (
	callLimit    = 100 * time.Millisecond // the longest that a call takes
	connectLimit = time.Second            // the longest that an attempt to connect takes
	watchEvery   = time.Second            // how often an idle line is tried, and how long that may take
	firstWait    = 50 * time.Millisecond  // before the first attempt to connect again
	longestWait  = 2 * time.Second        // and before the later ones
	settled      = 5 * time.Second        // a line that held so long starts over with firstWait
	mostCalls    = 1000                   // under way at a time: fewer than the client's ring has places
)

// A Link is the line to one Redis server, which may be up or down. It is safe
// for concurrent use.
type Link struct {
	at     address
	events events
	slots  chan struct{} // one for each call under way
	timed  func(time.Duration)
	broken atomic.Int64
	line   atomic.Pointer[line]

	mu     sync.Mutex
	closed bool
	arrive chan struct{} // closed when the next line is up
}

// Open connects to url, which is redis://USER:PASSWORD@HOST:PORT/DB or, for
// TLS, rediss://. It fails if url is wrong, or if the server is there but
// refuses the user, the password or the database. If the server cannot be
// reached or makes no sense, the Link is down, and Run goes on trying. ctx
// bounds the first attempt only.
func Open(ctx context.Context, url string) (*Link, error) {
	at, err := parse(url)
	if err != nil {
		return nil, err
	}
	l := &Link{at: at, events: events{at: at}, slots: make(chan struct{}, mostCalls), arrive: make(chan struct{})}
	l.events.say(connecting, nil)
	c, err := connect(ctx, at, false)
	if refusal := at.refusal(err); refusal != nil {
		return nil, refusal
	}
	if err != nil {
		l.events.say(failed, fmt.Errorf("going on without it: %w", err))
		return l, nil
	}
	l.install(c)
	return l, nil
}

// Up reports whether calls go to Redis.
func (l *Link) Up() bool { return l.line.Load() != nil }

// Outages returns how often the line was taken out of use because it failed.
func (l *Link) Outages() int64 { return l.broken.Load() }

// Time lets tell know how long each call took. It is called before the Link is
// used.
func (l *Link) Time(tell func(time.Duration)) { l.timed = tell }

// State returns "connected" or "down".
func (l *Link) State() string {
	if l.Up() {
		return "connected"
	}
	return "down"
}

// Run keeps the line until ctx is done: it watches it while it is up, and
// connects again, for ever, while it is down. It always returns nil.
func (l *Link) Run(ctx context.Context) error {
	wait := firstWait
	for ctx.Err() == nil && !l.isClosed() {
		if c := l.line.Load(); c != nil {
			began := time.Now()
			if l.watch(ctx, c); ctx.Err() == nil {
				c.hangUp()
			}
			if time.Since(began) > settled {
				wait = firstWait
			}
			continue
		}
		l.events.say(reconnecting, nil)
		pause(ctx, wait/2+rand.N(wait/2))
		wait = min(2*wait, longestWait)
		l.reconnect(ctx)
	}
	return nil
}

// watch tries an idle line now and then, until it breaks or ctx is done.
func (l *Link) watch(ctx context.Context, c *line) {
	t := time.NewTicker(watchEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			if err := c.ping(ctx, watchEvery); err != nil && ctx.Err() == nil {
				l.fail(c, err)
			}
		case <-c.conn.ended:
			l.fail(c, c.conn.why)
			return
		case <-c.gone:
			return
		case <-ctx.Done():
			return
		}
	}
}

func (l *Link) reconnect(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	c, err := connect(ctx, l.at, false)
	if err != nil {
		// Only this says more than that the server still is away.
		if refusal := l.at.refusal(err); refusal != nil {
			l.events.refuse(refusal)
		}
		return
	}
	l.install(c)
}

// install puts a new line into use, unless the Link has been closed.
func (l *Link) install(c *line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		c.hangUp()
		return
	}
	l.events.say(ready, nil)
	l.line.Store(c)
	close(l.arrive)
	l.arrive = make(chan struct{})
}

// fail takes a line that failed out of use. What is under way on it ends. Run
// sees to the rest, since whoever makes a call should not wait for it.
func (l *Link) fail(c *line, why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.line.Load() == c {
		l.events.say(failed, why)
		l.line.Store(nil)
		l.broken.Add(1)
		c.cut()
	}
}

// await returns the line as soon as there is one, or nil once ctx is done.
func (l *Link) await(ctx context.Context) *line {
	for {
		l.mu.Lock()
		c, arrive := l.line.Load(), l.arrive
		l.mu.Unlock()
		if c != nil {
			return c
		}
		select {
		case <-arrive:
		case <-ctx.Done():
			return nil
		}
	}
}

func (l *Link) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// Close ends the line for good. Calls return ErrDown from then on. Whoever runs
// Run or Subscribe ends them first.
func (l *Link) Close() {
	l.mu.Lock()
	l.closed = true
	c := l.line.Swap(nil)
	l.events.say(closed, nil)
	l.mu.Unlock()
	if c != nil {
		c.hangUp()
	}
}

// pause waits for d, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
