package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"cartracker/internal/socketio"
)

// A house is a server that listens, until its test ends.
type house struct {
	*socketio.Server
	t    *testing.T
	url  string
	log  *journal
	end  context.CancelFunc
	over chan error
	once sync.Once
}

type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// serve starts a server, whose namespaces prepare makes.
func serve(t *testing.T, c socketio.Config, prepare func(*socketio.Server)) *house {
	t.Helper()
	h := &house{t: t, log: &journal{}, over: make(chan error, 1)}
	c.Log = slog.New(slog.NewTextHandler(h.log, nil))
	h.Server = socketio.New(c)
	prepare(h.Server)
	listener := httptest.NewServer(h.Server)
	h.url = listener.URL
	ctx, cancel := context.WithCancel(context.Background())
	h.end = cancel
	go func() { h.over <- h.Run(ctx) }()
	t.Cleanup(func() {
		h.stop()
		listener.Close()
	})
	return h
}

func (h *house) stop() {
	h.once.Do(func() {
		h.end()
		if err := <-h.over; err != nil {
			h.t.Error(err)
		}
	})
}

// A guest is a client on a websocket.
type guest struct {
	t    *testing.T
	conn *websocket.Conn
	in   chan string // what came: a text without the digit of the engine, or "bytes:" and bytes
	rest sync.Mutex  // held by a test: it reads no more
	done chan struct{}
}

func (h *house) dial() *guest {
	h.t.Helper()
	conn, _, err := websocket.Dial(h.t.Context(), h.url+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		h.t.Fatal(err)
	}
	conn.SetReadLimit(16 << 20)
	g := &guest{t: h.t, conn: conn, in: make(chan string, 20_000), done: make(chan struct{})}
	go g.read()
	h.t.Cleanup(g.leave)
	if open := g.next(); !strings.HasPrefix(open, `{"sid":`) {
		h.t.Fatal(open)
	}
	return g
}

func (g *guest) read() {
	defer close(g.done)
	defer close(g.in)
	for {
		g.pause()
		kind, data, err := g.conn.Read(context.Background())
		if err != nil {
			return
		}
		switch {
		case kind == websocket.MessageBinary:
			g.in <- "bytes:" + string(data)
		case string(data) == "2":
			_ = g.conn.Write(context.Background(), websocket.MessageText, []byte("3"))
		default:
			g.in <- string(data[1:])
		}
	}
}

// pause waits until the test lets the guest read.
func (g *guest) pause() {
	g.rest.Lock()
	defer g.rest.Unlock()
}

// leave ends the transport without a word.
func (g *guest) leave() {
	_ = g.conn.CloseNow()
	for range g.in {
	}
	<-g.done
}

func (g *guest) say(packets ...string) {
	g.t.Helper()
	for _, p := range packets {
		kind, text := websocket.MessageText, "4"+p
		if b, ok := strings.CutPrefix(p, "bytes:"); ok {
			kind, text = websocket.MessageBinary, b
		}
		if err := g.conn.Write(g.t.Context(), kind, []byte(text)); err != nil {
			g.t.Fatal(err)
		}
	}
}

var errOver = errors.New("the transport is closed")

func (g *guest) take() (string, error) {
	g.t.Helper()
	select {
	case m, ok := <-g.in:
		if !ok {
			return "", errOver
		}
		return m, nil
	case <-time.After(patience):
		g.t.Fatal("nothing comes")
		return "", nil
	}
}

func (g *guest) next() string {
	g.t.Helper()
	m, err := g.take()
	if err != nil {
		g.t.Fatal(err)
	}
	return m
}

func (g *guest) hears(want ...string) {
	g.t.Helper()
	for _, w := range want {
		if got := g.next(); got != w {
			g.t.Fatalf("%q, want %q", got, w)
		}
	}
}

// closed waits until the server has closed the transport, with nothing said before.
func (g *guest) closed() {
	g.t.Helper()
	if m, err := g.take(); err == nil {
		g.t.Fatalf("it said %q", m)
	}
}

// answer is what a CONNECT is answered with.
type answer struct{ SID, PID string }

// connects asks for a namespace with auth, or "".
func (g *guest) connects(space, auth string) (a answer) {
	g.t.Helper()
	prefix := "0"
	if space != "/" {
		prefix += space + ","
	}
	g.say(prefix + auth)
	text, ok := strings.CutPrefix(g.next(), prefix)
	if !ok || json.Unmarshal([]byte(text), &a) != nil || a.SID == "" {
		g.t.Fatalf("it was answered %q", text)
	}
	return a
}

func (h *house) guest() *guest {
	h.t.Helper()
	g := h.dial()
	g.connects("/", "")
	return g
}

// echo answers the events of a socket as the suite of the protocol expects it.
func echo(s *socketio.Socket) {
	s.On("message", func(e *socketio.Event) { _ = s.Emit("message-back", values(s, e)...) })
	s.On("message-with-ack", func(e *socketio.Event) { _ = e.Ack(values(s, e)...) })
}

// values returns the arguments of an event, to be sent again.
func values(s *socketio.Socket, e *socketio.Event) (all []any) {
	for i, a := range e.Args {
		if b, err := e.Bytes(i); err == nil {
			all = append(all, b)
		} else {
			all = append(all, a)
		}
	}
	return all
}

func many(n int, format string) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprintf(format, i))
	}
	return all
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(patience); !ok(); <-again.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}
