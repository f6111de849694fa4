package store

import (
	"slices"
	"sort"
	"sync"
	"time"
)

// A history knows where the log of the primary was at which time, and so how
// far in time a replica is behind.
type history struct {
	keep time.Duration // how far back it goes

	mu       sync.Mutex
	samples  []sample // both of their fields grow
	timeline string
}

// A sample is where the log was, at the earliest, at a time.
type sample struct {
	at   Position
	when time.Time
}

// add notes where the log was when that was asked for. After a fail-over it
// begins anew: positions of another timeline say nothing.
func (h *history) add(at Position, timeline string, when time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.samples)
	if timeline != h.timeline || n > 0 && at < h.samples[n-1].at {
		h.samples, h.timeline = nil, timeline
		n = 0
	}
	if n > 0 && h.samples[n-1].at == at {
		h.samples[n-1].when = when
		return
	}
	h.samples = append(h.samples, sample{at, when})
	old := sort.Search(n, func(i int) bool { return when.Sub(h.samples[i].when) <= h.keep })
	h.samples = slices.Delete(h.samples, 0, old)
}

// lag returns how far a replica was behind now that has come to at. If it has
// not come to anything that is known, it is at least so far, and not exact.
func (h *history) lag(at Position, now time.Time) (d time.Duration, exact bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) == 0 {
		return 0, false
	}
	i := sort.Search(len(h.samples), func(i int) bool { return h.samples[i].at > at })
	if i == 0 {
		return now.Sub(h.samples[0].when), false
	}
	return max(now.Sub(h.samples[i-1].when), 0), true
}

// last returns when the primary was asked last, and its timeline.
func (h *history) last() (when time.Time, timeline string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.samples); n > 0 {
		when = h.samples[n-1].when
	}
	return when, h.timeline
}
