package socketio

import (
	"context"
	"errors"
	"sync"
)

// A tally counts the sockets of members. What is to be done about one member is
// done one after the other.
type tally struct {
	mu sync.Mutex
	of map[string]*count
}

type count struct {
	sync.Mutex
	n     int
	users int // who hold it or wait for it
}

func newTally() tally { return tally{of: map[string]*count{}} }

// hold returns the count of a member, which is the caller's until release.
func (t *tally) hold(member string) *count {
	t.mu.Lock()
	c := t.of[member]
	if c == nil {
		c = &count{}
		t.of[member] = c
	}
	c.users++
	t.mu.Unlock()
	c.Lock()
	return c
}

func (t *tally) release(member string, c *count) {
	c.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.users--; c.users == 0 && c.n == 0 {
		delete(t.of, member)
	}
}

// enter counts a socket that was admitted, and tells of its member.
func (n *Namespace) enter(ctx context.Context, a Admission) *Refusal {
	if a.Member == "" {
		return nil
	}
	c := n.here.hold(a.Member)
	defer n.here.release(a.Member, c)
	total, err := n.adapter.Enter(ctx, a.Member, a.MaxSockets)
	if errors.Is(err, ErrTooMany) && a.Full != nil {
		return a.Full
	}
	if errors.Is(err, ErrTooMany) {
		return &Refusal{Message: ErrTooMany.Error()}
	}
	if err != nil {
		n.server.config.Log.Error("socket.io: cannot count a socket", "namespace", n.name, "error", err)
		return &Refusal{Message: "internal error"}
	}
	c.n++
	if total == 1 {
		n.server.guard("OnPresence", func() { n.tell(a.Member, true) })
	}
	return nil
}

// leave counts one socket less.
func (n *Namespace) leave(member string) {
	if member == "" {
		return
	}
	c := n.here.hold(member)
	defer n.here.release(member, c)
	c.n--
	total, err := n.adapter.Leave(context.Background(), member)
	if err != nil {
		n.server.config.Log.Error("socket.io: cannot count a socket", "namespace", n.name, "error", err)
	}
	if total == 0 && err == nil {
		n.server.guard("OnPresence", func() { n.tell(member, false) })
	}
}

// told tells of members that the adapter found to have gone, or to be back.
func (n *Namespace) told(members []string, present bool) {
	for _, m := range members {
		c := n.here.hold(m)
		if present == (c.n > 0) { // or it has changed meanwhile, and that was told
			n.server.guard("OnPresence", func() { n.tell(m, present) })
		}
		n.here.release(m, c)
	}
}
