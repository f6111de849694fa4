// Package engine serves version 4 of the Engine.IO protocol: messages both ways
// over HTTP long-polling and websockets, and the upgrade from one to the other.
package engine

import (
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// ErrClosed is the error of sending to a client that is no longer connected.
var ErrClosed = errors.New("the client is not connected")

// A Handler is told of what one client sends. The calls come one after the
// other, from one goroutine at a time.
type Handler interface {
	// Message takes a message. data is the handler's to keep. via is the request
	// that carried it, the POST or that of the websocket, without its body: for
	// cookies and Origin. It must return soon: a client's POST is not answered
	// before, no other message is read, and Closed has to wait.
	Message(data []byte, binary bool, via *http.Request)
	// Closed comes last, exactly once.
	Closed(reason string)
}

// The reasons for which a client is closed by the engine itself.
const (
	reasonClosed   = "transport close"
	reasonError    = "transport error"
	reasonSilent   = "ping timeout"
	reasonParse    = "parse error"
	reasonShutdown = "server shutting down"
	reasonSlow     = "slow client"
)

// patience is how long a client has to answer that its websocket is closed, and
// to take what waits when the server closes.
const patience = 2 * time.Second

// A Server serves clients.
type Server struct {
	config  Config
	accept  func(*Conn) Handler
	buffers sync.Pool // of *[]byte, for what is written to websockets
	errands errands

	mu      sync.Mutex
	clients map[string]*Conn
	closed  bool

	work  sync.WaitGroup // clients that are not closed, and requests under way
	count struct{ polling, websocket, upgrades, slow atomic.Int64 }
}

// NewServer makes a Server. It calls accept once for each handshake, before the
// client's first packet.
func NewServer(c Config, accept func(*Conn) Handler) *Server {
	s := &Server{
		config: c.filled(), accept: accept, clients: map[string]*Conn{},
		buffers: sync.Pool{New: func() any { return new([]byte) }},
	}
	s.errands.work = &s.work
	return s
}

// Close closes all clients, refuses everybody else with 503, and waits for all
// goroutines. No handler may call it.
func (s *Server) Close() {
	s.mu.Lock()
	s.closed = true
	all := make([]*Conn, 0, len(s.clients))
	for _, c := range s.clients {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		c.shutdown()
	}
	s.work.Wait()
}

// Stats are counters of a server.
type Stats struct {
	Polling   int64 // clients that poll, now
	Websocket int64 // clients with a websocket, now
	Upgrades  int64 // from polling to a websocket, since the start
	Slow      int64 // clients that were dropped as slow, since the start
}

// Stats returns the counters of now.
func (s *Server) Stats() Stats {
	n := &s.count
	return Stats{Polling: n.polling.Load(), Websocket: n.websocket.Load(), Upgrades: n.upgrades.Load(), Slow: n.slow.Load()}
}

// enter counts a request that Close waits for, unless it is too late.
func (s *Server) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.work.Add(1)
	}
	return !s.closed
}

// find returns the client of an id, or nil.
func (s *Server) find(id string) *Conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clients[id]
}

func (s *Server) forget(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, c.id)
}
