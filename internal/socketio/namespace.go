package socketio

import "context"

// A Namespace is a set of sockets with rooms of its own.
type Namespace struct{}

// Use sets what joins the instances of the namespace, before serving.
func (n *Namespace) Use(a Adapter) {}

// Admit sets what decides on who asks to connect, before serving. It runs before
// anything of the socket exists and may take its time. An error of type *Refusal
// is told to the client, any other as "internal error".
func (n *Namespace) Admit(decide func(context.Context, *Request) (Admission, error)) {}

// OnConnect sets what is called with each new socket, before serving. It sets
// the socket's handlers: no event is handled before it has returned.
func (n *Namespace) OnConnect(greet func(*Socket)) {}

// OnPresence sets what is told that the first socket of a member came, on
// whatever instance, or that the last has gone. It is told on one instance only.
func (n *Namespace) OnPresence(tell func(member string, present bool)) {}

// Sockets returns the sockets of this instance.
func (n *Namespace) Sockets() []*Socket { return nil }

// SocketsIn returns the sockets of this instance in a room.
func (n *Namespace) SocketsIn(room string) []*Socket { return nil }

// Members returns who has a socket on any instance.
func (n *Namespace) Members(ctx context.Context) ([]string, error) { return nil, nil }
