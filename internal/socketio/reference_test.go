package socketio_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/socketio"
	"cartracker/internal/socketio/engine"
	"cartracker/internal/socketio/nodetest"
)

func TestClientPollsAndUpgrades(t *testing.T) {
	t.Parallel()
	h := newHost(t, socketio.Config{})
	c := nodetest.Start(t).Connect(h.URL, nodetest.Options{})
	if first := c.Opened(); first != "polling" {
		t.Errorf("began with %s", first)
	}
	at := c.Connected()
	if got := h.came(t).ID(); got != at.ID || at.Recovered {
		t.Errorf("the client is connected as %+v, the server knows %s", at, got)
	}
	if to := c.Upgraded(); to != "websocket" {
		t.Errorf("upgraded to %s", to)
	}
	if got := c.Ask("echo", "after").String(); got != `"after"` || c.Transport() != "websocket" {
		t.Errorf("answered %s over %s", got, c.Transport())
	}
}

func TestClientTransports(t *testing.T) {
	eachTransport(t, func(t *testing.T, o nodetest.Options) {
		h := newHost(t, socketio.Config{})
		c := nodetest.Start(t).Connect(h.URL, o)
		c.Connected()
		for range 3 {
			if got := c.Ask("echo", 1, "dva", nil, map[string]any{"three": []int{3}}).String(); got != `1 "dva" null {"three":[3]}` {
				t.Errorf("answered %s", got)
			}
		}
		c.Emit("echo", "šđčćž \u2028 \U0001F697")
		if got := c.Expect("echo").Args.String(); got != "\"šđčćž \u2028 \U0001F697\"" {
			t.Errorf("heard %s", got)
		}
		if len(o.Transports) == 1 && c.Transport() != o.Transports[0] {
			t.Errorf("uses %s", c.Transport())
		}
	})
}

func TestClientNamespaces(t *testing.T) {
	t.Parallel()
	desk := make(chan *socketio.Socket, 10)
	h := newHost(t, socketio.Config{}, func(h *host) {
		h.Of("/desk").OnConnect(func(s *socketio.Socket) { desk <- s })
	})
	n := nodetest.Start(t)
	root, other := n.Connect(h.URL, nodetest.Options{Share: true}), n.Connect(h.URL, nodetest.Options{Share: true, Namespace: "/desk"})
	a, b := root.Connected(), other.Connected()
	if a.Engine != b.Engine || a.ID == b.ID {
		t.Errorf("connected as %+v and %+v", a, b)
	}
	if err := receive(t, desk, "a socket at the desk").Emit("hello", 1); err != nil {
		t.Fatal(err)
	}
	other.Expect("hello")
	root.Ask("echo", 1)
	if got := root.Waiting(); len(got) > 0 {
		t.Errorf("the other namespace heard %v", got)
	}
	other.Disconnect()
	other.Disconnected()
	root.Ask("echo", 2)
	stranger := n.Connect(h.URL, nodetest.Options{Namespace: "/nowhere"})
	if r := stranger.Refused(); r.Message != "Invalid namespace" {
		t.Errorf("refused with %+v", r)
	}
}

func TestClientIsRefused(t *testing.T) {
	eachTransport(t, func(t *testing.T, o nodetest.Options) {
		h := newHost(t, socketio.Config{}, func(h *host) {
			h.All.Admit(func(_ context.Context, r *socketio.Request) (socketio.Admission, error) {
				var auth struct{ Token string }
				if r.Auth == nil {
					return socketio.Admission{}, errors.New("this reaches nobody")
				}
				if err := json.Unmarshal(r.Auth, &auth); err != nil || auth.Token != "good" {
					return socketio.Admission{}, &socketio.Refusal{Message: "unauthorized", Data: map[string]any{"token": auth.Token}}
				}
				return socketio.Admission{Data: auth.Token}, nil
			})
		})
		c := nodetest.Start(t).Connect(h.URL, o)
		if r := c.Refused(); r.Message != "internal error" || string(r.Data) != "null" {
			t.Errorf("refused with %s %s", r.Message, r.Data)
		}
		c.SetAuth(map[string]any{"token": "bad"})
		c.Connect()
		if r := c.Refused(); r.Message != "unauthorized" || string(r.Data) != `{"token":"bad"}` {
			t.Errorf("refused with %s %s", r.Message, r.Data)
		}
		c.SetAuth(map[string]any{"token": "good"})
		c.Connect()
		c.Connected()
		if got := h.came(t).Data(); got != "good" {
			t.Errorf("the admission has %v", got)
		}
		if len(h.Left) > 0 {
			t.Errorf("somebody who was refused left: %s", <-h.Left)
		}
	})
}

func TestClientAcks(t *testing.T) {
	eachTransport(t, func(t *testing.T, o nodetest.Options) {
		h := newHost(t, socketio.Config{})
		c := nodetest.Start(t).Connect(h.URL, o)
		c.Connected()
		s := h.came(t)
		if _, err := c.EmitAck(100*time.Millisecond, "silence"); err == nil || !strings.Contains(err.Error(), "timed out") {
			t.Errorf("without an answer the client has %v", err)
		}
		if _, err := c.EmitAck(100*time.Millisecond, "nobody knows this"); err == nil {
			t.Error("an unknown event was answered")
		}
		type answer struct {
			args []json.RawMessage
			err  error
		}
		ask := func(ctx context.Context, args ...any) <-chan answer {
			out := make(chan answer, 1)
			go func() {
				a, err := s.EmitAck(ctx, "question", args...)
				out <- answer{a, err}
			}()
			return out
		}
		first := ask(t.Context(), 1)
		one := c.Expect("question")
		second := ask(t.Context(), 2)
		two := c.Expect("question")
		two.Reply("second", nil)
		one.Reply("first")
		if a := receive(t, second, "an answer"); a.err != nil || nodetest.Args(a.args).String() != `"second" null` {
			t.Errorf("the second answer is %s (%v)", a.args, a.err)
		}
		if a := receive(t, first, "an answer"); a.err != nil || nodetest.Args(a.args).String() != `"first"` {
			t.Errorf("the first answer is %s (%v)", a.args, a.err)
		}
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if a := receive(t, ask(short, 3), "a timeout"); !errors.Is(a.err, context.DeadlineExceeded) {
			t.Errorf("without an answer the error is %v", a.err)
		}
		c.Expect("question").Reply("too late")
		last := ask(t.Context(), 4)
		c.Expect("question")
		c.Disconnect()
		if a := receive(t, last, "the end"); !errors.Is(a.err, socketio.ErrDisconnected) {
			t.Errorf("after the client has left the error is %v", a.err)
		}
	})
}

func TestClientBinary(t *testing.T) {
	eachTransport(t, func(t *testing.T, o nodetest.Options) {
		h := newHost(t, socketio.Config{})
		c := nodetest.Start(t).Connect(h.URL, o)
		c.Connected()
		s := h.came(t)
		photo, large := nodetest.Binary{0, 1, 0xfe, 0xff}, nodetest.Binary(bytes.Repeat([]byte{7}, 100_000))
		args := []any{photo, map[string]any{"a": []any{large, "text", map[string]any{"b": nodetest.Binary{}}}}, 5}
		check := func(what string, got nodetest.Args) {
			t.Helper()
			var first nodetest.Binary
			got.Decode(t, 0, &first)
			var nested struct{ A []json.RawMessage }
			got.Decode(t, 1, &nested)
			var second nodetest.Binary
			nodetest.Args(nested.A).Decode(t, 0, &second)
			var third struct{ B nodetest.Binary }
			nodetest.Args(nested.A).Decode(t, 2, &third)
			if !bytes.Equal(first, photo) || !bytes.Equal(second, large) || len(third.B) != 0 || len(got) != 3 || string(got[2]) != "5" {
				t.Errorf("%s: %v, %d bytes, %v, %d arguments", what, first, len(second), third.B, len(got))
			}
		}
		check("ack", c.Ask("echo", args...))
		c.Emit("echo", args...)
		check("event", c.Expect("echo").Args)
		asked := make(chan socketio.Payload, 1)
		go func() {
			p, _ := s.Ask(t.Context(), "question", []byte{1, 2}, map[string]any{"inside": []byte{3}})
			asked <- p
		}()
		q := c.Expect("question")
		var one nodetest.Binary
		var two struct{ Inside nodetest.Binary }
		q.Args.Decode(t, 0, &one)
		q.Args.Decode(t, 1, &two)
		q.Reply(one, two.Inside)
		p := receive(t, asked, "an answer")
		for i, want := range [][]byte{{1, 2}, {3}} {
			if got, err := p.Bytes(i); err != nil || !bytes.Equal(got, want) {
				t.Errorf("answer %d is %v (%v)", i, got, err)
			}
		}
	})
}

func TestClientRooms(t *testing.T) {
	t.Parallel()
	h := newHost(t, socketio.Config{})
	n := nodetest.Start(t)
	var clients []*nodetest.Client
	var ids []string
	for _, transports := range [][]string{nil, {"polling"}, {"websocket"}} {
		c := n.Connect(h.URL, nodetest.Options{Transports: transports})
		clients, ids = append(clients, c), append(ids, c.Connected().ID)
	}
	for _, c := range clients[:2] {
		if got := c.Ask("join", "cars").String(); got != "true" {
			t.Errorf("joined: %s", got)
		}
	}
	clients[1].Ask("join", "quiet")
	for i, send := range []struct {
		to   socketio.Broadcast
		want []int // numbers of the clients
	}{
		{h.All.To(), []int{0, 1, 2}},
		{h.All.To("cars"), []int{0, 1}},
		{h.All.To("cars", "quiet", ids[2]), []int{0, 1, 2}},
		{h.All.To().Except("quiet"), []int{0, 2}},
		{h.All.To("cars").Except("quiet").Local(), []int{0}},
		{h.All.To(ids[1]), []int{1}},
		{h.All.To("nobody"), nil},
	} {
		if err := send.to.Emit("news", i, []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		for number, c := range clients {
			c.Ask("echo") // comes after the news, if that comes
			if heard := slices.Equal(c.Waiting(), []string{"news"}); heard != slices.Contains(send.want, number) {
				t.Errorf("broadcast %d: client %d has %v", i, number, c.Waiting())
			} else if heard {
				c.Expect("news")
			}
		}
	}
	clients[0].Ask("exit", "cars")
	if got := h.All.SocketsIn("cars"); len(got) != 1 || got[0].ID() != ids[1] {
		t.Errorf("%d sockets are in the room", len(got))
	}
	if got := len(h.All.Sockets()); got != 3 {
		t.Errorf("%d sockets are there", got)
	}
}

func TestClientVolatile(t *testing.T) {
	t.Parallel()
	h := newHost(t, socketio.Config{})
	n := nodetest.Start(t)
	c := n.Connect(h.URL, nodetest.Options{Transports: []string{"websocket"}})
	c.Connected()
	s := h.came(t)
	eventually(t, "nothing waits", func() bool { // as it does until the server knows that the answer to CONNECT was sent
		_ = s.EmitVolatile("first")
		_, came := c.Within(50*time.Millisecond, "first")
		return came
	})
	c.Ask("echo")
	for late := true; late; {
		_, late = c.Within(0, "first")
	}
	c.EmitVolatile("echo", 7)
	c.Expect("echo")
	n.Freeze()
	const many = 600 // of 64 KB: more than the system keeps
	for i := range many {
		if err := s.EmitVolatile("tick", i, strings.Repeat("v", 64<<10)); err != nil {
			t.Fatalf("volatile event %d: %v", i, err)
		}
	}
	if err := s.Emit("last"); err != nil {
		t.Fatal(err)
	}
	n.Thaw()
	c.Expect("last")
	got := len(c.Waiting())
	if got == 0 || got == many {
		t.Errorf("%d of %d volatile events came", got, many)
	}
	for before := -1; got > 0; got-- {
		var i int
		c.Expect("tick").Args.Decode(t, 0, &i)
		if i <= before {
			t.Fatalf("volatile event %d came after %d", i, before)
		}
		before = i
	}
}

// TestClientUpgradeLosesNothing sends thousands of events both ways from before
// the upgrade until after it.
func TestClientUpgradeLosesNothing(t *testing.T) {
	t.Parallel()
	h := newHost(t, socketio.Config{})
	c := nodetest.Start(t).Connect(h.URL, nodetest.Options{})
	const many = 5000
	c.Emit("count", many/2)
	for i := range many / 2 {
		c.Emit("echo", i)
	}
	c.Opened()
	c.Emit("count", many/2)
	for i := many / 2; i < many; i++ {
		c.Emit("echo", i)
	}
	for want := range many {
		var got int
		if c.Expect("echo").Args.Decode(t, 0, &got); got != want {
			t.Fatalf("echo %d came instead of %d", got, want)
		}
	}
	for i := range many {
		var got int
		if c.Expect("number").Args.Decode(t, 0, &got); got != i%(many/2) {
			t.Fatalf("number %d came instead of %d", got, i%(many/2))
		}
	}
	if to := c.Upgraded(); to != "websocket" {
		t.Errorf("upgraded to %s", to)
	}
	c.Ask("echo")
	if got := c.Waiting(); len(got) > 0 {
		t.Errorf("%d events came twice", len(got))
	}
}

func TestHundredClients(t *testing.T) {
	t.Parallel()
	h := newHost(t, socketio.Config{Engine: engine.Config{PingInterval: 2 * time.Second, PingTimeout: 8 * time.Second}})
	n := nodetest.Start(t)
	var clients []*nodetest.Client
	for i := range 100 {
		clients = append(clients, n.Connect(h.URL, nodetest.Options{Transports: [][]string{nil, nil, {"polling"}, {"websocket"}}[i%4]}))
	}
	for i, c := range clients {
		c.Connected()
		c.Emit("echo", i)
	}
	for i, c := range clients {
		var got int
		if c.Expect("echo").Args.Decode(t, 0, &got); got != i {
			t.Errorf("client %d heard %d", i, got)
		}
	}
	for i := range 10 {
		if err := h.All.To().Emit("news", i); err != nil {
			t.Fatal(err)
		}
	}
	for i, c := range clients {
		for want := range 10 {
			var got int
			if c.Expect("news").Args.Decode(t, 0, &got); got != want {
				t.Fatalf("client %d heard %d instead of %d", i, got, want)
			}
		}
	}
	n.Kill()
	for range clients {
		h.left(t) // who polled is missed when it does not answer a ping
	}
	if got := len(h.All.Sockets()); got != 0 {
		t.Errorf("%d sockets are left", got)
	}
}
