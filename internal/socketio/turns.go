package socketio

import "sync"

const (
	mostTurns     = 10_000   // of one socket that may wait
	mostTurnBytes = 16 << 20 // in which they take that much
)

// turns does what there is to do for one socket, one after the other. It has a
// goroutine only while there is something.
type turns struct {
	owner *tasks

	mu    sync.Mutex
	queue []turn
	bytes int
	busy  bool
}

type turn struct {
	do   func()
	size int
}

// add queues what is to be done, unless too much waits with it. One alone is
// never too much.
func (t *turns) add(size int, do func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) >= mostTurns || len(t.queue) > 0 && t.bytes+size > mostTurnBytes {
		return false
	}
	t.push(turn{do: do, size: size})
	return true
}

// finish queues what comes last, in the place of all that waits unless that is
// to be kept.
func (t *turns) finish(keep bool, do func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !keep {
		t.queue, t.bytes = nil, 0
	}
	t.push(turn{do: do})
}

func (t *turns) push(next turn) {
	t.queue = append(t.queue, next)
	t.bytes += next.size
	if !t.busy {
		t.busy = true
		t.owner.begin(t.work)
	}
}

func (t *turns) work() {
	for {
		next, ok := t.next()
		if !ok {
			return
		}
		next()
	}
}

func (t *turns) next() (do func(), ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.queue) == 0 {
		t.queue, t.busy = nil, false
		return nil, false
	}
	first := t.queue[0]
	t.queue[0] = turn{}
	t.queue = t.queue[1:]
	t.bytes -= first.size
	return first.do, true
}
