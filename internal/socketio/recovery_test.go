package socketio_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/socketio"
	"cartracker/internal/socketio/engine"
)

// owned admits everybody as the owner that their auth names, and with its rooms.
type owned struct {
	Owner string
	Rooms []string
}

func recoverable(s *socketio.Server) {
	n := s.Of("/")
	n.Admit(func(_ context.Context, r *socketio.Request) (socketio.Admission, error) {
		var o owned
		_ = json.Unmarshal(r.Auth, &o)
		if o.Owner == "refused" {
			return socketio.Admission{}, &socketio.Refusal{Message: "no"}
		}
		return socketio.Admission{Owner: o.Owner, Rooms: o.Rooms, Data: r.Recovering}, nil
	})
	n.OnConnect(echo)
}

// lose has ana in room a, who loses her transport after she has heard one event.
func (h *house) lose() (a answer, offset string) {
	h.t.Helper()
	g := h.dial()
	a = g.connects("/", `{"owner":"ana","rooms":["a"]}`)
	if a.PID == "" || a.PID == a.SID {
		h.t.Fatalf("%+v", a)
	}
	_ = h.Of("/").To("a").Emit("first")
	offset = g.event("first")
	g.leave()
	h.lost(a)
	return a, offset
}

// lost waits until a socket is.
func (h *house) lost(a answer) {
	h.t.Helper()
	eventually(h.t, "it is lost", func() bool { return len(h.Of("/").SocketsIn(a.SID)) == 0 })
}

// event reads an event and returns its last argument.
func (g *guest) event(name string) (offset string) {
	g.t.Helper()
	m := g.next()
	_, text, _ := strings.Cut(m, "[")
	var args []json.RawMessage
	if json.Unmarshal([]byte("["+text), &args) != nil || string(args[0]) != `"`+name+`"` || json.Unmarshal(args[len(args)-1], &offset) != nil {
		g.t.Fatalf("%q, want %s with an offset", m, name)
	}
	return offset
}

func claim(owner string, a answer, offset string) string {
	return fmt.Sprintf(`{"owner":%q,"rooms":["b"],"pid":%q,"offset":%q}`, owner, a.PID, offset)
}

func TestRecovery(t *testing.T) {
	h := serve(t, socketio.Config{Recovery: time.Minute}, recoverable)
	n := h.Of("/")
	a, offset := h.lose()
	_ = n.To("a").Emit("one", 1, []byte("bytes"))
	_ = n.To().Emit("two")
	_ = n.To("b").Emit("of others")
	_ = n.To("a").Volatile().Emit("volatile")
	_ = n.To("a").Except(a.SID).Emit("not you")
	_ = n.To(a.SID).Emit("three")
	g := h.dial()
	if again := g.connects("/", claim("ana", a, offset)); again != a {
		t.Fatalf("%+v, want %+v", again, a)
	}
	g.event("one")
	if b := g.next(); b != "bytes:bytes" {
		t.Errorf("%q", b)
	}
	g.event("two")
	g.event("three")
	s := n.SocketsIn("a")[0]
	if !s.Recovered() || s.ID() != a.SID || !s.In("b") || s.Data() != true {
		t.Errorf("%+v %v", s.Rooms(), s.Data())
	}
	// Once more: it is not lost now.
	other := h.dial()
	if b := other.connects("/", claim("ana", a, offset)); b.PID == a.PID || b.SID == a.SID {
		t.Error("a socket that is connected was given to another")
	}
	_ = s.Emit("four")
	offset = g.event("four")
	g.say(`2["message"]`) // which is answered with an offset too
	g.event("message-back")
	_, _ = s.EmitAck(ended(t), "asked")
	g.hears(`20["asked"]`)
	eventually(t, "nothing waits", func() bool {
		_ = s.EmitVolatile("volatile")
		select {
		case m := <-g.in:
			return m == `2["volatile"]`
		case <-time.After(10 * time.Millisecond):
			return false
		}
	})
	s.Close(true)
	for m, err := g.take(); err == nil; m, err = g.take() {
		if m != `2["volatile"]` { // which may be late
			t.Errorf("it said %q", m)
		}
	}
	_ = n.To("a").Emit("five")
	g = h.dial()
	if again := g.connects("/", claim("ana", a, offset)); again != a {
		t.Fatalf("%+v", again)
	}
	g.event("message-back")
	g.event("five")
}

// ended returns a context that is over.
func ended(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestNoRecovery(t *testing.T) {
	for name, c := range map[string]struct {
		owner string
		spoil func(h *house, a *answer, offset *string)
		new   bool
	}{
		"of another":       {owner: "emir", new: true},
		"of nobody":        {owner: "", new: true},
		"unknown":          {owner: "ana", spoil: func(_ *house, a *answer, _ *string) { a.PID += "x" }, new: true},
		"without offset":   {owner: "ana", spoil: func(_ *house, _ *answer, o *string) { *o = "" }, new: true},
		"wrong offset":     {owner: "ana", spoil: func(_ *house, _ *answer, o *string) { *o += "zzzzzzzzzz" }, new: true},
		"offset to come":   {owner: "ana", spoil: func(_ *house, _ *answer, o *string) { *o = (*o)[:len(*o)-1] + "z" }, new: true},
		"refused":          {owner: "refused", new: false},
		"closed meanwhile": {owner: "ana", spoil: func(h *house, _ *answer, _ *string) { _ = h.Of("/").To("a").Close(false) }, new: true},
		"disconnected":     {owner: "ana", spoil: func(h *house, _ *answer, _ *string) { _ = h.Of("/").To("a").Disconnect() }, new: true},
	} {
		t.Run(name, func(t *testing.T) {
			h := serve(t, socketio.Config{Recovery: time.Minute}, recoverable)
			a, offset := h.lose()
			before := a
			if c.spoil != nil {
				c.spoil(h, &a, &offset)
			}
			_ = h.Of("/").To("a").Emit("secret")
			g := h.dial()
			if !c.new {
				g.say("0" + claim(c.owner, a, offset))
				g.hears(`4{"message":"no"}`)
				return
			}
			if b := g.connects("/", claim(c.owner, a, offset)); b.SID == before.SID || b.PID == before.PID {
				t.Errorf("it was recovered: %+v", b)
			}
			g.say(`27["message-with-ack"]`)
			g.hears(`37[]`) // and nothing of what was missed
			if name == "of another" {
				mine := h.dial()
				if b := mine.connects("/", claim("ana", before, offset)); b != before {
					t.Error("a stranger spoilt it")
				}
			}
		})
	}
}

// TestEndsForGood has sockets end in the ways after which they cannot be recovered.
func TestEndsForGood(t *testing.T) {
	for name, end := range map[string]func(*house, *guest, *socketio.Socket){
		"Disconnect": func(_ *house, g *guest, s *socketio.Socket) { s.Disconnect(); g.hears("1") },
		"DISCONNECT": func(_ *house, g *guest, _ *socketio.Socket) { g.say("1") },
		"Close":      func(_ *house, g *guest, s *socketio.Socket) { s.Close(false); g.closed() },
		"nonsense":   func(_ *house, g *guest, _ *socketio.Socket) { g.say("9"); g.closed() },
	} {
		t.Run(name, func(t *testing.T) {
			h := serve(t, socketio.Config{Recovery: time.Minute}, recoverable)
			g := h.dial()
			a := g.connects("/", `{"owner":"ana","rooms":["a"]}`)
			_ = h.Of("/").To("a").Emit("first")
			offset := g.event("first")
			end(h, g, h.Of("/").Sockets()[0])
			h.lost(a)
			if b := h.dial().connects("/", claim("ana", a, offset)); b.SID == a.SID {
				t.Error("it was recovered")
			}
		})
	}
}

// TestLostTwice loses its transport once more while it is being recovered.
func TestLostTwice(t *testing.T) {
	asked, gone := make(chan struct{}), make(chan struct{})
	h := serve(t, socketio.Config{Recovery: time.Minute}, func(s *socketio.Server) {
		recoverable(s)
		s.Of("/").Admit(func(ctx context.Context, r *socketio.Request) (socketio.Admission, error) {
			if strings.Contains(string(r.Auth), "wait") {
				close(asked)
				<-ctx.Done()
				close(gone)
			}
			return socketio.Admission{Owner: "ana", Rooms: []string{"a"}}, nil
		})
	})
	a, offset := h.lose()
	g := h.dial()
	g.say("0" + claim("wait", a, offset))
	<-asked
	g.leave()
	<-gone
	_ = h.Of("/").To("a").Emit("missed")
	g = h.dial()
	if again := g.connects("/", claim("ana", a, offset)); again != a {
		t.Fatalf("%+v, want %+v", again, a)
	}
	g.event("missed")
}

func TestRecoveryEnds(t *testing.T) {
	h := serve(t, socketio.Config{Recovery: time.Nanosecond}, recoverable)
	a, offset := h.lose()
	if b := h.dial().connects("/", claim("ana", a, offset)); b.SID == a.SID {
		t.Error("it was recovered")
	}
}

// TestRecoveryUnderLoad loses its transport again and again while others emit:
// nothing is missing, nothing doubled, nothing out of order.
func TestRecoveryUnderLoad(t *testing.T) {
	h := serve(t, socketio.Config{Recovery: time.Minute, Engine: engine.Config{MaxWaiting: 64 << 20}}, recoverable)
	const last = 3000
	var wg sync.WaitGroup
	started := make(chan struct{})
	wg.Go(func() {
		<-started
		for i := range last + 1 {
			if i%2 == 0 {
				_ = h.Of("/").To("a").Emit("n", i)
			} else {
				_ = h.Of("/").To().Emit("n", i)
			}
		}
	})
	g := h.dial()
	a := g.connects("/", `{"owner":"ana","rooms":["a"]}`)
	close(started)
	offset, next := "", 0
	for next <= last {
		m, err := g.take()
		if err != nil {
			t.Fatal(err)
		}
		var args []any
		if json.Unmarshal([]byte(m[1:]), &args) != nil || args[1] != float64(next) {
			t.Fatalf("%q, want number %d", m, next)
		}
		offset = args[2].(string)
		if next++; next%250 == 0 {
			g.leave()
			h.lost(a)
			g = h.dial()
			if again := g.connects("/", claim("ana", a, offset)); again != a {
				t.Fatalf("it was not recovered at %d", next)
			}
		}
	}
	wg.Wait()
}
