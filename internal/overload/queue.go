package overload

import (
	"context"
	"math/rand/v2"
	"slices"
	"time"

	"cartracker/internal/fault"
)

// await waits for the place of w, not longer than the room allows.
func (g *Gate) await(ctx context.Context, w *waiter) error {
	t := time.NewTimer(g.room.Wait)
	defer t.Stop()
	select {
	case err := <-w.told:
		return err
	case <-t.C:
		return g.giveUp(w, nil)
	case <-ctx.Done():
		return g.giveUp(w, ctx.Err())
	}
}

// giveUp takes w off the queue: refused, unless there is another reason. If it
// was told at the same moment, that counts, but somebody who is gone has no use
// for a place.
func (g *Gate) giveUp(w *waiter, gone error) error {
	g.mu.Lock()
	if g.dequeue(w) != nil {
		defer g.mu.Unlock()
		if gone == nil {
			gone = g.refuse(w.class)
		}
		return gone
	}
	g.mu.Unlock()
	err := <-w.told
	if err == nil && gone != nil {
		g.leave(w.class)
		err = gone
	}
	return err
}

// dequeue takes w off the queue, and returns nil if it was not there any more.
func (g *Gate) dequeue(w *waiter) *waiter {
	i := slices.Index(g.queue[w.class], w)
	if i < 0 {
		return nil
	}
	g.queue[w.class] = slices.Delete(g.queue[w.class], i, i+1)
	return w
}

// canWait reports whether there is room in the queue for a class. What reads may
// not fill is for who is more important: else each of those would have to send
// away a read that has waited for nothing.
func (g *Gate) canWait(c Class) bool {
	return fits(c, g.line, func(d Class) int { return len(g.queue[d]) })
}

// evict refuses whoever waits, is least important, and came last, for somebody
// of a class. It reports whether anybody is less important.
func (g *Gate) evict(c Class) bool {
	d := g.least(c)
	if d == None {
		return false
	}
	last := len(g.queue[d]) - 1
	g.dequeue(g.queue[d][last]).told <- g.refuse(d)
	return true
}

// least returns the least important class of those who wait, None if they are
// as important as c.
func (g *Gate) least(c Class) Class {
	for d := Report; d < c; d++ {
		if len(g.queue[d]) > 0 {
			return d
		}
	}
	return None
}

// A Refusal is the error of a request for which there was no place.
type Refusal struct {
	Class Class
	fault *fault.Error
}

// Error says that there was no place.
func (r *Refusal) Error() string { return r.fault.Error() + " (" + r.Class.String() + ")" }

// Unwrap returns what may be told to whoever asks.
func (r *Refusal) Unwrap() error { return r.fault }

// spread is over how many seconds those who are refused come back.
const spread = 3

// refusals are made once: being refused must cost next to nothing.
var refusals = func() (all [classes][spread]*Refusal) {
	for c := range all {
		for s := range spread {
			all[c][s] = &Refusal{Class(c), &fault.Error{
				Kind: fault.Unavailable, Code: "overloaded", Message: "there is more to do than can be done; try again in a moment",
				RetryAfter: time.Duration(s+1) * time.Second,
			}}
		}
	}
	return all
}()

// refuse counts a refusal.
func (g *Gate) refuse(c Class) error {
	g.counts[c].Refused++
	select {
	case g.refusing <- struct{}{}:
	default: // Run knows
	}
	return refusals[c][rand.IntN(spread)]
}
