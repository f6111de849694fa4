package socketio

// A Broadcast says to whom an event goes.
type Broadcast struct{}

// To returns a broadcast to all sockets in any of the rooms on all instances;
// without a room, to everybody.
func (n *Namespace) To(rooms ...string) Broadcast { return Broadcast{} }

// Except leaves out the sockets in any of the rooms.
func (b Broadcast) Except(rooms ...string) Broadcast { return b }

// Local keeps to the sockets of this instance.
func (b Broadcast) Local() Broadcast { return b }

// Volatile leaves out sockets for which something waits already.
func (b Broadcast) Volatile() Broadcast { return b }

// Emit sends an event, which is encoded once.
func (b Broadcast) Emit(event string, args ...any) error { return nil }

// Disconnect ends the sockets by a packet: their clients do not come back by
// themselves.
func (b Broadcast) Disconnect() error { return nil }

// Close closes the transports of the sockets: their clients come back by
// themselves, and the sockets are recovered if they may be.
func (b Broadcast) Close(recoverable bool) error { return nil }
