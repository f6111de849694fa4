// Package engine serves version 4 of the Engine.IO protocol: messages both ways
// over HTTP long-polling and websockets, and the upgrade from one to the other.
package engine

import (
	"errors"
	"net/http"
)

// ErrClosed is the error of sending to a client that is no longer connected.
var ErrClosed = errors.New("the client is not connected")

// A Handler is told of what one client sends. The calls come one after the
// other, from one goroutine at a time.
type Handler interface {
	// Message takes a message. data is the handler's to keep. via is the request
	// that carried it, the POST or that of the websocket: for cookies and Origin.
	Message(data []byte, binary bool, via *http.Request)
	// Closed comes last, exactly once.
	Closed(reason string)
}

// A Server serves clients.
type Server struct {
	config Config
	accept func(*Conn) Handler
}

// NewServer makes a Server. It calls accept once for each handshake, before the
// client's first packet.
func NewServer(c Config, accept func(*Conn) Handler) *Server {
	return &Server{config: c, accept: accept}
}

// ServeHTTP answers a handshake, a poll, a POST or a websocket.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// Close closes all clients, refuses new ones, and waits for all goroutines.
func (s *Server) Close() {}

// Stats are counters of a server.
type Stats struct {
	Polling, Websocket int    // clients now
	Upgrades           uint64 // from polling to a websocket, since the start
	Slow               uint64 // clients that were dropped as slow, since the start
}

// Stats returns the counters of now.
func (s *Server) Stats() Stats { return Stats{} }

// A Conn is one client.
type Conn struct{ id string }

// ID is what the client is known by: 128 random bits or more.
func (c *Conn) ID() string { return c.id }

// Send queues all frames, next to each other, or none. It never blocks.
func (c *Conn) Send(frames ...*Frame) error { return ErrClosed }

// Close sends what waits, for at most the time of one write, and closes.
func (c *Conn) Close(reason string) {}

// Drop closes at once.
func (c *Conn) Drop(reason string) {}
