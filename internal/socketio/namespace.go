package socketio

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"sync"
	"time"
)

// A Namespace is a set of sockets with rooms of its own.
type Namespace struct {
	server  *Server
	name    string
	adapter Adapter
	admit   func(context.Context, *Request) (Admission, error)
	greet   func(*Socket)
	tell    func(member string, present bool)

	rooms rooms
	here  tally // sockets by member, and who is told of at the moment
	lost  lostSockets

	// leaving is held while a socket is connected or ceases to be, and while it
	// is looked for those that are to be ended. It is taken before order.
	leaving sync.Mutex

	order   sync.Mutex // held while something is sent to several, so that all get it in the same order
	history history
	picked  []*Socket // for whom it was last
}

func newNamespace(s *Server, name string) *Namespace {
	return &Namespace{
		server: s, name: name, adapter: NewMemory(), rooms: newRooms(), here: newTally(),
		lost: newLostSockets(), history: newHistory(),
		admit: func(context.Context, *Request) (Admission, error) { return Admission{}, nil },
		greet: func(*Socket) {},
		tell:  func(string, bool) {},
	}
}

// Use sets what joins the instances of the namespace, before serving.
func (n *Namespace) Use(a Adapter) { n.adapter = a }

// Admit sets what decides on who asks to connect, before serving. It runs before
// anything of the socket exists and may take its time. An error of type *Refusal
// is told to the client, any other as "internal error". If none is set, everybody
// is admitted.
func (n *Namespace) Admit(decide func(context.Context, *Request) (Admission, error)) {
	n.admit = decide
}

// OnConnect sets what is called with each new socket, before serving. It sets
// the socket's handlers: no event is handled before it has returned.
func (n *Namespace) OnConnect(greet func(*Socket)) { n.greet = greet }

// OnPresence sets what is told that the first socket of a member came, on
// whatever instance, or that the last has gone. It is told on one instance only,
// and of one member one after the other. It is set before serving.
func (n *Namespace) OnPresence(tell func(member string, present bool)) { n.tell = tell }

// Sockets returns the sockets of this instance.
func (n *Namespace) Sockets() []*Socket { return n.rooms.all() }

// SocketsIn returns the sockets of this instance in a room.
func (n *Namespace) SocketsIn(room string) []*Socket { return n.rooms.in(room) }

// Members returns who has a socket on any instance.
func (n *Namespace) Members(ctx context.Context) ([]string, error) { return n.adapter.Members(ctx) }

// A claim is what the client says of a socket that it lost.
type claim struct {
	PID    string `json:"pid"`
	Offset string `json:"offset"`
}

// connect decides on a socket that asks to be connected.
func (n *Namespace) connect(s *Socket, r *Request) {
	var c claim
	if n.server.config.Recovery > 0 && r.Auth != nil && json.Unmarshal(r.Auth, &c) == nil {
		if l := n.lost.of(c.PID, time.Now()); l != nil {
			s.id, r.Recovering = l.id, true
		}
	}
	r.SocketID = s.id
	a, refusal := n.decide(s.ctx, r)
	if refusal == nil {
		refusal = n.enter(s.ctx, a)
	}
	if refusal != nil {
		s.refuse(refusal)
		return
	}
	s.data, s.owner, s.member = a.Data, a.Owner, a.Member
	if !n.register(s, a, c, r.Recovering) {
		return // it has gone meanwhile, and its end is the next turn
	}
	s.client.admitted(s)
	if !n.server.guard("OnConnect", func() { n.greet(s) }) {
		s.Close(false)
	}
}

// decide asks whether a client may connect. What it is not to be told is logged.
func (n *Namespace) decide(ctx context.Context, r *Request) (a Admission, _ *Refusal) {
	err := errors.New("it panicked")
	n.server.guard("Admit", func() { a, err = n.admit(ctx, r) })
	if err == nil {
		return a, nil
	}
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return a, refusal
	}
	if ctx.Err() == nil {
		n.server.config.Log.Error("socket.io: cannot decide on a client", "namespace", n.name, "error", err)
	}
	return a, &Refusal{Message: "internal error"}
}

// register puts a socket that was admitted into its rooms and answers it, with
// what it missed if it was lost. It reports false if the client has gone; what
// was lost then still is.
func (n *Namespace) register(s *Socket, a Admission, c claim, recovering bool) bool {
	n.leaving.Lock()
	defer n.leaving.Unlock()
	if s.isOver() {
		return false
	}
	n.order.Lock()
	defer n.order.Unlock()
	rooms, missed := a.Rooms, []packet(nil)
	if recovering {
		if l, since := n.recover(c, a.Owner); l != nil {
			s.recovered, s.pid = true, c.PID
			rooms = append(l.rooms, rooms...)
			missed = since
		} else {
			s.id = rand.Text() // which is not the one that Admit was told
		}
	}
	answer := map[string]any{"sid": s.id}
	if n.server.config.Recovery > 0 {
		if s.pid == "" {
			s.pid = rand.Text()
		}
		answer["pid"] = s.pid
	}
	return s.open(rooms, answer, missed)
}

// control makes a packet that is not an event.
func control(k kind, space string, says any) (packet, error) {
	text, err := json.Marshal(says)
	return packet{kind: k, space: space, id: none, json: text}, err
}
