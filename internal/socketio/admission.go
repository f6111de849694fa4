package socketio

import (
	"encoding/json"
	"net/http"
)

// A Request is a client that asks to connect to a namespace.
type Request struct {
	Auth       json.RawMessage // an object; nil if there was none
	HTTP       *http.Request   // that carried the CONNECT packet
	SocketID   string          // which the socket will have, unless recovering it fails
	Recovering bool            // a lost socket, which is recovered if its Owner is the same
}

// An Admission says what a new socket is.
type Admission struct {
	Owner      string   // a lost socket is recovered by the same owner only; "": never
	Rooms      []string // in which it is from the start
	Member     string   // who is present by it; "": nobody
	MaxSockets int      // of the member, over all instances; 0: no limit
	Full       *Refusal // of one more than that; nil: "too many sockets"
	Data       any      // that is kept at the socket
}

// A Refusal is why a client may not connect, as it is told.
type Refusal struct {
	Message string
	Data    any
	// Later says that the client had better ask again. It is not told, since who
	// is told does not come back by itself: its transport is closed instead.
	Later bool
}

// Error returns the message.
func (r *Refusal) Error() string { return r.Message }
