package engine

import (
	"net/http"
	"time"
)

// Config is how a server treats its clients. Zero values mean the defaults.
type Config struct {
	PingInterval   time.Duration // between two pings of a client; 25 s
	PingTimeout    time.Duration // for the answer to one; 20 s
	UpgradeTimeout time.Duration // from the probe of an upgrade to its end; 10 s
	WriteTimeout   time.Duration // for one write: a client that takes longer is dropped; 10 s
	MaxPayload     int64         // bytes of one message, and of the body of one POST; 1,000,000
	MaxWaiting     int           // bytes that may wait for one client, who is dropped as slow when there are more; 1 MiB
	MaxPackets     int           // packets that may wait for one client; 20,000
	// Allow reports whether a request (handshake, poll, POST or websocket) may
	// come at all, for instance by its Origin. nil allows every one.
	Allow func(*http.Request) bool
}
