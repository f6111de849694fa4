package recent

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

const mostStatements = 50

// A Statement is one that took long.
type Statement struct {
	Text    string // with placeholders
	Longest time.Duration
	Times   int
}

// Statements keeps which statements took long. The zero value is empty.
type Statements struct {
	mu  sync.Mutex
	all map[string]*[slots]took // by text
}

// took is how often a statement took how long in one slot.
type took struct {
	slot    int64 // since 1970
	times   int
	longest time.Duration
}

// Add counts a statement that took long. If there are too many that differ, one
// that was quicker gives way, or this one is left out.
func (k *Statements) Add(now time.Time, text string, d time.Duration) {
	text = cut(text)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.all == nil {
		k.all = map[string]*[slots]took{}
	}
	known := k.all[text]
	if known == nil {
		if len(k.all) >= mostStatements && !k.giveWay(now, d) {
			return
		}
		known = new([slots]took)
		k.all[text] = known
	}
	n := slotOf(now)
	at := &known[n%int64(slots)]
	if at.slot != n {
		*at = took{slot: n}
	}
	at.times++
	at.longest = max(at.longest, d)
}

// giveWay forgets the statement that took least in the last hour, if that is
// less than d, and reports whether it did.
func (k *Statements) giveWay(now time.Time, d time.Duration) bool {
	least, which := d, ""
	for text, all := range k.all {
		if s := sum(text, all, now); s.Longest < least {
			least, which = s.Longest, text
		}
	}
	if least == d {
		return false
	}
	delete(k.all, which)
	return true
}

// Slowest returns as many statements of the hour before now, those that took
// longest first.
func (k *Statements) Slowest(now time.Time, most int) (out []Statement) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for text, all := range k.all {
		if s := sum(text, all, now); s.Times > 0 {
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b Statement) int {
		return cmp.Or(cmp.Compare(b.Longest, a.Longest), cmp.Compare(a.Text, b.Text))
	})
	return out[:min(most, len(out))]
}

// sum adds up what is known of a statement in the hour before now.
func sum(text string, all *[slots]took, now time.Time) Statement {
	s, from := Statement{Text: text}, slotOf(now)-int64(slots)
	for _, t := range all {
		if t.slot > from {
			s.Times += t.times
			s.Longest = max(s.Longest, t.longest)
		}
	}
	return s
}
