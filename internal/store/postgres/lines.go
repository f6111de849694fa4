package postgres

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// errCut is what becomes of a connection that is asked for while the lines are cut.
var errCut = errors.New("PostgreSQL does not answer")

// lines are connections to a server that are cut together: whoever waits for
// an answer on one, or for it to come about, is told at once, and new ones are
// refused until they are mended. To end the context of each call instead would
// leave the driver waiting for a server that does not answer.
type lines struct {
	heard atomic.Bool // something came over one that counts since it was asked last

	mu     sync.Mutex
	broken bool
	end    map[*line]func() // what ends each
}

// A line is a connection that ends with others.
type line struct {
	net.Conn
	of     *lines
	counts atomic.Bool // it leads to a server that is the right one
}

func (l *line) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if n > 0 && l.counts.Load() && !l.of.heard.Load() {
		l.of.heard.Store(true)
	}
	return n, err
}

func (l *line) Close() error {
	l.of.forget(l)
	return l.Conn.Close()
}

// over returns a dial function whose connections are lines.
func (l *lines) over(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		made := &line{of: l}
		if !l.keep(made, cancel) {
			return nil, errCut
		}
		conn, err := dial(ctx, network, addr)
		if err != nil {
			l.forget(made)
			return nil, err
		}
		made.Conn = conn
		if !l.keep(made, func() { conn.Close() }) {
			return nil, errors.Join(errCut, conn.Close())
		}
		return made, nil
	}
}

// named returns a lookup of names that takes no longer than limit, and ends
// with the lines: a name server may be away as well.
func (l *lines) named(lookup pgconn.LookupFunc, limit time.Duration) pgconn.LookupFunc {
	return func(ctx context.Context, host string) ([]string, error) {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		asked := &line{of: l}
		if !l.keep(asked, cancel) {
			return nil, errCut
		}
		defer l.forget(asked)
		return lookup(ctx, host)
	}
}

// trust lets what comes over a connection count as a sign of life. Of several
// hosts in an address others answer too, while it comes about.
func trust(conn net.Conn) {
	if encrypted, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = encrypted.NetConn()
	}
	if l, ok := conn.(*line); ok {
		l.counts.Store(true)
	}
}

// keep remembers what ends a line. It reports whether the lines are whole.
func (l *lines) keep(one *line, end func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.broken {
		return false
	}
	if l.end == nil {
		l.end = map[*line]func(){}
	}
	l.end[one] = end
	return true
}

func (l *lines) forget(one *line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.end, one)
}

// cut ends all lines, and refuses new ones.
func (l *lines) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = true
	l.endAll()
}

// renew ends all lines, so that new ones take their place.
func (l *lines) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.endAll()
}

func (l *lines) endAll() {
	for _, end := range l.end {
		end()
	}
	clear(l.end)
}

// mend lets there be lines again.
func (l *lines) mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.broken = false
}

func (l *lines) isCut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.broken
}
