package socketio_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"cartracker/internal/socketio"
	"cartracker/internal/socketio/engine"
	"cartracker/internal/socketio/nodetest"
)

// far is a time within which all that is waited for happens on a busy machine.
const far = 30 * time.Second

// A host serves Socket.IO to the reference client. Its sockets answer what
// greet says.
type host struct {
	*socketio.Server
	URL   string
	All   *socketio.Namespace
	Came  chan *socketio.Socket // each that connected to "/"
	Left  chan string           // why each did, if it was there
	close func()
}

// newHost starts a server, which ends with the test. Settings change it before.
func newHost(t *testing.T, c socketio.Config, settings ...func(*host)) *host {
	t.Helper()
	return hostAt(t, "127.0.0.1:0", nil, c, settings...)
}

// hostAt is newHost at an address, with a middleware around the server.
func hostAt(t *testing.T, addr string, wrap func(http.Handler) http.Handler, c socketio.Config, settings ...func(*host)) *host {
	t.Helper()
	h := &host{Server: socketio.New(c), Came: make(chan *socketio.Socket, 1000), Left: make(chan string, 1000)}
	h.All = h.Of("/")
	h.All.OnConnect(h.greet)
	for _, set := range settings {
		set(h)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- h.Run(ctx) }()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	var handler http.Handler = h.Server
	if wrap != nil {
		handler = wrap(handler)
	}
	srv := &httptest.Server{Listener: ln, Config: &http.Server{Handler: handler}}
	srv.Start()
	h.URL = srv.URL
	h.close = sync.OnceFunc(func() {
		h.Close()
		srv.Close()
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	t.Cleanup(h.close)
	return h
}

// greet lets a socket be answered with what it sends.
func (h *host) greet(s *socketio.Socket) {
	s.On("echo", func(e *socketio.Event) {
		args := restored(&e.Payload)
		if e.AckWanted() {
			_ = e.Ack(args...)
			return
		}
		_ = s.Emit("echo", args...)
	})
	s.On("silence", func(*socketio.Event) {})
	s.On("join", func(e *socketio.Event) {
		var room string
		_ = e.Decode(0, &room)
		s.Join(room)
		_ = e.Ack(s.In(room))
	})
	s.On("exit", func(e *socketio.Event) {
		var room string
		_ = e.Decode(0, &room)
		s.Leave(room)
		_ = e.Ack(s.In(room))
	})
	s.On("count", func(e *socketio.Event) {
		n := 0
		_ = e.Decode(0, &n)
		for i := range n {
			_ = s.Emit("number", i)
		}
	})
	s.OnDisconnect(func(reason string) { h.Left <- reason })
	h.Came <- s
}

// came waits for the next socket.
func (h *host) came(t *testing.T) *socketio.Socket { return receive(t, h.Came, "a socket") }

// left waits for the next that leaves, and returns why.
func (h *host) left(t *testing.T) string { return receive(t, h.Left, "a farewell") }

func receive[T any](t *testing.T, from <-chan T, what string) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(far):
		t.Fatalf("%s did not come within %s", what, far)
	}
	return v
}

// restored returns arguments with their bytes in place, to send them back.
func restored(p *socketio.Payload) (args []any) {
	for _, raw := range p.Args {
		var v any
		if err := json.Unmarshal(raw, &v); err != nil {
			return []any{err.Error()}
		}
		args = append(args, fill(p, v))
	}
	return args
}

func fill(p *socketio.Payload, v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = fill(p, v[i])
		}
	case map[string]any:
		if num, ok := v["num"].(float64); ok && v["_placeholder"] == true {
			return p.Attachments[int(num)]
		}
		for key := range v {
			v[key] = fill(p, v[key])
		}
	}
	return v
}

// eachTransport runs a test with a client that upgrades, one that polls and one
// that uses nothing but a websocket.
func eachTransport(t *testing.T, test func(*testing.T, nodetest.Options)) {
	t.Parallel()
	for name, transports := range map[string][]string{"upgrade": nil, "polling": {"polling"}, "websocket": {"websocket"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, nodetest.Options{Transports: transports})
		})
	}
}

// quick are heartbeats for tests that wait for one to fail.
var quick = engine.Config{PingInterval: 200 * time.Millisecond, PingTimeout: 300 * time.Millisecond}
