package ratelimit

import (
	"context"
	"sync"
	"time"
)

const (
	longestTurn = 5 * time.Second       // that an attempt waits for its turn
	turnEvery   = 50 * time.Millisecond // it asks whether another instance has one left
	mostWaiting = 64                    // attempts of one key; more are refused at once
)

// A turnKeeper lets instances together run no more attempts of a key at the
// same time than may still fail.
type turnKeeper interface {
	enter(context.Context, Key) bool
	leave(context.Context, Key)
}

// A Key is somebody under a Rule.
type Key struct {
	Rule Rule
	Who  string
}

// Attempts limits what counts only if it fails, such as passwords. Counting
// failures when they have happened would let any number of guesses through that
// run at the same time; so no more of them run than may still fail.
type Attempts struct {
	limiter Limiter
	others  turnKeeper // nil if there are none

	mu   sync.Mutex
	keys map[caller]*turns
}

// turns are the attempts of one key.
type turns struct {
	running int
	holders int           // attempts that run or wait
	ended   chan struct{} // closed, and made anew, when one ends
}

// NewAttempts returns Attempts that count failures in l.
func NewAttempts(l Limiter) *Attempts {
	others, _ := l.(turnKeeper)
	return &Attempts{limiter: l, others: others, keys: map[caller]*turns{}}
}

// Begin starts an attempt that counts for all keys if it fails. If ok, done has
// to be called exactly once when it has ended; more calls do nothing. If as many
// attempts of a key run as may still fail, here or at other instances, Begin
// waits until one has ended, 5 s at most or until ctx is done, and not at all if
// very many wait. If not ok, the attempt must not be made and done is nil. The
// State is that of the key that is nearest to its limit; if it has something
// left, there was no turn.
func (a *Attempts) Begin(ctx context.Context, keys ...Key) (done func(failed bool), state State, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, longestTurn)
	defer cancel()
	keys = limited(keys)
	all, crowded := a.hold(keys)
	for !crowded {
		ended := a.signals(all)
		states := a.peek(ctx, keys)
		state = nearest(states)
		if !state.OK {
			a.drop(keys, all)
			return nil, state, false
		}
		busy := a.start(all, ended, states)
		if busy == nil {
			if a.enter(ctx, keys) {
				return a.done(ctx, keys, all), state, true
			}
			a.stop(all)
		}
		if !await(ctx, busy) {
			break
		}
	}
	state = nearest(a.peek(ctx, keys))
	a.drop(keys, all)
	state.OK, state.Reset = false, time.Second // it might have been allowed a little later
	return nil, state, false
}

// await waits until busy is closed, or another instance may have a turn left if
// that is nil. It reports whether ctx is not done.
func await(ctx context.Context, busy <-chan struct{}) bool {
	var again <-chan time.Time
	if busy == nil {
		timer := time.NewTimer(turnEvery)
		defer timer.Stop()
		again = timer.C
	}
	select {
	case <-busy:
	case <-again:
	case <-ctx.Done():
		return false
	}
	return true
}

// enter takes a turn of each key from all instances, or of none.
func (a *Attempts) enter(ctx context.Context, keys []Key) bool {
	if a.others == nil {
		return true
	}
	for i, k := range keys {
		if !a.others.enter(ctx, k) {
			for _, k := range keys[:i] {
				a.others.leave(ctx, k)
			}
			return false
		}
	}
	return true
}

// limited returns the keys whose rules limit anything.
func limited(keys []Key) (some []Key) {
	for _, k := range keys {
		if !k.Rule.Off() {
			some = append(some, k)
		}
	}
	return some
}

// hold returns the turns of keys, which last until drop, and whether too many
// hold one of them.
func (a *Attempts) hold(keys []Key) (all []*turns, crowded bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all = make([]*turns, len(keys))
	for i, k := range keys {
		c := caller{k.Rule.Name, k.Who}
		if a.keys[c] == nil {
			a.keys[c] = &turns{ended: make(chan struct{})}
		}
		all[i] = a.keys[c]
		all[i].holders++
		crowded = crowded || all[i].holders > mostWaiting
	}
	return all, crowded
}

func (a *Attempts) drop(keys []Key, all []*turns) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, t := range all {
		if t.holders--; t.holders == 0 {
			delete(a.keys, caller{keys[i].Rule.Name, keys[i].Who})
		}
	}
}

// signals returns what closes when an attempt of each key ends.
func (a *Attempts) signals(all []*turns) []chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	ended := make([]chan struct{}, len(all))
	for i, t := range all {
		ended[i] = t.ended
	}
	return ended
}

func (a *Attempts) peek(ctx context.Context, keys []Key) []State {
	states := make([]State, len(keys))
	for i, k := range keys {
		states[i] = a.limiter.Peek(ctx, k.Rule, k.Who)
	}
	return states
}

// nearest returns the State that allows least.
func nearest(states []State) State {
	if len(states) == 0 {
		return State{OK: true}
	}
	near := states[0]
	for _, s := range states[1:] {
		near = stricter(near, s)
	}
	return near
}

// start starts an attempt of all keys, or of none: then it returns what closes
// when it is worth another look. If an attempt has ended since the states were
// asked for, they may be too old.
func (a *Attempts) start(all []*turns, ended []chan struct{}, states []State) (busy <-chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, t := range all {
		if t.ended != ended[i] || t.running >= states[i].Remaining() {
			return ended[i]
		}
	}
	for _, t := range all {
		t.running++
	}
	return nil
}

// done returns what ends an attempt. The failure is counted first, so that
// whoever waits sees it.
func (a *Attempts) done(ctx context.Context, keys []Key, all []*turns) func(failed bool) {
	var once sync.Once
	ctx = context.WithoutCancel(ctx)
	return func(failed bool) {
		once.Do(func() {
			for _, k := range keys {
				if failed {
					a.limiter.Take(ctx, k.Rule, k.Who)
				}
			}
			for _, k := range keys {
				if a.others != nil {
					a.others.leave(ctx, k)
				}
			}
			a.stop(all)
			a.drop(keys, all)
		})
	}
}

// stop ends an attempt in this process, and tells those who wait.
func (a *Attempts) stop(all []*turns) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range all {
		t.running--
		close(t.ended)
		t.ended = make(chan struct{})
	}
}
