package nodetest

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Client is a socket of the reference client.
type Client struct {
	node  *Node
	id    int
	inbox *inbox
}

// A State is how a client is connected.
type State struct {
	ID        string `json:"id"` // of the socket; "" if it is not connected
	Connected bool   `json:"connected"`
	Active    bool   `json:"active"`    // it is connected, or will connect again
	Recovered bool   `json:"recovered"` // it missed nothing while it was away
	Engine    string `json:"engine"`    // id of the session beneath
	Transport string `json:"transport"` // polling or websocket
}

// A Refusal is a connect_error.
type Refusal struct {
	Message string
	Data    json.RawMessage // null if there is none
}

// Emit sends an event.
func (c *Client) Emit(name string, args ...any) {
	c.node.t.Helper()
	c.node.send(command{Do: "emit", Client: c.id, Name: name, Args: args})
}

// EmitVolatile sends an event that may be lost.
func (c *Client) EmitVolatile(name string, args ...any) {
	c.node.t.Helper()
	c.node.send(command{Do: "emit", Client: c.id, Name: name, Args: args, Volatile: true})
}

// EmitAck sends an event and returns what the server answers, or the error of
// the client if that takes longer than within.
func (c *Client) EmitAck(within time.Duration, name string, args ...any) (Args, error) {
	c.node.t.Helper()
	result, err := c.node.call(command{Do: "ask", Client: c.id, Name: name, Args: args, Timeout: int(within.Milliseconds())})
	if err != nil {
		return nil, err
	}
	var answer Args
	return answer, json.Unmarshal(result, &answer)
}

// Ask is EmitAck where no answer is an error of the test.
func (c *Client) Ask(name string, args ...any) Args {
	c.node.t.Helper()
	answer, err := c.EmitAck(patience, name, args...)
	if err != nil {
		c.node.t.Fatalf("%s: %v", name, err)
	}
	return answer
}

// Expect waits for the next event of a name that was not taken yet.
func (c *Client) Expect(name string) Event {
	c.node.t.Helper()
	return c.must("event "+name, func(e Event) bool { return e.what == "" && e.Name == name })
}

// Next waits for the next event, whatever it is called.
func (c *Client) Next() Event {
	c.node.t.Helper()
	return c.must("event", func(e Event) bool { return e.what == "" })
}

// Within is Expect that reports whether the event came in time.
func (c *Client) Within(within time.Duration, name string) (Event, bool) {
	return c.inbox.wait(func(e Event) bool { return e.what == "" && e.Name == name }, within, c.node.ended)
}

// Waiting returns the names of the events that came and were not taken.
func (c *Client) Waiting() (names []string) {
	c.inbox.mu.Lock()
	defer c.inbox.mu.Unlock()
	for _, e := range c.inbox.all {
		if e.what == "" {
			names = append(names, e.Name)
		}
	}
	return names
}

// Connected waits until the client is connected, or once more is, and returns
// how it was at that moment.
func (c *Client) Connected() State {
	c.node.t.Helper()
	var s State
	c.happened("connect").Args.Decode(c.node.t, 0, &s)
	return s
}

// Refused waits until the server, or the way to it, refuses the client.
func (c *Client) Refused() Refusal {
	c.node.t.Helper()
	e := c.happened("connect_error")
	r := Refusal{Data: e.Args[1]}
	e.Args.Decode(c.node.t, 0, &r.Message)
	return r
}

// Disconnected waits until the client was disconnected, and returns its reason.
func (c *Client) Disconnected() string {
	c.node.t.Helper()
	return c.word("disconnect")
}

// Opened waits until the connection beneath the socket is open, or once more is,
// and returns the transport that it began with.
func (c *Client) Opened() string {
	c.node.t.Helper()
	return c.word("open")
}

// Upgraded waits until the client changed its transport, and returns the new one.
func (c *Client) Upgraded() string {
	c.node.t.Helper()
	return c.word("upgrade")
}

// Reconnecting waits until the client tries to connect again, and returns which
// attempt that is.
func (c *Client) Reconnecting() (attempt int) {
	c.node.t.Helper()
	c.happened("reconnect_attempt").Args.Decode(c.node.t, 0, &attempt)
	return attempt
}

func (c *Client) word(what string) (word string) {
	c.node.t.Helper()
	c.happened(what).Args.Decode(c.node.t, 0, &word)
	return word
}

// happened waits until something happens to the socket.
func (c *Client) happened(what string) Event {
	c.node.t.Helper()
	return c.must(what, func(e Event) bool { return e.what == what })
}

func (c *Client) must(what string, wanted func(Event) bool) Event {
	c.node.t.Helper()
	e, ok := c.inbox.wait(wanted, patience, c.node.ended)
	if !ok {
		c.node.t.Fatalf("%s of client %d did not come; what came is %s\n%s", what, c.id, fmt.Sprint(c.inbox.names()), c.node.stderr())
	}
	return e
}

// State asks how the client is connected now.
func (c *Client) State() State {
	c.node.t.Helper()
	var s State
	if err := json.Unmarshal(c.node.must(command{Do: "state", Client: c.id}), &s); err != nil {
		c.node.t.Fatal(err)
	}
	return s
}

// ID returns the id of the socket, "" if it is not connected.
func (c *Client) ID() string { return c.State().ID }

// Transport returns the transport that the client uses, polling or websocket.
func (c *Client) Transport() string { return c.State().Transport }

// Recovered reports whether the client missed nothing while it was away.
func (c *Client) Recovered() bool { return c.State().Recovered }

// SetAuth changes what the next CONNECT carries.
func (c *Client) SetAuth(auth any) {
	c.node.t.Helper()
	c.node.must(command{Do: "auth", Client: c.id, Auth: auth})
}

// Disconnect lets the client leave, with a packet that says so.
func (c *Client) Disconnect() {
	c.node.t.Helper()
	c.node.must(command{Do: "disconnect", Client: c.id})
}

// Connect lets a client that left, or was sent away, connect again.
func (c *Client) Connect() {
	c.node.t.Helper()
	c.node.must(command{Do: "connect", Client: c.id})
}

// DropTransport closes the connection beneath the socket, as far as the client
// is concerned an accident.
func (c *Client) DropTransport() {
	c.node.t.Helper()
	c.node.must(command{Do: "drop", Client: c.id})
}

// CutTransport breaks the websocket without a word to the server.
func (c *Client) CutTransport() {
	c.node.t.Helper()
	c.node.must(command{Do: "cut", Client: c.id})
}
