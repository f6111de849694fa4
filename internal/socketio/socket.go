package socketio

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"cartracker/internal/socketio/engine"
)

// ErrDisconnected is the error of sending to a socket that is not connected.
var ErrDisconnected = errors.New("the socket is not connected")

// A Socket is a client's connection to a namespace. It is safe for concurrent use.
type Socket struct {
	space  *Namespace
	client *client
	ctx    context.Context
	cancel context.CancelFunc
	turns  turns

	// Set before the socket is connected.
	id, pid, owner, member string
	data                   any
	recovered              bool

	rooms []string // the namespace's
	mark  uint64   // the namespace's

	lastAck atomic.Int64

	mu        sync.Mutex
	connected bool
	over      bool
	handlers  map[string]func(*Event)
	farewells []func(string)
	acks      map[int64]chan Payload
}

func newSocket(n *Namespace, c *client) *Socket {
	s := &Socket{space: n, client: c, id: rand.Text(), turns: turns{owner: &n.server.working}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// ID is what the socket is known by; it is a room as well.
func (s *Socket) ID() string { return s.id }

// Data is what the admission gave.
func (s *Socket) Data() any { return s.data }

// Recovered reports whether the socket was lost and came back.
func (s *Socket) Recovered() bool { return s.recovered }

// Context is done when the socket is disconnected.
func (s *Socket) Context() context.Context { return s.ctx }

// On sets the handler of an event. The handlers of one socket run one after the
// other, in the order of its events.
func (s *Socket) On(event string, handle func(*Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.handlers == nil {
		s.handlers = map[string]func(*Event){}
	}
	s.handlers[event] = handle
}

// OnDisconnect adds what is called after the last event, once.
func (s *Socket) OnDisconnect(tell func(reason string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.farewells = append(s.farewells, tell)
}

// Join puts the socket into rooms.
func (s *Socket) Join(rooms ...string) { s.space.rooms.join(s, rooms) }

// Leave takes the socket out of rooms.
func (s *Socket) Leave(rooms ...string) { s.space.rooms.leave(s, rooms) }

// In reports whether the socket is in a room.
func (s *Socket) In(room string) bool { return slices.Contains(s.Rooms(), room) }

// Rooms returns the rooms that the socket is in, without that of its own.
func (s *Socket) Rooms() []string { return s.space.rooms.of(s) }

// Disconnect ends the socket by a packet: the client does not come back by itself.
func (s *Socket) Disconnect() { s.end(byServer, false) }

// Close closes the client's transport: the client comes back by itself, and the
// socket is recovered if it may be.
func (s *Socket) Close(recoverable bool) {
	s.end(forced, recoverable)
	s.client.conn.Close(forced)
}

func (s *Socket) isConnected() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connected && !s.over
}

func (s *Socket) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

// open connects the socket and sends the answer and what was missed, unless it
// is over already. The namespace's order is held.
func (s *Socket) open(rooms []string, answer any, missed []packet) bool {
	p, err := control(connectPacket, s.space.name, answer)
	if err != nil {
		return false // cannot be: it is made of texts
	}
	frames := p.frames()
	for _, m := range missed {
		frames = append(frames, m.frames()...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.over {
		return false
	}
	s.space.rooms.add(s, rooms) // before the client can know
	if s.client.conn.Send(frames...) != nil {
		s.space.rooms.remove(s)
		return false
	}
	s.connected = true
	return true
}

// send queues the frames of one packet.
func (s *Socket) send(frames []*engine.Frame, volatile bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.connected || s.over {
		return ErrDisconnected
	}
	if volatile && s.client.conn.Waiting() {
		return nil
	}
	err := s.client.conn.Send(frames...)
	if err == nil {
		s.space.server.sent.Add(1)
	}
	return err
}

// take queues an event for its handler, unless there are too many.
func (s *Socket) take(e *Event, size int) bool {
	return s.turns.add(size, func() {
		s.mu.Lock()
		handle := s.handlers[e.Name]
		s.mu.Unlock()
		if handle != nil && !s.space.server.guard("the handler of an event", func() { handle(e) }) {
			s.Close(false)
		}
	})
}

// answer passes an acknowledgement on to who waits for it, if anybody does.
func (s *Socket) answer(id int64, p Payload) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait := s.acks[id]; wait != nil {
		delete(s.acks, id)
		wait <- p // has room for one
	}
}

// refuse tells the client that the socket is not admitted.
func (s *Socket) refuse(r *Refusal) {
	s.mu.Lock()
	over := s.over
	s.over = true
	s.mu.Unlock()
	s.cancel()
	if over {
		return
	}
	s.client.remove(s, true)
	if r.Later {
		s.client.conn.Close(forced)
		return
	}
	s.client.refuse(s.space.name, r)
}

// end disconnects the socket, once.
func (s *Socket) end(reason string, recoverable bool) {
	s.client.remove(s, reason == byServer)
	if !s.detach(reason, recoverable) {
		return
	}
	s.cancel()
	s.turns.finish(slices.Contains(leftByItself, reason), func() { s.leave(reason) })
}

// detach takes the socket out of its rooms, and reports whether it was not over
// already. Meanwhile nobody picks sockets to be ended, so that one that is
// neither connected nor lost yet is not overlooked.
func (s *Socket) detach(reason string, recoverable bool) bool {
	s.space.leaving.Lock()
	defer s.space.leaving.Unlock()
	s.mu.Lock()
	over, connected := s.over, s.connected
	s.over = true
	if reason == byServer && connected && !over {
		_ = s.client.conn.Send(packet{kind: disconnectPacket, space: s.space.name, id: none}.frames()...) // or it has gone
	}
	s.mu.Unlock()
	if over || !connected {
		return !over
	}
	if recoverable {
		s.space.lose(s) // first, so that the client finds it
	}
	s.space.rooms.remove(s)
	return true
}

// leave is the last that happens to a socket.
func (s *Socket) leave(reason string) {
	s.mu.Lock()
	farewells := s.farewells
	s.handlers, s.farewells = nil, nil
	s.mu.Unlock()
	for _, tell := range farewells {
		s.space.server.guard("OnDisconnect", func() { tell(reason) })
	}
	s.space.leave(s.member)
}

// EmitAck sends an event and waits for the arguments of its acknowledgement,
// until ctx is done or the socket is disconnected.
func (s *Socket) EmitAck(ctx context.Context, event string, args ...any) ([]json.RawMessage, error) {
	p, err := s.Ask(ctx, event, args...)
	return p.Args, err
}

// Ask is EmitAck for acknowledgements that have bytes among their arguments.
func (s *Socket) Ask(ctx context.Context, event string, args ...any) (Payload, error) {
	c, err := say(event, args)
	if err != nil {
		return Payload{}, err
	}
	id, wait := s.lastAck.Add(1)-1, make(chan Payload, 1)
	s.expect(id, wait)
	defer s.expect(id, nil)
	if err := s.send(c.event(s.space.name, id, "").frames(), false); err != nil {
		return Payload{}, err
	}
	select {
	case p := <-wait:
		return p, nil
	case <-s.ctx.Done():
		return Payload{}, ErrDisconnected
	case <-ctx.Done():
		return Payload{}, ctx.Err()
	}
}

// expect notes who waits for an acknowledgement; nil: nobody.
func (s *Socket) expect(id int64, wait chan Payload) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if wait == nil {
		delete(s.acks, id)
		return
	}
	if s.acks == nil {
		s.acks = map[int64]chan Payload{}
	}
	s.acks[id] = wait
}

// Emit sends an event. Arguments are values for encoding/json; bytes among them,
// also in slices of any and maps from string to any, travel as they are.
func (s *Socket) Emit(event string, args ...any) error {
	c, err := say(event, args)
	if err != nil {
		return err
	}
	if s.space.server.config.Recovery > 0 {
		return s.space.emitTo(s, c)
	}
	return s.send(c.event(s.space.name, none, "").frames(), false)
}

// EmitVolatile sends an event, unless something waits to be sent already.
func (s *Socket) EmitVolatile(event string, args ...any) error {
	c, err := say(event, args)
	if err != nil {
		return err
	}
	return s.send(c.event(s.space.name, none, "").frames(), true)
}
