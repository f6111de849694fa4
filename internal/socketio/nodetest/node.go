package nodetest

import (
	"sync"
	"testing"
	"time"
)

// A Node is a process in which clients run.
type Node struct {
	*process

	mu      sync.Mutex
	clients map[int]*Client
}

// Start starts a Node, which ends with the test.
func Start(t testing.TB) *Node {
	t.Helper()
	n := &Node{clients: map[int]*Client{}}
	n.process = launch(t, n.hear, "client.js")
	return n
}

// hear gives a line to the client that it is about.
func (n *Node) hear(l line) {
	n.mu.Lock()
	c := n.clients[l.Client]
	n.mu.Unlock()
	c.inbox.put(Event{Name: l.Name, Args: l.Args, ack: l.Ack, client: c, what: l.What})
}

// Kill ends all clients at once, as kill -9 does.
func (n *Node) Kill() { n.kill() }

// Freeze lets the clients do nothing any more, while their connections stay open.
func (n *Node) Freeze() { n.freeze() }

// Thaw lets clients that were frozen go on.
func (n *Node) Thaw() { n.thaw() }

// Options say how a client connects. Without any it begins with polling,
// upgrades to a websocket, and connects again by itself after 20 ms and more.
type Options struct {
	Namespace      string            // with its slash; none is "/"
	Path           string            // of the server, if it is not /socket.io/
	Auth           any               // what CONNECT carries
	Query          map[string]string // of each request
	Headers        map[string]string // of each request, such as Cookie and Origin
	Transports     []string          // polling, websocket
	NoUpgrade      bool              // stays with the first transport
	NoReconnection bool              // stays away after the connection was lost
	Share          bool              // uses the connection of a client of the same server, which has this set too
	KeepCookies    bool              // sends cookies back
	Timeout        time.Duration     // for the connection
	Usual          bool              // connects again after 0.5 to 1.5 s, and then later and later, which is the default of the library
}

// options are what the client takes.
type options struct {
	Path                 string            `json:"path,omitempty"`
	Auth                 any               `json:"auth,omitempty"`
	Query                map[string]string `json:"query,omitempty"`
	Headers              map[string]string `json:"extraHeaders,omitempty"`
	Transports           []string          `json:"transports,omitempty"`
	Upgrade              bool              `json:"upgrade"`
	Reconnection         bool              `json:"reconnection"`
	ReconnectionDelay    int               `json:"reconnectionDelay"`
	ReconnectionDelayMax int               `json:"reconnectionDelayMax"`
	ForceNew             bool              `json:"forceNew"`
	WithCredentials      bool              `json:"withCredentials"`
	Timeout              int64             `json:"timeout,omitempty"` // milliseconds
}

func (o Options) wire() *options {
	out := &options{
		Path: o.Path, Auth: o.Auth, Query: o.Query, Headers: o.Headers, Transports: o.Transports, Upgrade: !o.NoUpgrade,
		Reconnection: !o.NoReconnection, ReconnectionDelay: 20, ReconnectionDelayMax: 200,
		ForceNew: !o.Share, WithCredentials: o.KeepCookies, Timeout: o.Timeout.Milliseconds(),
	}
	if o.Usual {
		out.ReconnectionDelay, out.ReconnectionDelayMax = 1000, 5000
	}
	return out
}

// Connect begins to connect a client to a server, such as http://127.0.0.1:5000.
// It waits for nothing: see Client.Connected and Client.Refused.
func (n *Node) Connect(url string, o Options) *Client {
	n.t.Helper()
	n.mu.Lock()
	c := &Client{node: n, id: len(n.clients) + 1, inbox: newInbox()}
	n.clients[c.id] = c
	n.mu.Unlock()
	n.send(command{Do: "open", Client: c.id, URL: url + o.Namespace, Options: o.wire()})
	return c
}
