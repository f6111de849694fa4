package engine

import (
	"runtime"
	"sync"
)

// errands are the clients for whom something has to be written. A few goroutines
// do that in turn, as long as it needs no waiting, so that a broadcast costs
// neither a goroutine nor a deadline for each client.
type errands struct {
	work *sync.WaitGroup // the owner of the goroutines

	mu          sync.Mutex
	first, last *Conn
	runners     int
}

// add puts a client at the end, who must not be in there.
func (e *errands) add(c *Conn) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.first == nil {
		e.first = c
	} else {
		e.last.after = c
	}
	e.last = c
	if e.runners < runtime.GOMAXPROCS(0) {
		e.runners++
		e.work.Go(e.run)
	}
}

func (e *errands) run() {
	for c := e.take(); c != nil; c = e.take() {
		c.write()
	}
}

// take returns the client who has waited longest. If there is none, the
// goroutine that asks has to end.
func (e *errands) take() *Conn {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.first
	if c == nil {
		e.last = nil
		e.runners--
		return nil
	}
	e.first, c.after = c.after, nil
	return c
}
