package store

import (
	"context"
	"sync"
)

// A question asks the primary where its log ends, for all who want to know at
// the same moment. It is the Positions of a process that cannot know what
// others wrote for a caller: it takes everything that is committed for theirs.
type question struct {
	ask  func(context.Context) (Position, error) // ends by itself
	busy chan struct{}                           // has room for the one who asks

	mu   sync.Mutex
	next *turn // of those who came since it was asked last
}

// A turn is one time that the question is asked.
type turn struct {
	done chan struct{}
	at   Position
	err  error
}

func newQuestion(ask func(context.Context) (Position, error)) *question {
	return &question{ask: ask, busy: make(chan struct{}, 1)}
}

// Note has nothing to remember.
func (q *question) Note(context.Context, string, Position) error { return nil }

// Last returns where the log of the primary ended at some time after the call.
func (q *question) Last(ctx context.Context, _ string) (Position, error) {
	t, first := q.join()
	if first {
		q.busy <- struct{}{} // soon: each of those before ends by itself
		q.begin()
		t.at, t.err = q.ask(context.WithoutCancel(ctx)) // the others wait for it too
		<-q.busy
		close(t.done)
	}
	select {
	case <-t.done:
		return t.at, t.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// join returns the next turn, and whether the caller is the first in it, who asks.
func (q *question) join() (t *turn, first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.next == nil {
		q.next, first = &turn{done: make(chan struct{})}, true
	}
	return q.next, first
}

// begin lets nobody join the turn any more: what is answered from now on may
// be older than their question.
func (q *question) begin() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.next = nil
}
