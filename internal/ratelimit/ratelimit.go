// Package ratelimit counts how often somebody does something, and tells when it
// is too often. The counts are in this process, or in Redis for all instances.
package ratelimit

import (
	"context"
	"math"
	"time"
)

// A Rule allows Count calls within a Window that begins with the first of them.
// A Count of 0 allows any number. Callers are counted for each Name separately.
type Rule struct {
	Name   string
	Count  int
	Window time.Duration
}

// Times returns the Rule that allows n times as many calls.
func (r Rule) Times(n int) Rule {
	if n > 0 && r.Count > math.MaxInt/n {
		n, r.Count = 1, math.MaxInt
	}
	r.Count *= n
	return r
}

// Off reports whether the Rule allows any number of calls.
func (r Rule) Off() bool { return r.Count <= 0 || r.Window <= 0 }

// A State says how a caller stands. It is the zero State with OK set if the Rule
// allows any number.
type State struct {
	OK    bool          // whether the call may go on; of Peek, whether another one might
	Limit int           // calls that are allowed in the window
	Used  int           // calls in the window so far, those that were refused included
	Reset time.Duration // until the window is over; 0 if none has begun
	// Shared says that the count of all instances was asked; else this one has
	// decided by itself.
	Shared bool
}

// Remaining returns how many calls are left until the window is over.
func (s State) Remaining() int { return max(s.Limit-s.Used, 0) }

// A Limiter counts calls. It never fails: if it cannot ask anybody else it
// counts by itself. It is safe for concurrent use.
type Limiter interface {
	// Take counts a call of who, and tells whether it may go on.
	Take(ctx context.Context, r Rule, who string) State
	// Peek tells how who stands, and counts nothing.
	Peek(ctx context.Context, r Rule, who string) State
}

// took is the State after a call was counted.
func took(r Rule, used int, reset time.Duration) State {
	return State{OK: used <= r.Count, Limit: r.Count, Used: used, Reset: max(reset, 0)}
}

// peeked is the State before the next call.
func peeked(r Rule, used int, reset time.Duration) State {
	return State{OK: used < r.Count, Limit: r.Count, Used: used, Reset: max(reset, 0)}
}

// stricter returns the State that allows less.
func stricter(a, b State) State {
	switch {
	case a.OK != b.OK:
		if a.OK {
			return b
		}
		return a
	case !a.OK && a.Reset != b.Reset:
		if a.Reset < b.Reset {
			return b
		}
		return a
	case a.Remaining() > b.Remaining() || a.Remaining() == b.Remaining() && a.Reset < b.Reset:
		return b
	}
	return a
}
