package ratelimit

import (
	"context"
	"hash/maphash"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	mostWindows = 200_000
	shards      = 64 // so that callers seldom wait for each other
	longestWho  = 64 // bytes that are kept of a caller
)

// A Memory counts in this process. It keeps some 200,000 windows at most, so
// that nobody fills the memory by calling from many addresses.
type Memory struct {
	now    func() time.Time
	seed   maphash.Seed
	shards [shards]shard
}

type shard struct {
	mu      sync.Mutex
	windows map[caller]window
	_       [48]byte // keeps the locks on cache lines of their own
}

type caller struct{ rule, who string }

type window struct {
	ends time.Time
	used int
}

// NewMemory returns a Memory by the clock now.
func NewMemory(now func() time.Time) *Memory {
	m := &Memory{now: now, seed: maphash.MakeSeed()}
	for i := range m.shards {
		m.shards[i].windows = map[caller]window{}
	}
	return m
}

// Take counts a call of who, and tells whether it may go on.
func (m *Memory) Take(_ context.Context, r Rule, who string) State {
	if r.Off() {
		return State{OK: true}
	}
	c, s, now := m.find(r, who)
	s.mu.Lock()
	defer s.mu.Unlock()
	w, known := s.windows[c]
	if !known && len(s.windows) >= mostWindows/shards {
		s.makeRoom(now)
	}
	if left := w.ends.Sub(now); left <= 0 || left > r.Window {
		w = window{ends: now.Add(r.Window), used: w.after(left)}
	}
	if w.used < math.MaxInt {
		w.used++
	}
	s.windows[c] = w
	return took(r, w.used, w.ends.Sub(now))
}

// after returns the calls that count on in the next window: none, unless the
// window was made shorter meanwhile.
func (w window) after(left time.Duration) int {
	if left > 0 {
		return w.used
	}
	return 0
}

// Peek tells how who stands, and counts nothing.
func (m *Memory) Peek(_ context.Context, r Rule, who string) State {
	if r.Off() {
		return State{OK: true}
	}
	c, s, now := m.find(r, who)
	s.mu.Lock()
	w := s.windows[c]
	s.mu.Unlock()
	if left := w.ends.Sub(now); left > 0 {
		return peeked(r, w.used, min(left, r.Window))
	}
	return peeked(r, 0, 0)
}

func (m *Memory) find(r Rule, who string) (caller, *shard, time.Time) {
	if len(who) > longestWho {
		who = digest(who)
	}
	return caller{r.Name, who}, &m.shards[maphash.String(m.seed, who)%shards], m.now()
}

// makeRoom forgets the windows that are over. If too few are, it forgets those
// that end soonest of the rule that has most: who fills one rule leaves the
// others alone.
func (s *shard) makeRoom(now time.Time) {
	most := ""
	counts := map[string]int{}
	for c, w := range s.windows {
		if !w.ends.After(now) {
			delete(s.windows, c)
			continue
		}
		if counts[c.rule]++; counts[c.rule] > counts[most] {
			most = c.rule
		}
	}
	const enough = mostWindows / shards * 3 / 4 // so that this is seldom needed
	if surplus := len(s.windows) - enough; surplus > 0 {
		s.forget(most, min(surplus, counts[most]), now)
	}
}

// forget drops the n windows of a rule that end soonest.
func (s *shard) forget(rule string, n int, now time.Time) {
	var left []time.Duration
	for c, w := range s.windows {
		if c.rule == rule {
			left = append(left, w.ends.Sub(now))
		}
	}
	slices.Sort(left)
	last := left[n-1]
	for c, w := range s.windows {
		if c.rule == rule && n > 0 && w.ends.Sub(now) <= last {
			delete(s.windows, c)
			n--
		}
	}
}
