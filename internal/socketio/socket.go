package socketio

import (
	"context"
	"encoding/json"
	"errors"
)

// ErrDisconnected is the error of sending to a socket that is not connected.
var ErrDisconnected = errors.New("the socket is not connected")

// A Socket is a client's connection to a namespace. It is safe for concurrent use.
type Socket struct{}

// ID is what the socket is known by; it is a room as well.
func (s *Socket) ID() string { return "" }

// Data is what the admission gave.
func (s *Socket) Data() any { return nil }

// Recovered reports whether the socket was lost and came back.
func (s *Socket) Recovered() bool { return false }

// Context is done when the socket is disconnected.
func (s *Socket) Context() context.Context { return context.Background() }

// On sets the handler of an event. The handlers of one socket run one after the
// other, in the order of its events.
func (s *Socket) On(event string, handle func(*Event)) {}

// OnDisconnect adds what is called after the last event, once.
func (s *Socket) OnDisconnect(tell func(reason string)) {}

// Emit sends an event. Arguments are values for encoding/json; bytes among them,
// also in slices of any and maps from string to any, travel as they are.
func (s *Socket) Emit(event string, args ...any) error { return nil }

// EmitVolatile sends an event, unless something waits to be sent already.
func (s *Socket) EmitVolatile(event string, args ...any) error { return nil }

// EmitAck sends an event and waits for the arguments of its acknowledgement,
// until ctx is done or the socket is disconnected.
func (s *Socket) EmitAck(ctx context.Context, event string, args ...any) ([]json.RawMessage, error) {
	return nil, nil
}

// Join puts the socket into rooms.
func (s *Socket) Join(rooms ...string) {}

// Leave takes the socket out of rooms.
func (s *Socket) Leave(rooms ...string) {}

// In reports whether the socket is in a room.
func (s *Socket) In(room string) bool { return false }

// Rooms returns the rooms that the socket is in, without that of its own.
func (s *Socket) Rooms() []string { return nil }

// Disconnect ends the socket by a packet: the client does not come back by itself.
func (s *Socket) Disconnect() {}

// Close closes the client's transport: the client comes back by itself, and the
// socket is recovered if it may be.
func (s *Socket) Close(recoverable bool) {}
