package socketio_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/socketio"
	"cartracker/internal/socketio/engine"
	"cartracker/internal/socketio/nodetest"
)

func TestClientLeaves(t *testing.T) {
	eachTransport(t, func(t *testing.T, o nodetest.Options) {
		h := newHost(t, socketio.Config{})
		c := nodetest.Start(t).Connect(h.URL, o)
		c.Connected()
		s := h.came(t)
		c.Disconnect()
		if reason := h.left(t); reason != "client namespace disconnect" {
			t.Errorf("left by %q", reason)
		}
		if err := s.Emit("news"); err == nil || s.Context().Err() == nil {
			t.Error("the socket goes on")
		}
		c.Connect()
		c.Connected()
		if again := h.came(t); again.ID() == s.ID() {
			t.Error("the socket is the same")
		}
	})
}

func TestServerSendsClientAway(t *testing.T) {
	eachTransport(t, func(t *testing.T, o nodetest.Options) {
		h := newHost(t, socketio.Config{Recovery: time.Minute}, byAmra)
		c := nodetest.Start(t).Connect(h.URL, o)
		c.Connected()
		s := h.came(t)
		_ = s.Emit("last words")
		s.Disconnect()
		if reason := c.Disconnected(); reason != "io server disconnect" || c.State().Active {
			t.Errorf("sent away by %q, %+v", reason, c.State())
		}
		c.Expect("last words")
		if reason := h.left(t); reason != "server namespace disconnect" {
			t.Errorf("left by %q", reason)
		}
		c.Connect()
		if at := c.Connected(); at.Recovered || at.ID == s.ID() {
			t.Errorf("came back as %+v", at)
		}
	})
}

// TestServerClosesTransport looks at clients that come back by themselves.
func TestServerClosesTransport(t *testing.T) {
	for _, recoverable := range []bool{true, false} {
		eachTransportOf(t, recoverable, func(t *testing.T, o nodetest.Options) {
			h := newHost(t, socketio.Config{Recovery: time.Minute}, byAmra)
			c := nodetest.Start(t).Connect(h.URL, o)
			before := c.Connected()
			s := h.came(t)
			_ = s.Emit("news", 1) // who has heard nothing does not ask to be recovered
			c.Expect("news")
			s.Close(recoverable)
			c.Disconnected()
			if after := c.Connected(); after.Recovered != recoverable || (after.ID == before.ID) != recoverable {
				t.Errorf("came back as %+v, was %+v", after, before)
			}
		})
	}
}

// TestServerPutsClientOff looks at clients that ask again by themselves.
func TestServerPutsClientOff(t *testing.T) {
	eachTransport(t, func(t *testing.T, o nodetest.Options) {
		var asked atomic.Int32
		h := newHost(t, socketio.Config{}, func(h *host) {
			h.All.Admit(func(context.Context, *socketio.Request) (socketio.Admission, error) {
				if asked.Add(1) == 1 {
					return socketio.Admission{}, &socketio.Refusal{Message: "not now", Later: true}
				}
				return socketio.Admission{}, nil
			})
		})
		nodetest.Start(t).Connect(h.URL, o).Connected()
		if n := asked.Load(); n != 2 {
			t.Errorf("it asked %d times", n)
		}
	})
}

func eachTransportOf(t *testing.T, recoverable bool, test func(*testing.T, nodetest.Options)) {
	name := map[bool]string{true: "recoverable", false: "for good"}[recoverable]
	t.Run(name, func(t *testing.T) { eachTransport(t, test) })
}

// byAmra lets every socket be recovered.
func byAmra(h *host) {
	h.All.Admit(func(context.Context, *socketio.Request) (socketio.Admission, error) {
		return socketio.Admission{Owner: "amra", Rooms: []string{"cars"}}, nil
	})
}

func TestClientIsRecovered(t *testing.T) {
	eachTransport(t, func(t *testing.T, o nodetest.Options) {
		h := newHost(t, socketio.Config{Recovery: time.Minute}, byAmra)
		o.NoReconnection = true
		c := nodetest.Start(t).Connect(h.URL, o)
		before := c.Connected()
		s := h.came(t)
		c.Ask("join", "quiet")
		say := func(i int) {
			t.Helper()
			var err error
			if i%2 == 0 {
				err = h.All.To("quiet").Emit("news", i)
			} else {
				err = h.All.To("cars").Emit("news", i, []byte{byte(i)})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		for i := range 10 {
			say(i)
		}
		expectNews(t, c, 0, 10)
		c.DropTransport()
		c.Disconnected()
		h.left(t)
		for i := 10; i < 50; i++ {
			say(i)
		}
		_ = h.All.To().Volatile().Emit("volatile")
		c.Connect()
		after := c.Connected()
		if !after.Recovered || after.ID != before.ID {
			t.Fatalf("came back as %+v, was %+v", after, before)
		}
		again := h.came(t)
		if !again.Recovered() || s.Recovered() || !again.In("quiet") || !again.In("cars") {
			t.Errorf("the socket that came back is in %v", again.Rooms())
		}
		say(50)
		expectNews(t, c, 10, 51)
		if got := c.Waiting(); len(got) > 0 {
			t.Errorf("besides came %v", got)
		}
	})
}

// expectNews waits for the numbers from from until before to, in order.
func expectNews(t *testing.T, c *nodetest.Client, from, to int) {
	t.Helper()
	for want := from; want < to; want++ {
		var got int
		if c.Expect("news").Args.Decode(t, 0, &got); got != want {
			t.Fatalf("news %d came instead of %d", got, want)
		}
	}
}

func TestClientIsNotRecovered(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		within time.Duration
		before func(*nodetest.Client)
	}{
		"another owner": {time.Minute, func(c *nodetest.Client) { c.SetAuth(map[string]any{"owner": "emir"}) }},
		"too late":      {time.Millisecond, func(*nodetest.Client) { time.Sleep(50 * time.Millisecond) }}, // nothing tells that the time is over
		"never":         {0, func(*nodetest.Client) {}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHost(t, socketio.Config{Recovery: test.within}, func(h *host) {
				h.All.Admit(func(_ context.Context, r *socketio.Request) (socketio.Admission, error) {
					var auth struct{ Owner string }
					err := json.Unmarshal(r.Auth, &auth)
					return socketio.Admission{Owner: auth.Owner}, err
				})
			})
			c := nodetest.Start(t).Connect(h.URL, nodetest.Options{Auth: map[string]any{"owner": "amra"}, NoReconnection: true})
			before := c.Connected()
			_ = h.came(t).Emit("news", 1)
			c.Expect("news")
			c.DropTransport()
			c.Disconnected()
			h.left(t)
			test.before(c)
			c.Connect()
			if after := c.Connected(); after.Recovered || after.ID == before.ID {
				t.Errorf("came back as %+v", after)
			}
		})
	}
}

func TestClientComesBackToAnotherServer(t *testing.T) {
	eachTransport(t, func(t *testing.T, o nodetest.Options) {
		h := newHost(t, socketio.Config{})
		c := nodetest.Start(t).Connect(h.URL, o)
		before := c.Connected()
		h.close()
		if reason := c.Disconnected(); reason == "io server disconnect" {
			t.Errorf("the client was sent away")
		}
		next := hostAt(t, strings.TrimPrefix(h.URL, "http://"), nil, socketio.Config{})
		after := c.Connected()
		if after.ID == before.ID || next.came(t).ID() != after.ID {
			t.Errorf("came back as %+v", after)
		}
		c.Ask("echo")
	})
}

func TestClientThatIsSilentIsLost(t *testing.T) {
	eachTransport(t, func(t *testing.T, o nodetest.Options) {
		h := newHost(t, socketio.Config{Engine: quick})
		n := nodetest.Start(t)
		c := n.Connect(h.URL, o)
		c.Connected()
		if o.Transports == nil {
			c.Upgraded()
		}
		n.Freeze()
		if reason := h.left(t); reason != "ping timeout" {
			t.Errorf("left by %q", reason)
		}
		n.Thaw()
		c.Disconnected()
		c.Connected()
	})
}

func TestClientAnswersPings(t *testing.T) {
	eachTransport(t, func(t *testing.T, o nodetest.Options) {
		h := newHost(t, socketio.Config{Engine: engine.Config{PingInterval: 20 * time.Millisecond, PingTimeout: far}})
		c := nodetest.Start(t).Connect(h.URL, o)
		at := c.Connected()
		for end := time.Now().Add(500 * time.Millisecond); time.Now().Before(end); {
			c.Ask("echo")
		}
		if now := c.State(); now.ID != at.ID {
			t.Errorf("connected as %+v, was %+v", now, at)
		}
		if len(h.Left) > 0 {
			t.Errorf("left by %q", <-h.Left)
		}
	})
}

func TestClientIsKilled(t *testing.T) {
	eachTransport(t, func(t *testing.T, o nodetest.Options) {
		h := newHost(t, socketio.Config{Engine: quick})
		n := nodetest.Start(t)
		n.Connect(h.URL, o).Connected()
		n.Kill()
		if reason := h.left(t); !strings.HasPrefix(reason, "transport ") && reason != "ping timeout" {
			t.Errorf("left by %q", reason)
		}
	})
}

func TestClientKeepsToMaxPayload(t *testing.T) {
	eachTransport(t, func(t *testing.T, o nodetest.Options) {
		h := newHost(t, socketio.Config{Engine: engine.Config{MaxPayload: 10_000}})
		n := nodetest.Start(t)
		c, other := n.Connect(h.URL, o), n.Connect(h.URL, o)
		c.Connected()
		other.Connected()
		id := other.ID()
		for i := range 50 {
			c.Emit("echo", i, strings.Repeat("m", 3000))
		}
		for want := range 50 {
			var got int
			if c.Expect("echo").Args.Decode(t, 0, &got); got != want {
				t.Fatalf("echo %d came instead of %d", got, want)
			}
		}
		c.Emit("echo", strings.Repeat("m", 20_000))
		c.Disconnected()
		c.Connected()
		if got := other.State(); got.ID != id {
			t.Errorf("the other client is %+v", got)
		}
	})
}

func TestClientCookiesAndOrigin(t *testing.T) {
	eachTransport(t, func(t *testing.T, o nodetest.Options) {
		c := socketio.Config{Engine: engine.Config{Allow: func(r *http.Request) bool { return r.Header.Get("Origin") == "https://desk.example" }}}
		sets := func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.SetCookie(w, &http.Cookie{Name: "branch", Value: "sarajevo", Path: "/"})
				next.ServeHTTP(w, r)
			})
		}
		type came struct{ origin, refresh, branch string }
		asked := make(chan came, 10)
		h := hostAt(t, "127.0.0.1:0", sets, c, func(h *host) {
			h.All.Admit(func(_ context.Context, r *socketio.Request) (socketio.Admission, error) {
				value := func(name string) string {
					if cookie, err := r.HTTP.Cookie(name); err == nil {
						return cookie.Value
					}
					return ""
				}
				asked <- came{r.HTTP.Header.Get("Origin"), value("refreshToken"), value("branch")}
				return socketio.Admission{}, nil
			})
		})
		n := nodetest.Start(t)
		o.Headers = map[string]string{"Origin": "https://desk.example", "Cookie": "refreshToken=r"}
		n.Connect(h.URL, o).Connected()
		if got := receive(t, asked, "a CONNECT"); got != (came{"https://desk.example", "r", ""}) {
			t.Errorf("came with %+v", got)
		}
		if o.Transports == nil || o.Transports[0] == "polling" { // a cookie comes before the CONNECT
			o.Headers, o.KeepCookies = map[string]string{"Origin": "https://desk.example"}, true
			n.Connect(h.URL, o).Connected()
			if got := receive(t, asked, "a CONNECT"); got != (came{"https://desk.example", "", "sarajevo"}) {
				t.Errorf("came with %+v", got)
			}
		}
		o.Headers, o.KeepCookies = map[string]string{"Origin": "https://elsewhere.example"}, false
		n.Connect(h.URL, o).Refused()
		if len(asked) > 0 {
			t.Errorf("a stranger came as far as %+v", <-asked)
		}
	})
}

func TestMemberHasSoManySockets(t *testing.T) {
	t.Parallel()
	present := make(chan bool, 10)
	h := newHost(t, socketio.Config{}, func(h *host) {
		h.All.Admit(func(context.Context, *socketio.Request) (socketio.Admission, error) {
			return socketio.Admission{Member: "amra", MaxSockets: 2}, nil
		})
		h.All.OnPresence(func(member string, there bool) {
			if member == "amra" {
				present <- there
			}
		})
	})
	n := nodetest.Start(t)
	first, second := n.Connect(h.URL, nodetest.Options{}), n.Connect(h.URL, nodetest.Options{})
	first.Connected()
	second.Connected()
	if !receive(t, present, "amra") {
		t.Error("amra is away")
	}
	third := n.Connect(h.URL, nodetest.Options{})
	if r := third.Refused(); r.Message != "too many sockets" {
		t.Errorf("refused with %+v", r)
	}
	first.Disconnect()
	h.left(t)
	third.Connect()
	third.Connected()
	second.Disconnect()
	third.Disconnect()
	if receive(t, present, "the end") {
		t.Error("amra is back")
	}
	if len(present) > 0 {
		t.Errorf("amra came or went once more: %v", <-present)
	}
}
