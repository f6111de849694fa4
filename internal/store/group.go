package store

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// A shared is what the callers of a group do their parts of: one of them opens
// it, one after the other does a part, and one ends it for all.
type shared interface {
	full() bool // takes no more parts
	end() error // what it returns is the answer to all of them
}

// A group lets callers who come at the same time do their parts of one shared
// thing, one part at a time, and lets none of them go before that is ended. It
// has no goroutine of its own: whoever is done calls the next, and the last
// one ends it.
type group[S shared] struct {
	open func(context.Context) (S, error)
	turn chan struct{} // holds one while something shared is open

	mu      sync.Mutex
	waiting []caller[S]
}

func newGroup[S shared](open func(context.Context) (S, error)) *group[S] {
	return &group[S]{open: open, turn: make(chan struct{}, 1)}
}

// A caller waits to be called, or to be told that there is nothing to wait for.
type caller[S shared] chan call[S]

type call[S shared] struct {
	to  *round[S]
	err error
}

// A round is something shared while it is open, and the answer to those who
// took part in it once it is ended.
type round[S shared] struct {
	shared S
	ended  chan struct{}
	err    error
}

// errCutShort answers for a round of which nobody knows how it ended.
var errCutShort = errors.New("store: the end of a group failed")

// do lets the caller do its part when it is its turn, on its own goroutine, and
// returns when the round is ended. It fails without doing the part if ctx is
// done before it began, or if nothing could be opened. If the part panics, or
// ends its goroutine, the others go on.
func (g *group[S]) do(ctx context.Context, part func(S) error) error {
	r, err := g.enter(ctx)
	if err != nil {
		return err
	}
	began, err := g.take(ctx, r, part)
	if !began {
		return err
	}
	<-r.ended
	if r.err != nil {
		return r.err
	}
	return err
}

// alone does what shares nothing with others, while nobody has anything open.
// No group at all is never in its way.
func (g *group[S]) alone(ctx context.Context, do func() error) error {
	if g == nil {
		return do()
	}
	select {
	case g.turn <- struct{}{}:
		defer g.free()
		return do()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g *group[S]) free() { <-g.turn }

// enter waits until it is the caller's turn: in a round that another one has
// opened, or in one of its own.
func (g *group[S]) enter(ctx context.Context) (*round[S], error) {
	c := make(caller[S], 1)
	g.queue(c)
	select {
	case told := <-c:
		return told.to, told.err
	case g.turn <- struct{}{}:
		if g.leave(c) {
			return g.begin(ctx)
		}
		g.free()
		return nil, (<-c).err // told before the turn was free: nobody else calls
	case <-ctx.Done():
		if g.leave(c) {
			return nil, ctx.Err()
		}
		told := <-c // called at the same moment: the turn has to be passed on
		return told.to, told.err
	}
}

// begin opens a round. If that fails, it has failed for all who wait: each
// would find out no sooner by itself.
func (g *group[S]) begin(ctx context.Context) (r *round[S], err error) {
	defer func() {
		if r == nil {
			g.free()
		}
	}()
	s, err := g.open(ctx)
	if err == nil {
		return &round[S]{shared: s, ended: make(chan struct{})}, nil
	}
	for c := g.next(); c != nil; c = g.next() {
		c <- call[S]{err: err}
	}
	return nil, err
}

// take does a part of r and passes the turn on, whatever becomes of the part.
func (g *group[S]) take(ctx context.Context, r *round[S], part func(S) error) (began bool, err error) {
	defer g.pass(r)
	if err := ctx.Err(); err != nil {
		return false, err
	}
	return true, part(r.shared)
}

// pass calls the next one, or ends the round if there is none.
func (g *group[S]) pass(r *round[S]) {
	if !r.shared.full() {
		if c := g.next(); c != nil {
			c <- call[S]{to: r}
			return
		}
	}
	r.err = errCutShort // unless the end is reached
	defer g.free()
	defer close(r.ended)
	r.err = r.shared.end()
}

func (g *group[S]) queue(c caller[S]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, c)
}

// leave takes c out of the queue, and reports whether it was still there.
func (g *group[S]) leave(c caller[S]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := slices.Index(g.waiting, c)
	if i < 0 {
		return false
	}
	g.waiting = slices.Delete(g.waiting, i, i+1)
	return true
}

// next takes the first of the queue out of it; nil if nobody waits.
func (g *group[S]) next() caller[S] {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		return nil
	}
	c := g.waiting[0]
	g.waiting = slices.Delete(g.waiting, 0, 1)
	return c
}
