package socketio_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"cartracker/internal/redis/redistest"
	"cartracker/internal/socketio"
	"cartracker/internal/socketio/engine"
)

// inRooms admits everybody to the rooms that their auth names.
func inRooms(n *socketio.Namespace) {
	n.Admit(func(_ context.Context, r *socketio.Request) (socketio.Admission, error) {
		rooms := strings.FieldsFunc(string(r.Auth), func(r rune) bool { return r < 'a' || r > 'z' })
		return socketio.Admission{Rooms: rooms}, nil
	})
}

func TestBroadcast(t *testing.T) {
	h := serve(t, socketio.Config{}, func(s *socketio.Server) { inRooms(s.Of("/")) })
	n := h.Of("/")
	a, b, ab, none := h.dial(), h.dial(), h.dial(), h.dial()
	a.connects("/", `{"a":1}`)
	b.connects("/", `{"b":1}`)
	ab.connects("/", `{"a":1,"b":2}`)
	id := none.connects("/", "").SID
	all := []*guest{a, b, ab, none}
	for i, c := range []struct {
		to   socketio.Broadcast
		want []*guest
	}{
		{n.To(), all},
		{n.To("a"), []*guest{a, ab}},
		{n.To("a", "b"), []*guest{a, b, ab}},
		{n.To("a", "a", id), []*guest{a, ab, none}},
		{n.To("nobody"), nil},
		{n.To().Except("a"), []*guest{b, none}},
		{n.To("a").Except("b"), []*guest{a}},
		{n.To("a", "b").Except("a").Except("b"), nil},
		{n.To().Except(id).Local(), []*guest{a, b, ab}},
	} {
		if err := c.to.Emit("n", i, []byte("bytes")); err != nil {
			t.Fatal(err)
		}
		if err := n.To().Emit("end"); err != nil {
			t.Fatal(err)
		}
		for j, g := range all {
			if slices.Contains(c.want, g) {
				g.hears(fmt.Sprintf(`51-["n",%d,{"_placeholder":true,"num":0}]`, i), "bytes:bytes")
			}
			if m := g.next(); m != `2["end"]` {
				t.Errorf("%d: guest %d heard %s", i, j, m)
			}
		}
	}
	if err := n.To().Emit("connect"); err == nil {
		t.Error("a reserved name was taken")
	}
	if err := n.To("a").Disconnect(); err != nil {
		t.Error(err)
	}
	a.hears("1")
	ab.hears("1")
	if err := n.To("b").Close(false); err != nil {
		t.Error(err)
	}
	b.closed()
	if left := n.Sockets(); len(left) != 1 || left[0].ID() != id || len(n.SocketsIn("a"))+len(n.SocketsIn("b")) != 0 {
		t.Errorf("%d are left", len(left))
	}
}

func TestJoinAndLeave(t *testing.T) {
	h := serve(t, socketio.Config{}, usual)
	g := h.guest()
	s := h.Of("/").Sockets()[0]
	s.Join("a", "b", "a")
	s.Leave("b", "c")
	s.Join("d")
	if got := s.Rooms(); !slices.Equal(got, []string{"a", "d"}) || !s.In("a") || s.In("b") || len(h.Of("/").SocketsIn("b")) != 0 {
		t.Error(got)
	}
	_ = h.Of("/").To("a", "d").Emit("once")
	_ = s.Emit("end")
	g.hears(`2["once"]`, `2["end"]`)
	g.leave()
	<-s.Context().Done()
	eventually(t, "it has left", func() bool { return len(h.Of("/").Sockets()) == 0 })
	s.Join("a")
	if len(s.Rooms()) != 0 || len(h.Of("/").SocketsIn("a")) != 0 || s.Emit("x") != socketio.ErrDisconnected {
		t.Error("it is still there")
	}
}

// TestOrder has several emit at the same time: all in a room hear the same.
func TestOrder(t *testing.T) {
	h := serve(t, socketio.Config{}, usual)
	guests := []*guest{h.guest(), h.guest(), h.guest()}
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 200 {
				_ = h.Of("/").To().Emit("n", i, j)
			}
		})
	}
	wg.Wait()
	for range 800 {
		want := guests[0].next()
		guests[1].hears(want)
		guests[2].hears(want)
	}
}

// TestHandlersInTurn sends many events at once: they are handled in order, and
// one at a time.
func TestHandlersInTurn(t *testing.T) {
	var busy atomic.Int32
	got := make(chan int, 1000)
	h := serve(t, socketio.Config{}, func(s *socketio.Server) {
		s.Of("/").OnConnect(func(s *socketio.Socket) {
			s.On("n", func(e *socketio.Event) {
				if busy.Add(1) > 1 {
					t.Error("two at a time")
				}
				var n int
				_ = e.Decode(0, &n)
				got <- n
				busy.Add(-1)
			})
		})
	})
	g := h.guest()
	g.say(many(1000, `2["n",%d]`)...)
	g.leave() // what was sent before is handled
	for i := range 1000 {
		if n := <-got; n != i {
			t.Fatalf("%d came in the place of %d", n, i)
		}
	}
}

func TestPanics(t *testing.T) {
	h := serve(t, socketio.Config{}, func(s *socketio.Server) {
		s.Of("/").OnConnect(func(s *socketio.Socket) {
			echo(s)
			s.On("bad", func(*socketio.Event) { panic("my fault") })
			s.OnDisconnect(func(string) { panic("mine too") })
		})
		s.Of("/bad").OnConnect(func(*socketio.Socket) { panic("from the start") })
	})
	calm, bad := h.guest(), h.guest()
	bad.say(`2["bad"]`)
	bad.closed()
	worse := h.dial()
	worse.connects("/bad", "")
	worse.closed()
	calm.say(`2["message"]`)
	calm.hears(`2["message-back"]`)
	eventually(t, "it is logged", func() bool {
		log := h.log.String()
		return strings.Contains(log, "my fault") && strings.Contains(log, "mine too") && strings.Contains(log, "from the start") && strings.Contains(log, "rooms_test.go")
	})
}

func TestMaxEvents(t *testing.T) {
	h := serve(t, socketio.Config{MaxEvents: 50}, usual)
	calm, wild := h.guest(), h.guest()
	calm.say(many(30, `2["message",%d]`)...)
	calm.hears(many(30, `2["message-back",%d]`)...)
	for i := 0; ; i++ {
		if wild.conn.Write(t.Context(), 1, []byte(`42["unknown"]`)) != nil {
			break
		}
		if i > 1_000_000 {
			t.Fatal("it may send for ever")
		}
	}
	wild.closed()
	calm.say(`2["message"]`)
	calm.hears(`2["message-back"]`)
}

// TestTooMuchWaits has a handler that never ends: what waits for it is bounded.
func TestTooMuchWaits(t *testing.T) {
	h := serve(t, socketio.Config{}, func(s *socketio.Server) {
		s.Of("/").OnConnect(func(s *socketio.Socket) {
			s.On("wait", func(*socketio.Event) { <-s.Context().Done() })
		})
	})
	g := h.guest()
	g.say(`2["wait"]`)
	for i := 0; ; i++ {
		if g.conn.Write(t.Context(), 1, []byte(`42["x"]`)) != nil {
			break
		}
		if i > 1_000_000 {
			t.Fatal("everything is kept")
		}
	}
	g.closed()
}

// TestLargePacketsWait has texts with a small attachment each wait for a handler
// that never ends: what the texts take is bounded too.
func TestLargePacketsWait(t *testing.T) {
	h := serve(t, socketio.Config{}, func(s *socketio.Server) {
		s.Of("/").OnConnect(func(s *socketio.Socket) {
			s.On("wait", func(*socketio.Event) { <-s.Context().Done() })
		})
	})
	g := h.guest()
	g.say(`2["wait"]`)
	large := `451-["x",{"_placeholder":true,"num":0},"` + strings.Repeat("x", 900_000) + `"]`
	for i := 0; g.conn.Write(t.Context(), websocket.MessageText, []byte(large)) == nil; i++ {
		if i > 100 {
			t.Fatal("everything is kept")
		}
		_ = g.conn.Write(t.Context(), websocket.MessageBinary, nil) // it may be closed by now
	}
	g.closed()
}

// TestVolatile has a client that does not read.
func TestVolatile(t *testing.T) {
	h := serve(t, socketio.Config{Engine: engine.Config{MaxWaiting: 64 << 20}}, usual)
	g := h.guest()
	s := h.Of("/").Sockets()[0]
	eventually(t, "nothing waits", func() bool {
		_ = s.EmitVolatile("v", 0)
		select {
		case m := <-g.in:
			return m == `2["v",0]`
		case <-time.After(10 * time.Millisecond):
			return false
		}
	})
	large := strings.Repeat("x", 15<<20)
	g.rest.Lock()
	_ = s.Emit("large", large) // which it may be reading still
	_ = s.Emit("large", large) // more than the system takes for who does not read
	_ = s.EmitVolatile("v", 1)
	_ = h.Of("/").To().Volatile().Emit("v", 2)
	_ = s.Emit("end")
	g.rest.Unlock()
	var heard []string
	for m := g.next(); m != `2["end"]`; m = g.next() {
		if m = m[:min(len(m), 8)]; m != `2["v",0]` { // which may be late
			heard = append(heard, m)
		}
	}
	if want := []string{`2["large`, `2["large`}; !slices.Equal(heard, want) {
		t.Errorf("%q, want %q", heard, want)
	}
}

func TestPresence(t *testing.T) {
	type told struct {
		member  string
		present bool
	}
	redis := redistest.New(t, redistest.Options{})
	tells := make(chan told, 100)
	prepare := func(s *socketio.Server) {
		n := s.Of("/")
		n.Use(socketio.NewRedis(patientLine{redistest.Open(t, redis.URL())}, "test"))
		n.Admit(func(_ context.Context, r *socketio.Request) (socketio.Admission, error) {
			return socketio.Admission{Member: string(r.Auth), MaxSockets: 2}, nil
		})
		n.OnPresence(func(member string, present bool) { tells <- told{member, present} })
		n.OnConnect(echo)
	}
	one, two := serve(t, socketio.Config{}, prepare), serve(t, socketio.Config{}, prepare)
	expect := func(want told) {
		t.Helper()
		select {
		case got := <-tells:
			if got != want {
				t.Errorf("%v, want %v", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("nobody told %v", want)
		}
	}
	ana := `{"a":"na"}`
	a, b, c := one.dial(), two.dial(), two.dial()
	a.connects("/", ana)
	expect(told{ana, true})
	b.connects("/", ana)
	c.say("0" + ana)
	c.hears(`4{"message":"too many sockets"}`)
	a.leave()
	eventually(t, "one has left", func() bool { return len(one.Of("/").Sockets()) == 0 })
	eventually(t, "there is room", func() bool {
		c.say("0" + ana)
		return strings.HasPrefix(c.next(), "0")
	})
	c.say("1")
	b.say("1")
	expect(told{ana, false})
	d := one.dial()
	d.connects("/", `{}`)
	expect(told{`{}`, true})
	// What one instance says is heard on the other.
	e := two.dial()
	e.connects("/", `{}`)
	eventually(t, "the instances hear each other", func() bool {
		_ = one.Of("/").To().Volatile().Emit("hello")
		select {
		case m := <-e.in:
			return m == `2["hello"]`
		case <-time.After(10 * time.Millisecond):
			return false
		}
	})
	_ = one.Of("/").To().Local().Emit("here")
	_ = two.Of("/").To().Except("x").Emit("there", []byte("b"))
	_ = two.Of("/").To().Disconnect()
	for m := d.next(); m != `2["here"]`; m = d.next() {
		if m != `2["hello"]` {
			t.Fatal(m)
		}
	}
	d.hears(`51-["there",{"_placeholder":true,"num":0}]`, "bytes:b", "1")
	for m := e.next(); m != `51-["there",{"_placeholder":true,"num":0}]`; m = e.next() {
		if m != `2["hello"]` {
			t.Fatal(m)
		}
	}
	e.hears("bytes:b", "1")
	expect(told{`{}`, false})
	f := one.dial()
	f.connects("/", ana)
	expect(told{ana, true})
	one.stop()
	expect(told{ana, false})
	two.stop()
	if keys := redis.Do("DBSIZE"); keys != ":0" {
		t.Errorf("%s keys are left", keys)
	}
	if len(tells) > 0 {
		t.Errorf("%v was told too", <-tells)
	}
}
