package socketio

import (
	"context"
	"encoding/json"
	"slices"
)

// What a Message asks for.
const (
	doEmit       = "emit"
	doDisconnect = "disconnect"
	doClose      = "close"
)

// A Message is what is to be done to sockets, here or on other instances.
type Message struct {
	Do          string          `json:"do"`
	Rooms       []string        `json:"rooms,omitempty"`
	Except      []string        `json:"except,omitempty"`
	Volatile    bool            `json:"volatile,omitempty"`
	Recoverable bool            `json:"recoverable,omitempty"`
	Payload     json.RawMessage `json:"payload,omitempty"` // of an event
	Attachments [][]byte        `json:"attachments,omitempty"`
}

// A Broadcast says to whom an event goes. It can be kept and used again.
type Broadcast struct {
	space *Namespace
	m     Message
	local bool
}

// To returns a broadcast to all sockets in any of the rooms on all instances;
// without a room, to everybody.
func (n *Namespace) To(rooms ...string) Broadcast {
	return Broadcast{space: n, m: Message{Rooms: slices.Clone(rooms)}}
}

// Except leaves out the sockets in any of the rooms.
func (b Broadcast) Except(rooms ...string) Broadcast {
	b.m.Except = slices.Concat(b.m.Except, rooms)
	return b
}

// Local keeps to the sockets of this instance.
func (b Broadcast) Local() Broadcast {
	b.local = true
	return b
}

// Volatile leaves out sockets for which something waits already.
func (b Broadcast) Volatile() Broadcast {
	b.m.Volatile = true
	return b
}

// Emit sends an event, which is encoded once. It fails only if that is not possible.
func (b Broadcast) Emit(event string, args ...any) error {
	c, err := say(event, args)
	if err != nil {
		return err
	}
	b.m.Do, b.m.Payload, b.m.Attachments = doEmit, c.json, c.attachments
	return b.send()
}

// Disconnect ends the sockets by a packet: their clients do not come back by
// themselves.
func (b Broadcast) Disconnect() error {
	b.m.Do = doDisconnect
	return b.send()
}

// Close closes the transports of the sockets: their clients come back by
// themselves, and the sockets are recovered if they may be.
func (b Broadcast) Close(recoverable bool) error {
	b.m.Do, b.m.Recoverable = doClose, recoverable
	return b.send()
}

func (b Broadcast) send() error {
	b.space.apply(b.m)
	if b.local {
		return nil
	}
	return b.space.adapter.Publish(context.Background(), b.m)
}

// apply does to the sockets of this instance what a message asks for.
func (n *Namespace) apply(m Message) {
	switch m.Do {
	case doEmit:
		n.emit(m)
	case doDisconnect:
		for _, s := range n.toEnd(m) {
			s.Disconnect()
		}
	case doClose:
		for _, s := range n.toEnd(m) {
			s.Close(m.Recoverable)
		}
	}
}

// toEnd returns the sockets that a message is to end. Those that are lost cannot
// be recovered any more.
func (n *Namespace) toEnd(m Message) []*Socket {
	n.leaving.Lock()
	defer n.leaving.Unlock()
	if !m.Recoverable {
		n.lost.drop(m)
	}
	n.order.Lock()
	defer n.order.Unlock()
	return n.rooms.pick(nil, m.Rooms, m.Except)
}

// emit sends an event to sockets of this instance. The lock is that of sending
// only: sockets come, go and change rooms meanwhile.
func (n *Namespace) emit(m Message) {
	c := content{json: m.Payload, attachments: m.Attachments}
	if len(c.json) < 2 || len(c.attachments) > mostAttachments { // another instance made it
		return
	}
	n.order.Lock()
	defer n.order.Unlock()
	p := c.event(n.name, none, n.offset(m.Volatile))
	n.remember(p, m)
	frames := p.frames()
	n.picked = n.rooms.pick(n.picked, m.Rooms, m.Except)
	for _, s := range n.picked {
		_ = s.send(frames, m.Volatile) // or it has gone
	}
	clear(n.picked)
}

// emitTo sends an event to one socket, so that it is in order with those to several.
func (n *Namespace) emitTo(s *Socket, c content) error {
	n.order.Lock()
	defer n.order.Unlock()
	p := c.event(n.name, none, n.offset(false))
	n.remember(p, Message{Rooms: []string{s.id}})
	return s.send(p.frames(), false)
}
