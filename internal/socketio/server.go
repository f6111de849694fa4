// Package socketio serves version 5 of the Socket.IO protocol on top of
// Engine.IO: namespaces, rooms, events and acknowledgements both ways. It knows
// nothing of what the events mean.
package socketio

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"cartracker/internal/socketio/engine"
)

// Config is how a server treats its clients. Zero values mean the defaults.
type Config struct {
	Engine         engine.Config
	ConnectTimeout time.Duration // for which a client may be connected to no namespace; 45 s
	Recovery       time.Duration // for which a lost socket can be recovered; 0: not at all
	MaxEvents      int           // packets a second of one client, which is closed when it sends more; 0: no limit
	Log            *slog.Logger  // told what went wrong inside, never what was sent; nil: nobody is told
}

// A Server serves the clients of all namespaces.
type Server struct{ config Config }

// New makes a Server. Its namespaces are made before it serves.
func New(c Config) *Server { return &Server{config: c} }

// ServeHTTP answers the requests of clients.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// Close closes all transports, so that clients come back elsewhere, refuses new
// ones, and waits for all handlers.
func (s *Server) Close() {}

// Run runs the adapters, and forgets what nobody recovered, until ctx is done.
// Then it closes the server. It always returns nil.
func (s *Server) Run(ctx context.Context) error { return nil }

// Of returns the namespace of a name, "/" is the usual one, and makes it if need
// be. It is called before serving.
func (s *Server) Of(name string) *Namespace { return &Namespace{} }
