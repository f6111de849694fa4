package engine

import (
	"cmp"
	"net/http"
	"time"
)

// Config is how a server treats its clients. Zero values mean the defaults.
type Config struct {
	PingInterval   time.Duration // between two pings of a client; 25 s
	PingTimeout    time.Duration // for the answer to one; 20 s
	UpgradeTimeout time.Duration // for an upgrade, from its beginning to its end; 10 s
	WriteTimeout   time.Duration // for one write: a client that takes longer is dropped; 10 s
	MaxPayload     int64         // bytes of one message, and of the body of one POST; 1,000,000
	MaxWaiting     int           // bytes that may wait for one client, who is dropped as slow when more would wait with what comes; 1 MiB
	MaxPackets     int           // packets that may wait for one client, likewise; 20,000
	// Allow reports whether a request (handshake, poll, POST or websocket) may
	// come at all, for instance by its Origin. nil allows every one.
	Allow func(*http.Request) bool
	// Arrive reports whether there is room for one more client, whose handshake
	// this is. If so, leave is called when the client is closed. nil: always.
	Arrive func(*http.Request) (leave func(), ok bool)
}

// filled returns the Config with its defaults.
func (c Config) filled() Config {
	c.PingInterval = cmp.Or(c.PingInterval, 25*time.Second)
	c.PingTimeout = cmp.Or(c.PingTimeout, 20*time.Second)
	c.UpgradeTimeout = cmp.Or(c.UpgradeTimeout, 10*time.Second)
	c.WriteTimeout = cmp.Or(c.WriteTimeout, 10*time.Second)
	c.MaxPayload = cmp.Or(c.MaxPayload, 1_000_000)
	c.MaxWaiting = cmp.Or(c.MaxWaiting, 1<<20)
	c.MaxPackets = cmp.Or(c.MaxPackets, 20_000)
	if c.Allow == nil {
		c.Allow = func(*http.Request) bool { return true }
	}
	if c.Arrive == nil {
		c.Arrive = func(*http.Request) (func(), bool) { return func() {}, true }
	}
	return c
}
