// Package socketio serves version 5 of the Socket.IO protocol on top of
// Engine.IO: namespaces, rooms, events and acknowledgements both ways. It knows
// nothing of what the events mean.
package socketio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"cartracker/internal/socketio/engine"
)

const (
	connectTimeout = 45 * time.Second
	maxPayload     = 1_000_000 // what the engine takes if it is not told
)

var errAdapter = errors.New("socket.io: an adapter panicked")

// Config is how a server treats its clients. Zero values mean the defaults.
type Config struct {
	Engine         engine.Config
	ConnectTimeout time.Duration // for which a client may be connected to no namespace; 45 s
	Recovery       time.Duration // for which a lost socket can be recovered; 0: not at all
	MaxEvents      int           // packets a second of one client, which is closed when it sends more; 0: no limit
	Log            *slog.Logger  // told what went wrong inside, never what was sent; nil: nobody is told
	// Panicked is told of a panic in what others wrote, and where it was; nil: nobody is.
	Panicked func(value any, stack string)
}

// A Server serves the clients of all namespaces.
type Server struct {
	config     Config
	engine     *engine.Server
	namespaces map[string]*Namespace // never changes once it serves
	working    tasks                 // what is done for sockets
	sent       atomic.Int64          // events and acknowledgements
}

// New makes a Server. Its namespaces are made before it serves.
func New(c Config) *Server {
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = connectTimeout
	}
	if c.Engine.MaxPayload == 0 {
		c.Engine.MaxPayload = maxPayload
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{config: c, namespaces: map[string]*Namespace{}}
	s.engine = engine.NewServer(c.Engine, s.accept)
	return s
}

// ServeHTTP answers the requests of clients.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.engine.ServeHTTP(w, r) }

// Stats returns the counters of the transports.
func (s *Server) Stats() engine.Stats { return s.engine.Stats() }

// Sent returns how many events and acknowledgements were sent since the start,
// each counted once for every socket that got it.
func (s *Server) Sent() int64 { return s.sent.Load() }

// Close closes all transports, so that clients come back elsewhere, refuses new
// ones, and waits for all handlers, whose contexts are done. No handler may call it.
func (s *Server) Close() {
	s.engine.Close()
	s.working.wait()
}

// Run runs the adapters, and forgets what nobody recovered, until ctx is done.
// Then it closes the server, so that the adapters can tell that its members have
// gone. It does so too, and returns an error, when an adapter panics.
func (s *Server) Run(ctx context.Context) error {
	until, end := context.WithCancel(context.WithoutCancel(ctx))
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var running sync.WaitGroup
	for _, n := range s.namespaces {
		running.Go(func() {
			if !s.guard("an adapter", func() { s.adapt(until, n) }) {
				stop(errAdapter)
			}
		})
	}
	s.forget(ctx)
	s.Close()
	end()
	running.Wait()
	s.working.wait() // for what the adapters have begun to the last
	if errors.Is(context.Cause(ctx), errAdapter) {
		return errAdapter
	}
	return nil
}

// adapt runs the adapter of a namespace. What others publish is handled as what
// clients send: a panic then ends nothing else.
func (s *Server) adapt(until context.Context, n *Namespace) {
	hear := func(m Message) { s.guard("what another instance published", func() { n.apply(m) }) }
	told := func(members []string, present bool) {
		s.guard("what is told of presence", func() { n.told(members, present) })
	}
	if err := n.adapter.Run(until, hear, told); err != nil && until.Err() == nil {
		s.config.Log.Error("socket.io: an adapter ended", "namespace", n.name, "error", err)
	}
}

// forget looks again and again for what can no longer be recovered, until ctx is
// done.
func (s *Server) forget(ctx context.Context) {
	if s.config.Recovery <= 0 {
		<-ctx.Done()
		return
	}
	t := time.NewTicker(max(s.config.Recovery/4, time.Millisecond))
	defer t.Stop()
	for {
		select {
		case <-t.C:
			for _, n := range s.namespaces {
				n.forget(time.Now())
			}
		case <-ctx.Done():
			return
		}
	}
}

// Of returns the namespace of a name, "/" is the usual one, and makes it if need
// be. It is called before serving.
func (s *Server) Of(name string) *Namespace {
	if s.namespaces[name] == nil {
		s.namespaces[name] = newNamespace(s, name)
	}
	return s.namespaces[name]
}

// guard calls what others wrote, and reports whether it came to its end. Should
// it panic, that is logged and told.
func (s *Server) guard(what string, do func()) (ended bool) {
	defer func() {
		if r := recover(); r != nil {
			stack := string(debug.Stack())
			s.config.Log.Error("socket.io: "+what+" panicked", "panic", fmt.Sprint(r), "stack", stack)
			if s.config.Panicked != nil {
				s.config.Panicked(r, stack)
			}
		}
	}()
	do()
	return true
}
