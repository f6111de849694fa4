package redis

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
)

var (
	errGarbage = errors.New("it does not answer as Redis does")
	errEnded   = errors.New("the server ended the connection")
)

// A guard lets through only what Redis could say: whole messages of bounded
// size, and no answer that nobody asked for. The client panics on some of those,
// in a goroutine where nobody could recover, or reserves as much memory as the
// message claims to need. One goroutine reads and one writes at a time.
type guard struct {
	net.Conn
	subscribing bool // messages may come without being asked for

	answers, commands frames
	asked             atomic.Int64 // commands without an answer

	once  sync.Once
	ended chan struct{} // closed when nothing more can be read
	why   error         // once ended
}

// Write counts the commands and passes them on.
func (g *guard) Write(b []byte) (int, error) {
	if err := g.commands.scan(b, func(message) bool { g.asked.Add(1); return true }); err != nil {
		return 0, err
	}
	return g.Conn.Write(b)
}

// Read passes on what it reads, unless it is nothing that Redis would say.
func (g *guard) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	if n > 0 && g.answers.scan(b[:n], g.expected) != nil {
		n, err = 0, errGarbage
	}
	if err != nil {
		g.end(err)
	}
	return n, err
}

// end notes the first reason why nothing more can be read.
func (g *guard) end(why error) {
	g.once.Do(func() {
		g.why = why
		if errors.Is(why, io.EOF) {
			g.why = errEnded
		}
		close(g.ended)
	})
}

// reason returns why a call failed: what ended the connection, if something did.
func (g *guard) reason(err error) error {
	select {
	case <-g.ended:
		return g.why
	default:
		return err
	}
}

// expected reports whether a message can come now.
func (g *guard) expected(m message) bool {
	if m.kind == push {
		switch m.first {
		case int64(len("message")):
			return g.subscribing
		case int64(len("subscribe")): // the answer to a command
			return g.subscribing && g.asked.Add(-1) >= 0
		}
		return false
	}
	if g.subscribing && (m.kind == '$' || m.kind == '=') {
		return false // nothing that is asked there is answered so
	}
	return g.asked.Add(-1) >= 0
}
