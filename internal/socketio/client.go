package socketio

import (
	"net/http"
	"slices"
	"sync"
	"time"

	"cartracker/internal/socketio/engine"
)

// Why a socket is no longer connected, as the reference implementation calls it.
// What the transport came to the engine calls.
const (
	byClient   = "client namespace disconnect"
	byServer   = "server namespace disconnect"
	forced     = "forced close"
	parseError = "parse error"
)

// leftByItself are the reasons for which what a client sent before is still handled.
var leftByItself = []string{"transport close", "transport error", "ping timeout", byClient}

// A client is one transport, with a socket for each namespace that it is
// connected to.
type client struct {
	server *Server
	conn   *engine.Conn

	// Used by Message and Closed only, which come one after the other.
	decoder decoder
	bucket  bucket
	partial *time.Timer // closes a client that does not send the rest of a packet

	mu      sync.Mutex
	sockets []*Socket    // connected, or asking to be
	ended   []*Namespace // by the server: what the client says there may have been on its way
	unused  *time.Timer  // closes a client that is connected to nothing
	used    bool         // it was admitted somewhere, so that unused does not run
	closed  bool
}

var _ engine.Handler = (*client)(nil)

// accept makes the client of a new transport.
func (s *Server) accept(conn *engine.Conn) engine.Handler {
	c := &client{server: s, conn: conn, decoder: decoder{most: s.config.Engine.MaxPayload}}
	c.bucket = bucket{most: float64(s.config.MaxEvents), level: float64(s.config.MaxEvents), last: time.Now()}
	c.unused = time.AfterFunc(s.config.ConnectTimeout, func() { conn.Close(forced) })
	return c
}

// Message takes what the client sent.
func (c *client) Message(data []byte, binary bool, via *http.Request) {
	if c.isClosed() {
		return
	}
	if !binary && !c.bucket.take(time.Now()) {
		c.drop(forced)
		return
	}
	m, err := c.decoder.add(data, binary)
	if err != nil {
		c.drop(parseError)
		return
	}
	c.expect(c.decoder.partial != nil)
	if m != nil && !c.handle(m, via) {
		c.drop(forced)
	}
}

// expect sees to it that the rest of a packet comes in time.
func (c *client) expect(rest bool) {
	switch {
	case rest && c.partial == nil:
		c.partial = time.AfterFunc(c.server.config.ConnectTimeout, func() { c.conn.Drop(parseError) })
	case !rest && c.partial != nil:
		c.partial.Stop()
		c.partial = nil
	}
}

// handle does what a packet asks for, and reports whether the client may send
// it: it is connected, and does not wait for too much.
func (c *client) handle(m *message, via *http.Request) bool {
	if m.kind == connectPacket {
		c.connect(m, via)
		return true
	}
	s, late := c.socketIn(m.space)
	if s == nil {
		return late
	}
	switch m.kind {
	case eventPacket, binaryEventPacket:
		return s.take(&Event{Name: m.event, Payload: m.Payload, socket: s, id: m.id}, m.size())
	case ackPacket, binaryAckPacket:
		s.answer(m.id, m.Payload)
	default:
		s.end(byClient, false)
	}
	return true
}

// connect lets the client ask for a namespace. Asking twice changes nothing.
func (c *client) connect(m *message, via *http.Request) {
	n := c.server.namespaces[m.space]
	if n == nil {
		c.refuse(m.space, &Refusal{Message: "Invalid namespace"})
		return
	}
	s := newSocket(n, c)
	if !c.add(s) {
		return
	}
	var auth []byte
	if len(m.json) > 0 {
		auth = m.json
	}
	r := &Request{Auth: auth, HTTP: via}
	s.turns.add(0, func() { n.connect(s, r) })
}

// refuse tells the client that it may not connect.
func (c *client) refuse(space string, r *Refusal) {
	told := map[string]any{"message": r.Message}
	if r.Data != nil {
		told["data"] = r.Data
	}
	if p, err := control(refusalPacket, space, told); err == nil {
		_ = c.conn.Send(p.frames()...) // or the client has gone
	}
}

// add adds a socket, unless there is one for its namespace already.
func (c *client) add(s *Socket) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || slices.ContainsFunc(c.sockets, func(o *Socket) bool { return o.space == s.space }) {
		return false
	}
	c.sockets = append(c.sockets, s)
	return true
}

// admitted keeps the client, since one of its sockets is connected, unless that
// has gone again.
func (c *client) admitted(s *Socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if slices.Contains(c.sockets, s) {
		c.used = true
		c.unused.Stop()
	}
}

// remove takes a socket off, before the client is told. If it no longer is
// connected to anything it is closed some time later. Who never was has no more
// time for asking once more.
func (c *client) remove(s *Socket, byServer bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.Index(c.sockets, s)
	if i < 0 {
		return
	}
	c.sockets = slices.Delete(c.sockets, i, i+1)
	if byServer && !slices.Contains(c.ended, s.space) {
		c.ended = append(c.ended, s.space)
	}
	if c.used && !c.closed && !slices.ContainsFunc(c.sockets, (*Socket).isConnected) {
		c.used = false
		c.unused.Reset(c.server.config.ConnectTimeout)
	}
}

// socketIn returns the socket in a namespace. If there is none, it reports
// whether the client may not know that yet.
func (c *client) socketIn(space string) (s *Socket, late bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.sockets {
		if s.space.name == space {
			return s, false
		}
	}
	return nil, slices.ContainsFunc(c.ended, func(n *Namespace) bool { return n.name == space })
}

func (c *client) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}

// drop ends a client that does what it must not.
func (c *client) drop(reason string) {
	c.endAll(reason, false)
	c.conn.Drop(reason)
}

// Closed ends all sockets of the client.
func (c *client) Closed(reason string) {
	c.expect(false)
	c.endAll(reason, reason != parseError)
}

func (c *client) endAll(reason string, recoverable bool) {
	c.mu.Lock()
	c.closed = true
	c.unused.Stop()
	all := slices.Clone(c.sockets)
	c.mu.Unlock()
	for _, s := range all {
		s.end(reason, recoverable)
	}
}
