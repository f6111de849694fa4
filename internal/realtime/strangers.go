package realtime

import (
	"net/http"
	"sync"

	"cartracker/internal/record"
)

const (
	maxStrangers  = 2000 // clients that have not said who they are
	maxNeighbours = 100  // of them from one network
)

// strangers counts clients that have shaken hands and not said who they are:
// each takes memory, whoever it is. A client that was recognized counts no
// longer, until its socket has ended.
type strangers struct {
	most, mostOfNetwork int

	mu  sync.Mutex
	all int
	of  map[string]int // by network
}

func newStrangers(most, mostOfNetwork int) strangers {
	return strangers{most: most, mostOfNetwork: mostOfNetwork, of: map[string]int{}}
}

// arrive counts one more client, or reports that there are too many.
func (s *strangers) arrive(r *http.Request) (leave func(), ok bool) {
	network := record.CallerOf(r.Context()).Network()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= s.most || s.of[network] >= s.mostOfNetwork {
		return nil, false
	}
	s.change(network, 1)
	return func() { s.add(network, -1) }, true
}

// add counts so many more of a network. A client may have said who it is from
// another one than that of its handshake: then there are less than none of that.
func (s *strangers) add(network string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.change(network, n)
}

func (s *strangers) change(network string, n int) {
	s.all += n
	if s.of[network] += n; s.of[network] == 0 {
		delete(s.of, network)
	}
}
