package socketio

import "sync"

// tasks counts goroutines so that one can wait for them. Unlike a WaitGroup it
// may be given the first while somebody waits: sockets are ended, which is a
// task, by whoever has a reason, also while the server closes.
type tasks struct {
	mu      sync.Mutex
	running int
	none    *sync.Cond // told when the last has ended; nil until somebody waits
}

func (t *tasks) begin(do func()) {
	t.mu.Lock()
	t.running++
	t.mu.Unlock()
	go func() {
		defer t.end()
		do()
	}()
}

func (t *tasks) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running--; t.running == 0 && t.none != nil {
		t.none.Broadcast()
	}
}

// wait waits until none runs.
func (t *tasks) wait() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.none == nil {
		t.none = sync.NewCond(&t.mu)
	}
	for t.running > 0 {
		t.none.Wait()
	}
}
