package socketio

import (
	"maps"
	"slices"
	"sync"
)

// rooms knows which sockets of a namespace are in which rooms. Each socket also
// is in a room of its own, under its id.
type rooms struct {
	mu   sync.RWMutex
	byID map[string]*Socket
	room map[string]map[*Socket]struct{}
	mark uint64 // the last; see pick
}

func newRooms() rooms {
	return rooms{byID: map[string]*Socket{}, room: map[string]map[*Socket]struct{}{}}
}

// add adds a socket.
func (r *rooms) add(s *Socket, to []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byID[s.id] = s
	r.put(s, to)
}

// join puts a socket into rooms, if it is connected.
func (r *rooms) join(s *Socket, to []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID[s.id] == s {
		r.put(s, to)
	}
}

func (r *rooms) put(s *Socket, to []string) {
	for _, name := range to {
		if slices.Contains(s.rooms, name) || name == s.id {
			continue
		}
		s.rooms = append(s.rooms, name)
		if r.room[name] == nil {
			r.room[name] = map[*Socket]struct{}{}
		}
		r.room[name][s] = struct{}{}
	}
}

// leave takes a socket out of rooms.
func (r *rooms) leave(s *Socket, from []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, name := range from {
		if i := slices.Index(s.rooms, name); i >= 0 {
			s.rooms = slices.Delete(s.rooms, i, i+1)
			r.take(s, name)
		}
	}
}

func (r *rooms) take(s *Socket, name string) {
	delete(r.room[name], s)
	if len(r.room[name]) == 0 {
		delete(r.room, name)
	}
}

// remove takes a socket out of everything. Another may have its id by now.
func (r *rooms) remove(s *Socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byID[s.id] == s {
		delete(r.byID, s.id)
	}
	for _, name := range s.rooms {
		r.take(s, name)
	}
	s.rooms = nil
}

// of returns in which rooms a socket is.
func (r *rooms) of(s *Socket) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Clone(s.rooms)
}

// all returns every socket.
func (r *rooms) all() []*Socket {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Collect(maps.Values(r.byID))
}

// in returns the sockets in a room.
func (r *rooms) in(name string) []*Socket {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.append(nil, name)
}

func (r *rooms) append(to []*Socket, name string) []*Socket {
	for s := range r.room[name] {
		to = append(to, s)
	}
	if s := r.byID[name]; s != nil {
		to = append(to, s)
	}
	return to
}

// pick appends the sockets in any of the rooms to, or all if there are none,
// but those in any of the rooms except. It marks those it has seen, so that none
// is picked twice; one goroutine at a time may pick.
func (r *rooms) pick(picked []*Socket, to, except []string) []*Socket {
	r.mu.RLock()
	defer r.mu.RUnlock()
	r.mark++
	for _, name := range except {
		picked = r.append(picked[:0], name)
		for _, s := range picked {
			s.mark = r.mark
		}
	}
	picked = picked[:0]
	if len(to) == 0 {
		for _, s := range r.byID {
			picked = append(picked, s)
		}
	}
	for _, name := range to {
		picked = r.append(picked, name)
	}
	return slices.DeleteFunc(picked, func(s *Socket) bool {
		seen := s.mark == r.mark
		s.mark = r.mark
		return seen
	})
}
