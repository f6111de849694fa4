package realtime

import (
	"sync"
	"time"

	"cartracker/internal/fault"
)

const (
	maxStrangers  = 2000 // clients that have not said who they are
	maxNeighbours = 100  // of them from one network
)

var errCrowd = &fault.Error{
	Kind: fault.Unavailable, Code: "overloaded", Message: "too many connect at the same time; try again in a moment", RetryAfter: 5 * time.Second,
}

// strangers counts clients that have shaken hands and not said who they are.
// Each takes memory, whoever it is. After so long they are gone.
type strangers struct {
	most, mostOfNetwork int
	stay                time.Duration

	mu    sync.Mutex
	count int
	queue []*stranger            // in the order in which they came
	of    map[string][]*stranger // those of a network who are still counted
}

type stranger struct {
	network string
	until   time.Time
	known   bool
}

func newStrangers(most, mostOfNetwork int, stay time.Duration) strangers {
	return strangers{most: most, mostOfNetwork: mostOfNetwork, stay: stay, of: map[string][]*stranger{}}
}

// come counts one more client of a network, or reports that there are too many.
func (s *strangers) come(network string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now)
	if s.count >= s.most || len(s.of[network]) >= s.mostOfNetwork {
		return false
	}
	v := &stranger{network: network, until: now.Add(s.stay)}
	s.count++
	s.queue = append(s.queue, v)
	s.of[network] = append(s.of[network], v)
	return true
}

// know takes one client of a network out of the count: which of them it is
// makes no difference to anybody.
func (s *strangers) know(network string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all := s.of[network]; len(all) > 0 {
		all[0].known = true
		s.drop(network)
	}
}

// forget takes those out of the count who are gone by now.
func (s *strangers) forget(now time.Time) {
	for len(s.queue) > 0 && (s.queue[0].known || !s.queue[0].until.After(now)) {
		if first := s.queue[0]; !first.known {
			s.drop(first.network) // it is the first of its network too
		}
		s.queue = s.queue[1:]
	}
}

func (s *strangers) drop(network string) {
	s.count--
	if s.of[network] = s.of[network][1:]; len(s.of[network]) == 0 {
		delete(s.of, network)
	}
}
