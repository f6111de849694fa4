package socketio_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"

	"cartracker/internal/socketio"
)

// main and /custom as the suite of the protocol expects them.
func usual(s *socketio.Server) {
	for _, name := range []string{"/", "/custom"} {
		n := s.Of(name)
		n.Admit(func(_ context.Context, r *socketio.Request) (socketio.Admission, error) {
			return socketio.Admission{Data: r.Auth}, nil
		})
		n.OnConnect(echo)
	}
}

func TestConnect(t *testing.T) {
	h := serve(t, socketio.Config{}, usual)
	for _, space := range []string{"/", "/custom"} {
		for _, auth := range []string{"", "{}", `{"token":"abc"}`} {
			if a := h.dial().connects(space, auth); a.PID != "" {
				t.Errorf("it can be recovered: %+v", a)
			}
		}
	}
	var data []string
	for _, s := range h.Of("/custom").Sockets() {
		data = append(data, string(s.Data().(json.RawMessage)))
	}
	if got := strings.Join(data, ""); len(got) != len(`{}{"token":"abc"}`) {
		t.Errorf("%q", got)
	}
	g := h.dial()
	g.say("0/random")
	g.hears(`4/random,{"message":"Invalid namespace"}`)
	g.say("0/custom?token=1,")
	if m := g.next(); !strings.HasPrefix(m, `0/custom,{"sid":"`) {
		t.Error(m)
	}
	g.say("0/custom,", `2/custom,["message"]`) // asking twice changes nothing
	g.hears(`2/custom,["message-back"]`)
}

func TestMessages(t *testing.T) {
	h := serve(t, socketio.Config{}, usual)
	g := h.guest()
	g.say(`2["message",1,"2",{"3":[true]}]`)
	g.hears(`2["message-back",1,"2",{"3":[true]}]`)
	g.say(`52-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "bytes:\x01\x02\x03", "bytes:\x04")
	g.hears(`52-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]`, "bytes:\x01\x02\x03", "bytes:\x04")
	g.say(`2456["message-with-ack",1,"2",{"3":[false]}]`)
	g.hears(`3456[1,"2",{"3":[false]}]`)
	g.say(`51-789["message-with-ack",{"_placeholder":true,"num":0}]`, "bytes:\x01")
	g.hears(`61-789[{"_placeholder":true,"num":0}]`, "bytes:\x01")
	g.say(`2["unknown"]`, `27["unknown"]`, `399[]`, `2["message"]`)
	g.hears(`2["message-back"]`)
}

func TestDisconnect(t *testing.T) {
	reasons := make(chan string, 10)
	h := serve(t, socketio.Config{}, func(s *socketio.Server) {
		usual(s)
		s.Of("/custom").OnConnect(func(s *socketio.Socket) {
			echo(s)
			s.OnDisconnect(func(reason string) { reasons <- reason })
		})
	})
	told := func(want string) {
		t.Helper()
		if got := <-reasons; !strings.HasPrefix(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	g := h.guest()
	g.connects("/custom", "")
	g.say("1/custom", `2["message","to main"]`)
	g.hears(`2["message-back","to main"]`)
	told("client namespace disconnect")
	g.connects("/custom", "")
	h.Of("/custom").Sockets()[0].Disconnect()
	g.say(`2/custom,["on its way"]`, "1/custom")
	g.hears("1/custom,")
	told("server namespace disconnect")
	g.connects("/custom", "")
	g.leave()
	told("transport")
	g = h.dial()
	g.connects("/custom", "")
	g.say("2/custom")
	g.closed()
	told("parse error")
	g = h.dial()
	g.connects("/custom", "")
	g.say("1/custom", `2/custom,["too late"]`)
	g.closed()
	told("client namespace disconnect")
	g = h.dial()
	g.connects("/custom", "")
	h.stop()
	told("server shutting down")
}

// TestAgainAtOnce asks for the namespace the moment that it was refused or ended.
func TestAgainAtOnce(t *testing.T) {
	var times atomic.Int32
	h := serve(t, socketio.Config{}, func(s *socketio.Server) {
		s.Of("/").Admit(func(context.Context, *socketio.Request) (socketio.Admission, error) {
			if times.Add(1)%2 == 1 {
				return socketio.Admission{}, &socketio.Refusal{Message: "no"}
			}
			return socketio.Admission{}, nil
		})
		s.Of("/").OnConnect(func(s *socketio.Socket) { s.Disconnect() })
	})
	g := h.dial()
	for range 300 {
		g.say("0")
		g.hears(`4{"message":"no"}`)
		g.connects("/", "")
		g.hears("1")
	}
}

// TestMalformed looks whether who sends nonsense is closed, and nobody else.
func TestMalformed(t *testing.T) {
	h := serve(t, socketio.Config{}, usual)
	calm := h.guest()
	for _, bad := range [][]string{
		{"abc"},
		{"9"},
		{`2[]`},
		{`21e9["x"]`},
		{`2["connect"]`},
		{`2["a",` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `]`},
		{"bytes:xyz"},
		{`51-["x",{"_placeholder":true,"num":0}]`, `2["message"]`},
		{`51-["x",{"_placeholder":true,"num":1}]`, "bytes:x"},
		{`511-["x"]`},
		{`2/other,["x"]`},
		{"2[\"\\"},
	} {
		g := h.guest()
		g.say(bad...)
		g.closed()
	}
	for _, early := range []string{`2["message"]`, "1", "31[]", "4{}", "4abc"} {
		g := h.dial()
		g.say(early)
		g.closed()
	}
	calm.say(`2["message"]`)
	calm.hears(`2["message-back"]`)
	if n := len(h.Of("/").Sockets()); n != 1 {
		t.Errorf("%d sockets are left", n)
	}
}

func TestNeverConnected(t *testing.T) {
	h := serve(t, socketio.Config{ConnectTimeout: 500 * time.Millisecond}, usual)
	connected := h.guest()
	h.dial().closed()
	left := h.guest()
	left.say("1")
	left.closed()
	slow := h.guest()
	slow.say(`51-["x",{"_placeholder":true,"num":0}]`)
	slow.closed()
	connected.say(`2["message"]`)
	connected.hears(`2["message-back"]`)
}

// TestNeverAdmitted asks again and again: that gives no more time.
func TestNeverAdmitted(t *testing.T) {
	h := serve(t, socketio.Config{ConnectTimeout: 500 * time.Millisecond}, func(s *socketio.Server) {
		s.Of("/").Admit(func(context.Context, *socketio.Request) (socketio.Admission, error) {
			return socketio.Admission{}, &socketio.Refusal{Message: "no"}
		})
	})
	g := h.dial()
	for end := time.Now().Add(patience); g.conn.Write(t.Context(), websocket.MessageText, []byte("40")) == nil; {
		if _, err := g.take(); err != nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal("it may ask for ever")
		}
	}
}

func TestAdmission(t *testing.T) {
	began, left := make(chan struct{}, 1), make(chan struct{})
	h := serve(t, socketio.Config{}, func(s *socketio.Server) {
		n := s.Of("/")
		n.OnConnect(echo)
		n.Admit(func(ctx context.Context, r *socketio.Request) (socketio.Admission, error) {
			if r.HTTP.URL.Query().Get("transport") != "websocket" || r.SocketID == "" || r.Recovering {
				t.Errorf("%+v", r)
			}
			switch string(r.Auth) {
			case `"x"`, "":
				return socketio.Admission{}, &socketio.Refusal{Message: "unauthorized", Data: map[string]int{"a": 1}}
			case `{"fail":1}`:
				return socketio.Admission{}, errors.New("secret")
			case `{"panic":1}`:
				panic("secret of the panic")
			case `{"wait":1}`:
				began <- struct{}{}
				<-ctx.Done()
				close(left)
				return socketio.Admission{}, nil
			}
			return socketio.Admission{Rooms: []string{"staff"}}, nil
		})
	})
	g := h.dial()
	g.say("0")
	g.hears(`4{"data":{"a":1},"message":"unauthorized"}`)
	g.say(`0{"fail":1}`)
	g.hears(`4{"message":"internal error"}`)
	g.say(`0{"panic":1}`)
	g.hears(`4{"message":"internal error"}`)
	g.connects("/", "{}")
	if in := h.Of("/").SocketsIn("staff"); len(in) != 1 || !in[0].In("staff") {
		t.Error("the socket is not in its room")
	}
	eager := h.dial()
	eager.say("0{}", `2["message",1]`, `2["message",2]`) // before it can know
	if m := eager.next(); !strings.HasPrefix(m, `0{"sid"`) {
		t.Error(m)
	}
	eager.hears(`2["message-back",1]`, `2["message-back",2]`)
	gone := h.dial()
	gone.say(`0{"wait":1}`, `2["message"]`)
	<-began
	gone.leave()
	<-left
	eventually(t, "it is forgotten", func() bool { return len(h.Of("/").Sockets()) == 2 })
	if log := h.log.String(); !strings.Contains(log, "secret of the panic") || !strings.Contains(log, "TestAdmission") || strings.Contains(log, "fail") {
		t.Error(log)
	}
}

func TestAcks(t *testing.T) {
	h := serve(t, socketio.Config{}, usual)
	g := h.guest()
	s := h.Of("/").Sockets()[0]
	type result struct {
		args []json.RawMessage
		err  error
	}
	ask := func(ctx context.Context, args ...any) chan result {
		c := make(chan result, 1)
		go func() {
			got, err := s.EmitAck(ctx, "ask", args...)
			c <- result{got, err}
		}()
		return c
	}
	one := ask(t.Context(), 1)
	g.hears(`20["ask",1]`)
	two := ask(t.Context(), 2)
	g.hears(`21["ask",2]`)
	g.say(`31["second"]`, `30[]`, `30["again"]`, `35["nobody asked"]`)
	if r := <-two; r.err != nil || string(r.args[0]) != `"second"` {
		t.Error(r)
	}
	if r := <-one; r.err != nil || len(r.args) != 0 {
		t.Error(r)
	}
	short, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if r := <-ask(short); !errors.Is(r.err, context.DeadlineExceeded) {
		t.Error(r.err)
	}
	g.hears(`22["ask"]`)
	binary := make(chan string, 1)
	go func() {
		p, err := s.Ask(t.Context(), "ask", []byte("b"))
		b, _ := p.Bytes(1)
		binary <- string(b)
		if err != nil {
			t.Error(err)
		}
	}()
	g.hears(`51-3["ask",{"_placeholder":true,"num":0}]`, "bytes:b")
	g.say(`61-3["x",{"_placeholder":true,"num":0}]`, "bytes:yz")
	if b := <-binary; b != "yz" {
		t.Errorf("%q", b)
	}
	last := ask(t.Context())
	g.hears(`24["ask"]`)
	g.leave()
	if r := <-last; r.err != socketio.ErrDisconnected {
		t.Error(r.err)
	}
	if _, err := s.EmitAck(t.Context(), "ask"); err != socketio.ErrDisconnected {
		t.Error(err)
	}
}

// TestAckOfHandler has a handler wait for what the same client says.
func TestAckOfHandler(t *testing.T) {
	h := serve(t, socketio.Config{}, func(s *socketio.Server) {
		s.Of("/").OnConnect(func(s *socketio.Socket) {
			s.On("start", func(e *socketio.Event) {
				got, err := s.EmitAck(s.Context(), "ask")
				if err != nil || e.Ack(got[0]) != nil || e.Ack("again") == nil {
					t.Error(err)
				}
			})
			s.On("plain", func(e *socketio.Event) {
				if e.AckWanted() || e.Ack() != nil {
					t.Error("it is to be acknowledged")
				}
				var n int
				if e.Decode(0, &n) != nil || n != 7 || e.Decode(1, &n) == nil || e.Decode(-1, &n) == nil || e.Decode(0, &[]int{}) == nil {
					t.Error("it was decoded wrong")
				}
				if _, err := e.Bytes(0); err == nil {
					t.Error("it was binary")
				}
				_ = s.Emit("done")
			})
		})
	})
	g := h.guest()
	g.say(`25["start"]`, `2["plain",7]`)
	g.hears(`20["ask"]`)
	g.say(`30["mine"]`)
	g.hears(`35["mine"]`, `2["done"]`)
}

// TestPolling connects without a websocket.
func TestPolling(t *testing.T) {
	h := serve(t, socketio.Config{}, usual)
	do := func(method, query, body string) string {
		r, _ := http.NewRequestWithContext(t.Context(), method, h.url+"/socket.io/?EIO=4&transport=polling"+query, strings.NewReader(body))
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		text, _ := io.ReadAll(w.Body)
		return string(text)
	}
	var open struct{ SID string }
	if err := json.Unmarshal([]byte(do("GET", "", "")[1:]), &open); err != nil {
		t.Fatal(err)
	}
	sid := "&sid=" + open.SID
	do("POST", sid, "40{}\x1e42[\"message\",1]")
	got := do("GET", sid, "")
	for !strings.Contains(got, "message-back") {
		got += "\x1e" + do("GET", sid, "")
	}
	if !strings.HasPrefix(got, `40{"sid":`) || !strings.HasSuffix(got, "\x1e"+`42["message-back",1]`) {
		t.Errorf("%q", got)
	}
	do("POST", sid, "1")
	http.DefaultClient.CloseIdleConnections()
}
