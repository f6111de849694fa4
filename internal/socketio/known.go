package socketio

import (
	"maps"
	"sync"
)

// known is what an instance knows of itself, for when the server has to be told.
type known struct {
	mu     sync.Mutex
	counts map[string]int // sockets here, by member
	untold bool           // the server may lack some of it
	ended  bool           // the server is told of nothing any more
	back   []string       // who was said to have gone though they are here
}

// add changes the count of a member, unless there are most already.
func (k *known) add(member string, by, most int) (total int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := k.counts[member]
	if most > 0 && n >= most {
		return 0, ErrTooMany
	}
	if n = max(n+by, 0); n == 0 {
		delete(k.counts, member)
		return 0, nil
	}
	k.counts[member] = n
	return n, nil
}

func (k *known) of(member string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.counts[member]
}

func (k *known) all() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return maps.Clone(k.counts)
}

func (k *known) setUntold(to bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.untold = to
}

func (k *known) isUntold() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.untold
}

func (k *known) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = true
}

func (k *known) isEnded() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ended
}

func (k *known) addBack(members []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.back = append(k.back, members...)
}

func (k *known) takeBack() (members []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	members, k.back = k.back, nil
	return members
}
