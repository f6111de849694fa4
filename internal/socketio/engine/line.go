package engine

import (
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	held = 64 << 10 // bytes that are held together at most
	room = 16 << 10 // bytes of a buffer that is worth keeping
)

// A line is the connection under a websocket. While it is held, what is written
// is gathered, so that several packets are one write. Every write has a deadline.
type line struct {
	net.Conn
	ahead   []byte // was read by the HTTP server
	limit   time.Duration
	buffers *sync.Pool
	raw     syscall.RawConn // for writes that do not wait; nil: there are none

	mu     sync.Mutex
	gather *[]byte // nil: not held
	rest   []byte  // of a frame that went in part: it comes before all else
}

func newLine(conn net.Conn, s *Server) *line {
	l := &line{Conn: conn, limit: s.config.WriteTimeout, buffers: &s.buffers}
	if tcp, ok := conn.(*net.TCPConn); ok { // and nothing that encrypts or counts
		if raw, err := tcp.SyscallConn(); err == nil {
			l.raw = raw
		}
	}
	return l
}

func (l *line) Read(p []byte) (int, error) {
	if len(l.ahead) == 0 {
		l.ahead = nil
		return l.Conn.Read(p)
	}
	n := copy(p, l.ahead)
	l.ahead = l.ahead[n:]
	return n, nil
}

func (l *line) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gather == nil {
		return l.out(p)
	}
	if len(*l.gather)+len(p) <= held {
		*l.gather = append(*l.gather, p...)
		return len(p), nil
	}
	if err := l.spill(); err != nil {
		return 0, err
	}
	return l.out(p)
}

// hold begins to gather.
func (l *line) hold() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gather, _ = l.buffers.Get().(*[]byte)
}

// release writes what was gathered, and gathers no more.
func (l *line) release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.spill()
	if cap(*l.gather) <= room {
		l.buffers.Put(l.gather)
	}
	l.gather = nil
	return err
}

func (l *line) spill() error {
	if len(*l.gather) == 0 && len(l.rest) == 0 {
		return nil
	}
	_, err := l.out(*l.gather)
	*l.gather = (*l.gather)[:0]
	return err
}

func (l *line) out(p []byte) (int, error) {
	if err := l.SetWriteDeadline(time.Now().Add(l.limit)); err != nil {
		return 0, err
	}
	defer func() { _ = l.SetWriteDeadline(time.Time{}) }() // or try would fail once it has passed
	if len(l.rest) > 0 {
		if _, err := l.Conn.Write(l.rest); err != nil {
			return 0, err
		}
		l.rest = nil
	}
	return l.Conn.Write(p)
}
