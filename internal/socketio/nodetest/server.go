package nodetest

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// ServerOptions are those of a Server. What is not given is as the reference
// server has it.
type ServerOptions struct {
	PingInterval time.Duration
	PingTimeout  time.Duration
	MaxPayload   int           // bytes
	Recovery     time.Duration // how long a lost socket can be recovered
	Transports   []string
}

// A Server is the reference server, on 127.0.0.1. It answers an event with what
// it brought; events with a meaning of their own are in server.js.
type Server struct {
	*process
	URL string
}

// NewServer starts a Server, which ends with the test.
func NewServer(t testing.TB, o ServerOptions) *Server {
	t.Helper()
	settings, err := json.Marshal(o.wire())
	if err != nil {
		t.Fatal(err)
	}
	listens := make(chan string, 1)
	s := &Server{process: launch(t, func(l line) { listens <- l.URL }, "server.js", string(settings))}
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case s.URL = <-listens:
	case <-s.ended:
		err = errEnded
	case <-late.C:
		err = errors.New("the server does not listen")
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, s.stderr())
	}
	return s
}

func (o ServerOptions) wire() map[string]any {
	out := map[string]any{"serveClient": false, "perMessageDeflate": false}
	set := func(name string, value any, given bool) {
		if given {
			out[name] = value
		}
	}
	set("pingInterval", o.PingInterval.Milliseconds(), o.PingInterval > 0)
	set("pingTimeout", o.PingTimeout.Milliseconds(), o.PingTimeout > 0)
	set("maxHttpBufferSize", o.MaxPayload, o.MaxPayload > 0)
	set("transports", o.Transports, o.Transports != nil)
	set("connectionStateRecovery", map[string]any{"maxDisconnectionDuration": o.Recovery.Milliseconds()}, o.Recovery > 0)
	return out
}

// PID returns the id of the process.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Broadcast sends an event to everybody. Its first argument is the time in
// milliseconds, taken just before; args follow.
func (s *Server) Broadcast(name string, args ...any) {
	s.t.Helper()
	s.must(command{Do: "broadcast", Name: name, Args: args})
}

// Clients returns how many clients there are.
func (s *Server) Clients() (n int) {
	s.t.Helper()
	if err := json.Unmarshal(s.must(command{Do: "clients"}), &n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// Collect lets the server collect its garbage.
func (s *Server) Collect() {
	s.t.Helper()
	s.must(command{Do: "collect"})
}

// Close sends everybody away and stops listening.
func (s *Server) Close() {
	s.t.Helper()
	s.must(command{Do: "stop"})
}
