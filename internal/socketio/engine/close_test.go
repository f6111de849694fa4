package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"cartracker/internal/socketio/engine"
)

func listenOn(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestHeartbeat(t *testing.T) {
	d := open(t, engine.Config{PingInterval: 30 * time.Millisecond, PingTimeout: 10 * time.Second})
	query, _ := d.poll()
	s, _ := d.connect()
	for range 3 {
		d.want("GET", query, "", 200, "2")
		d.want("POST", query, "3", 200, "ok")
		s.want("2")
		s.write("3")
	}
}

// TestExcuse says something else instead of a pong: that gives more time, once.
func TestExcuse(t *testing.T) {
	d := open(t, engine.Config{PingInterval: 20 * time.Millisecond, PingTimeout: time.Hour})
	s, c := d.connect()
	for range 2 {
		s.want("2")
		first := engine.Due(c)
		var more [2]time.Time
		for i := range more {
			s.write("4x")
			after(t, "a message", d.told)
			more[i] = engine.Due(c)
		}
		if !more[0].After(first) || !more[1].Equal(more[0]) {
			t.Errorf("the pong is due at %s, then at %s", first, more)
		}
		s.write("3")
	}
}

func TestSilence(t *testing.T) {
	d := open(t, engine.Config{PingInterval: 20 * time.Millisecond, PingTimeout: 30 * time.Millisecond})
	query, _ := d.poll()
	d.wantLeft("ping timeout")
	d.want("POST", query, "3", 400, noSession)
	s, _ := d.connect()
	s.wantClosed()
	d.wantLeft("ping timeout")
}

// TestSilentPoller polls but never answers.
func TestSilentPoller(t *testing.T) {
	d := open(t, engine.Config{PingInterval: 20 * time.Millisecond, PingTimeout: time.Second}) // for the poll to come
	query, c := d.poll()
	d.want("GET", query, "", 200, "2")
	d.wantLeft("ping timeout")
	if err := c.Send(engine.Text(nil)); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("sending to who is gone: %v", err)
	}
}

func TestClosePolling(t *testing.T) {
	d := open(t, engine.Config{MaxPayload: 10})
	query, c := d.poll()
	for _, text := range []string{"first", "second"} {
		if err := c.Send(engine.Text([]byte(text))); err != nil {
			t.Fatal(err)
		}
	}
	c.Close("forced close")
	if err := c.Send(engine.Text([]byte("third"))); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("sending to who is being closed: %v", err)
	}
	d.want("POST", query, "4ignored", 200, "ok")
	d.want("GET", query, "", 200, "4first")
	d.want("GET", query, "", 200, "4second\x1e1")
	d.wantLeft("forced close")
	d.want("GET", query, "", 400, noSession)
	if len(d.told) != 0 {
		t.Errorf("a client that is being closed said %+v", <-d.told)
	}
}

// TestCloseNobodyPolls closes who does not come to take what waits.
func TestCloseNobodyPolls(t *testing.T) {
	d := open(t, engine.Config{WriteTimeout: 50 * time.Millisecond})
	_, c := d.poll()
	c.Close("forced close")
	d.wantLeft("forced close")
}

func TestCloseWebsocket(t *testing.T) {
	d := open(t, engine.Config{})
	s, c := d.connect()
	const many = 1000
	for i := range many {
		if err := c.Send(engine.Text(fmt.Append(nil, i))); err != nil {
			t.Fatal(err)
		}
	}
	c.Close("forced close")
	for i := range many {
		s.want(fmt.Sprint("4", i))
	}
	if code := s.wantClosed(); code != websocket.StatusNormalClosure {
		t.Errorf("closed with %v", code)
	}
	d.wantLeft("forced close")
}

func TestDrop(t *testing.T) {
	d := open(t, engine.Config{})
	query, polling := d.poll()
	answered := d.ask(t.Context(), query)
	engine.WaitForPoll(t, polling)
	polling.Drop("forced close")
	polling.Drop("again")
	polling.Close("again")
	if a := after(t, "an answer", answered); a.body != "1" {
		t.Errorf("%+v", a)
	}
	d.wantLeft("forced close")
	s, c := d.connect()
	c.Drop("forced close")
	s.wantClosed()
	d.wantLeft("forced close")
	if len(d.left) != 0 {
		t.Errorf("told twice: %q", <-d.left)
	}
}

func TestWebsocketLeaves(t *testing.T) {
	d := open(t, engine.Config{})
	for name, leave := range map[string]func(*socket){
		"a packet":      func(s *socket) { s.write("1") },
		"a close frame": func(s *socket) { _ = s.conn.Close(websocket.StatusNormalClosure, "") },
		"the network":   func(s *socket) { _ = s.conn.CloseNow() },
	} {
		s, _ := d.connect()
		leave(s)
		if got := after(t, name, d.left); got != "transport close" {
			t.Errorf("who leaves by %s is closed for %q", name, got)
		}
	}
}

// TestServerClose closes a server with clients of every kind.
func TestServerClose(t *testing.T) {
	d := open(t, engine.Config{PingInterval: time.Hour})
	query, c := d.poll()
	answered := d.ask(t.Context(), query)
	engine.WaitForPoll(t, c)
	d.poll() // does not poll now
	s, talks := d.connect()
	probing, c2 := d.poll()
	p := d.dial(strings.Replace(probing, "polling", "websocket", 1))
	p.write("2probe")
	engine.WaitForProbe(t, c2)
	posting, c3 := d.poll()
	d.beginPost(posting)
	engine.WaitForPost(t, c3)
	if err := talks.Send(engine.Text([]byte("last"))); err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() { d.server.Close(); close(closed) }()
	s.want("4last")
	if code := s.wantClosed(); code != websocket.StatusGoingAway {
		t.Errorf("closed with %v", code)
	}
	if a := after(t, "an answer", answered); a.body != "1" {
		t.Errorf("%+v", a)
	}
	after(t, "the server closes", closed)
	for range 5 {
		d.wantLeft("server shutting down")
	}
	if a := d.must("GET", "EIO=4&transport=polling", ""); a.status != 503 {
		t.Errorf("%+v", a)
	}
	if n := d.server.Stats(); n != (engine.Stats{}) {
		t.Errorf("closed, and still there: %+v", n)
	}
}

// TestSlowClients sends to clients that do not take it.
func TestSlowClients(t *testing.T) {
	d := open(t, engine.Config{MaxWaiting: 100_000, MaxPackets: 1000, WriteTimeout: patience})
	bystander, steady := d.connect()
	_, polling := d.poll()
	_, idle := d.poll()
	_, stuck := d.connect() // whose client does not read
	frame := engine.Text([]byte(strings.Repeat("x", 1000)))
	for name, c := range map[string]*engine.Conn{"polling": polling, "websocket": stuck} {
		began, sent := time.Now(), 0
		for c.Send(frame) == nil {
			if sent++; time.Since(began) > patience {
				t.Fatalf("%s: %d frames wait", name, sent)
			}
		}
		d.wantLeft("slow client")
	}
	sent := 0
	for idle.Send(engine.Text(nil)) == nil {
		sent++
	}
	if sent != 1000 {
		t.Errorf("%d packets may wait", sent)
	}
	d.wantLeft("slow client")
	if n := d.server.Stats(); n.Slow != 3 {
		t.Errorf("%+v", n)
	}
	if err := steady.Send(frame); err != nil {
		t.Fatal(err)
	}
	if got := bystander.read(); len(got) != 1001 {
		t.Errorf("somebody else was sent %q", got)
	}
}

// TestSlowWrite drops a client that takes nothing for as long as a write may last.
func TestSlowWrite(t *testing.T) {
	d := open(t, engine.Config{WriteTimeout: 100 * time.Millisecond, MaxWaiting: 1 << 30})
	_, c := d.connect()
	if err := c.Send(engine.Binary(make([]byte, 64<<20))); err != nil { // more than any buffer of the system
		t.Fatal(err)
	}
	d.wantLeft("transport error")
}

// TestAllOrNone sends groups of frames, of which the last does not fit.
func TestAllOrNone(t *testing.T) {
	d := open(t, engine.Config{MaxWaiting: 1000})
	query, c := d.poll()
	d.want("POST", query, "3", 200, "ok")
	big := engine.Text([]byte(strings.Repeat("x", 600)))
	if err := c.Send(big, big); err != nil {
		t.Errorf("too much for who takes everything: %v", err)
	}
	if a := d.must("GET", query, ""); len(a.body) != 2*601+1 {
		t.Errorf("it gets %d bytes", len(a.body))
	}
	engine.WaitForNoPoll(t, c)
	send(t, c, "a")
	if err := c.Send(big, big); !errors.Is(err, engine.ErrClosed) {
		t.Error(err)
	}
	d.wantLeft("slow client")
}

func TestWaitingIsGivenBack(t *testing.T) {
	d := openEcho(t, engine.Config{})
	s, c := d.connect()
	query, polling := d.poll()
	for range 10 {
		s.write("4x")
		s.want("4x")
		d.want("POST", query, "4x", 200, "ok")
		d.want("GET", query, "", 200, "4x")
	}
	engine.WaitForIdle(t, c)
	engine.WaitForNoPoll(t, polling)
	if n := engine.Waiting(c) + engine.Waiting(polling); n != 0 {
		t.Errorf("%d bytes wait for who has taken all", n)
	}
}

// TestVia looks at the request that a handler is given.
func TestVia(t *testing.T) {
	d := open(t, engine.Config{})
	query, _ := d.poll()
	header := []string{"Origin", "https://cars.example", "Cookie", "refresh=secret"}
	if a := d.must("POST", query, "4a", header...); a.status != 200 {
		t.Fatal(a)
	}
	s, _, err := d.tryDial("EIO=4&transport=websocket", header...)
	if err != nil {
		t.Fatal(err)
	}
	s.write("4b")
	for range 2 {
		m := after(t, "a message", d.told)
		cookie, err := m.via.Cookie("refresh")
		if err != nil || cookie.Value != "secret" || m.via.Header.Get("Origin") != "https://cars.example" {
			t.Errorf("%+v, %v", m.via, err)
		}
		if v := m.via.Context().Value(mark{}); v != "marked" || m.via.Context().Err() != nil {
			t.Errorf("the context has %v, %v", v, m.via.Context().Err())
		}
		if n, _ := m.via.Body.Read(make([]byte, 1)); n != 0 || m.via.RemoteAddr == "" {
			t.Errorf("%+v", m.via)
		}
	}
}

// TestPanic lets a handler panic: only its client is closed.
func TestPanic(t *testing.T) {
	left := make(chan string, 2)
	d := openWith(t, func(*engine.Conn) engine.Handler { return wild{left} })
	s := d.dial("EIO=4&transport=websocket")
	s.read()
	s.write("4a")
	s.wantClosed()
	if got := after(t, "closed", left); got != "transport error" {
		t.Error(got)
	}
	a := d.must("GET", "EIO=4&transport=polling", "")
	d.want("POST", "EIO=4&transport=polling&sid="+decodeGreeting(t, a.body).SID, "4a", 200, "ok")
	after(t, "closed", left)
}

type wild struct{ left chan string }

func (w wild) Message([]byte, bool, *http.Request) { panic("wild") }
func (w wild) Closed(reason string)                { w.left <- reason }

// TestRefusedByHandler drops a client while it is accepted.
func TestRefusedByHandler(t *testing.T) {
	left := make(chan string, 2)
	d := openWith(t, func(c *engine.Conn) engine.Handler { c.Drop("forced close"); return wild{left} })
	d.want("GET", "EIO=4&transport=polling", "", 400, noSession)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if s, _, err := d.tryDial("EIO=4&transport=websocket"); err == nil {
		if _, _, err := s.conn.Read(ctx); err == nil {
			t.Error("who was dropped is greeted")
		}
	}
	for range 2 {
		if got := after(t, "closed", left); got != "forced close" {
			t.Error(got)
		}
	}
}

// TestCloseWhileTheyArrive closes servers in the middle of handshakes: none
// fails, and none is left.
func TestCloseWhileTheyArrive(t *testing.T) {
	for range 200 {
		left, came := make(chan string, 10), make(chan struct{}, 10)
		s := engine.NewServer(engine.Config{}, func(*engine.Conn) engine.Handler { came <- struct{}{}; return wild{left} })
		var arriving sync.WaitGroup
		for range cap(left) {
			arriving.Go(func() {
				r := httptest.NewRequestWithContext(t.Context(), "GET", "/?EIO=4&transport=polling", nil)
				s.ServeHTTP(httptest.NewRecorder(), r)
			})
		}
		after(t, "the first comes", came)
		s.Close()
		arriving.Wait()
		if n := s.Stats(); n != (engine.Stats{}) {
			t.Fatalf("closed, and still there: %+v", n)
		}
	}
}
