package socketio

import (
	"crypto/rand"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	mostHistory      = 10_000   // events that are kept of one namespace
	mostHistoryBytes = 16 << 20 // and what they may take
	mostLost         = 10_000   // sockets that wait to be recovered
)

// history is the last events of a namespace, for those who missed some.
type history struct {
	name  string // begins each offset, so that those of others are not taken for ours
	last  uint64 // number of the event that was remembered last
	list  []remembered
	bytes int
}

type remembered struct {
	packet packet
	to     Message
	at     time.Time
}

func newHistory() history { return history{name: rand.Text()[:8] + "-"} }

func (r remembered) size() int {
	n := 256 + len(r.packet.json)
	for _, a := range r.packet.attachments {
		n += len(a)
	}
	return n
}

// offset is what the next event is known by, or "" if it cannot be recovered.
func (n *Namespace) offset(volatile bool) string {
	if n.server.config.Recovery <= 0 || volatile {
		return ""
	}
	return n.history.name + strconv.FormatUint(n.history.last+1, 36)
}

// remember keeps an event for those who are lost, or will be.
func (n *Namespace) remember(p packet, to Message) {
	if n.server.config.Recovery <= 0 || to.Volatile {
		return
	}
	h := &n.history
	h.last++
	to.Payload, to.Attachments = nil, nil
	r := remembered{packet: p, to: to, at: time.Now()}
	h.list = append(h.list, r)
	h.bytes += r.size()
	h.trim(r.at.Add(-n.server.config.Recovery))
}

// trim forgets events from before a moment, and those that are too many.
func (h *history) trim(before time.Time) {
	i := 0
	for i < len(h.list) && (len(h.list)-i > mostHistory || h.bytes > mostHistoryBytes || h.list[i].at.Before(before)) {
		h.bytes -= h.list[i].size()
		h.list[i] = remembered{}
		i++
	}
	h.list = h.list[i:]
}

// since returns the events after the one of an offset, if they still are there.
func (h *history) since(offset string) (list []remembered, ok bool) {
	digits, ours := strings.CutPrefix(offset, h.name)
	number, err := strconv.ParseUint(digits, 36, 64)
	first := h.last - uint64(len(h.list)) + 1
	if !ours || err != nil || number+1 < first || number > h.last {
		return nil, false
	}
	return h.list[number+1-first:], true
}

// concerns reports whether a message is for a socket that is, or was, in rooms.
func (m Message) concerns(rooms []string) bool {
	in := func(room string) bool { return slices.Contains(rooms, room) }
	return (len(m.Rooms) == 0 || slices.ContainsFunc(m.Rooms, in)) && !slices.ContainsFunc(m.Except, in)
}

// lostSockets are those whose transport was lost, by their private id.
type lostSockets struct {
	mu    sync.Mutex
	by    map[string]*lostSocket
	queue []*lostSocket // the oldest first, also those that were recovered
}

type lostSocket struct {
	id, pid, owner string
	rooms          []string
	until          time.Time
}

func newLostSockets() lostSockets { return lostSockets{by: map[string]*lostSocket{}} }

// lose keeps a socket whose transport was lost, if it can be recovered.
func (n *Namespace) lose(s *Socket) {
	if n.server.config.Recovery <= 0 || s.owner == "" {
		return
	}
	n.lost.add(&lostSocket{
		id: s.id, pid: s.pid, owner: s.owner, rooms: s.Rooms(),
		until: time.Now().Add(n.server.config.Recovery),
	})
}

func (l *lostSockets) add(s *lostSocket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.by[s.pid] = s
	l.queue = append(l.queue, s)
	for len(l.queue) > mostLost {
		l.dropFirst()
	}
}

func (l *lostSockets) dropFirst() {
	s := l.queue[0]
	l.queue[0] = nil
	l.queue = l.queue[1:]
	if l.by[s.pid] == s {
		delete(l.by, s.pid)
	}
}

// of returns a lost socket, or nil.
func (l *lostSockets) of(pid string, now time.Time) *lostSocket {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.by[pid]; s != nil && now.Before(s.until) {
		return s
	}
	return nil
}

// take returns a lost socket of an owner, which is no longer lost then.
func (l *lostSockets) take(pid, owner string, now time.Time) *lostSocket {
	s := l.of(pid, now)
	if s == nil || s.owner != owner {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by[pid] != s {
		return nil
	}
	delete(l.by, pid)
	return s
}

// in returns the rooms of the socket, with that of its own.
func (s *lostSocket) in() []string { return append(s.rooms[:len(s.rooms):len(s.rooms)], s.id) }

// drop lets go of the sockets that would be ended by a message if they were connected.
func (l *lostSockets) drop(m Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.by, func(_ string, s *lostSocket) bool { return m.concerns(s.in()) })
}

// forget drops what can no longer be recovered.
func (l *lostSockets) forget(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) > 0 && !now.Before(l.queue[0].until) {
		l.dropFirst()
	}
}

// recover returns the lost socket that a client claims, and what it missed, if
// it is the owner's and all of that is known. The order is held.
func (n *Namespace) recover(c claim, owner string) (*lostSocket, []packet) {
	list, ok := n.history.since(c.Offset)
	if !ok {
		return nil, nil
	}
	l := n.lost.take(c.PID, owner, time.Now())
	if l == nil {
		return nil, nil
	}
	var missed []packet
	for _, r := range list {
		if r.to.concerns(l.in()) {
			missed = append(missed, r.packet)
		}
	}
	return l, missed
}

// forget drops what can no longer be recovered.
func (n *Namespace) forget(now time.Time) {
	n.lost.forget(now)
	n.order.Lock()
	defer n.order.Unlock()
	n.history.trim(now.Add(-n.server.config.Recovery))
}
