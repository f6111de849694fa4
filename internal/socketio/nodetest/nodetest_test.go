package nodetest_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cartracker/internal/socketio/nodetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const soon = 10 * time.Second

func TestDefaultsPollAndUpgrade(t *testing.T) {
	t.Parallel()
	s := nodetest.NewServer(t, nodetest.ServerOptions{})
	c := nodetest.Start(t).Connect(s.URL, nodetest.Options{})
	if first := c.Opened(); first != "polling" {
		t.Errorf("began with %s", first)
	}
	if at := c.Connected(); at.ID == "" || !at.Connected || !at.Active || at.Recovered {
		t.Errorf("connected as %+v", at)
	}
	if to := c.Upgraded(); to != "websocket" || c.Transport() != "websocket" {
		t.Errorf("upgraded to %s", to)
	}
	if n := s.Clients(); n != 1 {
		t.Errorf("the server has %d clients", n)
	}
}

func TestTransports(t *testing.T) {
	t.Parallel()
	s, n := nodetest.NewServer(t, nodetest.ServerOptions{}), nodetest.Start(t)
	for _, o := range []nodetest.Options{
		{Transports: []string{"polling"}},
		{Transports: []string{"websocket"}},
		{Transports: []string{"polling", "websocket"}, NoUpgrade: true},
	} {
		c := n.Connect(s.URL, o)
		c.Connected()
		c.Ask("hello")
		if got := c.Transport(); got != o.Transports[0] {
			t.Errorf("%v: uses %s", o, got)
		}
	}
}

func TestWhatConnectCarries(t *testing.T) {
	t.Parallel()
	s, n := nodetest.NewServer(t, nodetest.ServerOptions{}), nodetest.Start(t)
	for _, transports := range [][]string{nil, {"websocket"}} {
		c := n.Connect(s.URL, nodetest.Options{
			Auth: map[string]any{"token": "t1"}, Query: map[string]string{"branch": "sarajevo"}, Transports: transports,
			Headers: map[string]string{"Origin": "https://desk.example", "Cookie": "refreshToken=r"},
		})
		c.Connected()
		var came struct {
			Auth, Query map[string]any
			Headers     struct{ Origin, Cookie string }
		}
		c.Ask("whoami").Decode(t, 0, &came)
		if came.Auth["token"] != "t1" || came.Query["branch"] != "sarajevo" || came.Headers.Origin != "https://desk.example" || came.Headers.Cookie != "refreshToken=r" {
			t.Errorf("%v: came with %+v", transports, came)
		}
		c.SetAuth(map[string]any{"token": "t2"})
		c.Disconnect()
		c.Connect()
		c.Connected()
		c.Ask("whoami").Decode(t, 0, &came)
		if came.Auth["token"] != "t2" {
			t.Errorf("%v: came back with %v", transports, came.Auth)
		}
	}
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	s, n := nodetest.NewServer(t, nodetest.ServerOptions{}), nodetest.Start(t)
	refused := n.Connect(s.URL, nodetest.Options{Namespace: "/closed", Auth: map[string]any{"desk": 3}}).Refused()
	if refused.Message != "closed" || string(refused.Data) != `{"until":8,"asked":{"desk":3}}` {
		t.Errorf("refused with %s %s", refused.Message, refused.Data)
	}
	refused = n.Connect(s.URL, nodetest.Options{Namespace: "/nowhere"}).Refused()
	if refused.Message != "Invalid namespace" || string(refused.Data) != "null" {
		t.Errorf("refused with %s %s", refused.Message, refused.Data)
	}
}

func TestAcks(t *testing.T) {
	t.Parallel()
	s := nodetest.NewServer(t, nodetest.ServerOptions{})
	c := nodetest.Start(t).Connect(s.URL, nodetest.Options{})
	c.Connected()
	if got := c.Ask("echo", 1, "two", nil, []int{3}).String(); got != `1 "two" null [3]` {
		t.Errorf("the answer is %s", got)
	}
	if _, err := c.EmitAck(50*time.Millisecond, "silence"); err == nil || !strings.Contains(err.Error(), "timed out") {
		t.Errorf("without an answer the error is %v", err)
	}
	c.Emit("question", soon.Milliseconds(), "color?")
	asked := c.Expect("question")
	if !asked.AckWanted() || asked.Args.String() != `"color?"` {
		t.Errorf("asked %s", asked.Args)
	}
	asked.Reply("blue")
	if got := c.Expect("answered").Args.String(); got != `"blue"` {
		t.Errorf("the server heard %s", got)
	}
	c.Emit("question", 50)
	if e := c.Expect("unanswered"); e.AckWanted() || e.Args.String() != `"operation has timed out"` {
		t.Errorf("the server says %s", e.Args)
	}
}

func TestBinary(t *testing.T) {
	t.Parallel()
	s, n := nodetest.NewServer(t, nodetest.ServerOptions{}), nodetest.Start(t)
	photo := nodetest.Binary{0, 1, 0xfe, 0xff}
	for _, transport := range []string{"polling", "websocket"} {
		c := n.Connect(s.URL, nodetest.Options{Transports: []string{transport}})
		c.Connected()
		answer := c.Ask("echo", photo, map[string]any{"photos": []any{photo, "text", nodetest.Binary{}}})
		var got nodetest.Binary
		answer.Decode(t, 0, &got)
		var nested struct{ Photos []json.RawMessage }
		answer.Decode(t, 1, &nested)
		var inside, empty nodetest.Binary
		nodetest.Args(nested.Photos).Decode(t, 0, &inside)
		nodetest.Args(nested.Photos).Decode(t, 2, &empty)
		if !bytes.Equal(got, photo) || !bytes.Equal(inside, photo) || len(empty) != 0 {
			t.Errorf("%s: %v came back, and inside %v and %v", transport, got, inside, empty)
		}
		if err := json.Unmarshal(nested.Photos[1], &inside); err == nil {
			t.Error("text was taken for binary")
		}
	}
}

func TestNamespacesShareAConnection(t *testing.T) {
	t.Parallel()
	s, n := nodetest.NewServer(t, nodetest.ServerOptions{}), nodetest.Start(t)
	root, desk := n.Connect(s.URL, nodetest.Options{Share: true}), n.Connect(s.URL, nodetest.Options{Share: true, Namespace: "/desk"})
	if a, b := root.Connected(), desk.Connected(); a.Engine != b.Engine || a.ID == b.ID {
		t.Errorf("connected as %+v and %+v", a, b)
	}
	desk.Emit("hello", 7)
	if got := desk.Expect("hello").Args.String(); got != "7" {
		t.Errorf("heard %s", got)
	}
	if got := root.Waiting(); len(got) > 0 {
		t.Errorf("the other namespace heard %v", got)
	}
}

func TestLeaving(t *testing.T) {
	t.Parallel()
	s, n := nodetest.NewServer(t, nodetest.ServerOptions{}), nodetest.Start(t)
	c := n.Connect(s.URL, nodetest.Options{})
	first := c.Connected().ID
	c.Emit("leave", false)
	if reason := c.Disconnected(); reason != "io server disconnect" || c.State().Active {
		t.Errorf("sent away by %q: %+v", reason, c.State())
	}
	c.Connect()
	second := c.Connected().ID
	c.DropTransport()
	if reason := c.Disconnected(); reason != "forced close" {
		t.Errorf("dropped by %q", reason)
	}
	if attempt := c.Reconnecting(); attempt != 1 {
		t.Errorf("attempt %d", attempt)
	}
	third := c.Connected().ID
	if ids := []string{first, second, third}; len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 3 {
		t.Errorf("ids %v", ids)
	}
	c.Disconnect()
	if reason := c.Disconnected(); reason != "io client disconnect" || c.ID() != "" {
		t.Errorf("left by %q", reason)
	}
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	s, n := nodetest.NewServer(t, nodetest.ServerOptions{Recovery: time.Minute}), nodetest.Start(t)
	c := n.Connect(s.URL, nodetest.Options{Transports: []string{"websocket"}})
	before := c.Connected()
	s.Broadcast("news", 1)
	c.Expect("news")
	c.CutTransport()
	c.Disconnected()
	if after := c.Connected(); !after.Recovered || after.ID != before.ID || !c.Recovered() {
		t.Errorf("came back as %+v", after)
	}
}

func TestFrozenClientIsLost(t *testing.T) {
	t.Parallel()
	s := nodetest.NewServer(t, nodetest.ServerOptions{PingInterval: 100 * time.Millisecond, PingTimeout: 100 * time.Millisecond})
	n := nodetest.Start(t)
	// The reference server forgets a ping that is under way while it upgrades.
	c := n.Connect(s.URL, nodetest.Options{NoReconnection: true, Transports: []string{"websocket"}})
	c.Connected()
	n.Freeze()
	until(t, "the server gave the client up", func() bool { return s.Clients() == 0 })
	n.Thaw()
	if reason := c.Disconnected(); reason != "transport close" && reason != "ping timeout" {
		t.Errorf("disconnected by %q", reason)
	}
}

func TestManyEventsStayInOrder(t *testing.T) {
	t.Parallel()
	s := nodetest.NewServer(t, nodetest.ServerOptions{})
	c := nodetest.Start(t).Connect(s.URL, nodetest.Options{})
	const many = 5000
	c.Emit("count", many)
	for i := range many {
		c.Emit("echo", i)
	}
	for _, name := range []string{"number", "echo"} {
		for want := range many {
			var got int
			if c.Expect(name).Args.Decode(t, 0, &got); got != want {
				t.Fatalf("%s %d came instead of %d", name, got, want)
			}
		}
	}
	if to := c.Upgraded(); to != "websocket" {
		t.Errorf("upgraded to %s", to)
	}
}

// until waits for what tells nobody when it happens.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(soon); !done(); <-again.C {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", soon, what)
		}
	}
}

// A client that watches a topic keeps what it was told, and when it was away.
func TestWatch(t *testing.T) {
	t.Parallel()
	s := nodetest.NewServer(t, nodetest.ServerOptions{})
	c := nodetest.Start(t).Watch(s.URL, "cars", nodetest.Options{Transports: []string{"websocket"}})
	c.Connected()
	for seq := int64(3); seq < 6; seq++ {
		c.Emit("changed", map[string]int64{"seq": seq}) // which the server sends back
	}
	c.Reach(5)
	c.CutTransport()
	c.Disconnected()
	c.Connected()
	c.Emit("changed", map[string]int64{"seq": 7})
	c.Reach(7)
	got := c.Told()
	if !slices.Equal(got.Seqs, []int64{3, 4, 5, 7}) || len(got.Again) > 0 {
		t.Errorf("was told %+v", got)
	}
	if len(got.Absences) != 1 || got.Absences[0].Reason != "transport close" || got.Absences[0].Tries != 1 || got.Absences[0].Took() < 10*time.Millisecond {
		t.Errorf("was away %+v", got.Absences)
	}
}
