package report

import (
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/getsentry/sentry-go"

	"cartracker/internal/fault"
	"cartracker/internal/observe"
)

const (
	maxAlike  = 10 // events of a group in a minute
	minute    = time.Minute
	quiet     = 5 * time.Minute // without a trouble of its kind an outage is over
	maxGroups = 1000
)

// A group is what troubles have in common that are one to who reads of them.
type group struct {
	what   string // the type of the error; of an outage its code
	source observe.Source
	place  string // method and route, or the kind of a job
	top    string // the innermost function
	outage bool
}

func groupOf(t observe.Trouble, trace []sentry.Frame) group {
	if t.Outage { // wherever somebody meets it, and however
		return group{what: fault.Of(t.Err).Code, outage: true}
	}
	return group{what: typeOf(t.Err), source: t.Source, place: strings.TrimSpace(t.Method + " " + t.Place), top: top(trace)}
}

// groups counts what is told of each group.
type groups struct {
	mu  sync.Mutex
	all map[group]*tally
}

type tally struct {
	began, last time.Time // of the minute; of all
	told        int       // in that minute
	missed      int       // that were left out since
}

// take reports whether a trouble of this group is told, and how many were left
// out since the last one that was.
func (g *groups) take(of group, now time.Time) (missed int, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.all[of]
	if n == nil {
		if n = g.add(of, now); n == nil {
			return 0, false
		}
	}
	most, again := maxAlike, now.Sub(n.began) >= minute
	if of.outage {
		most, again = 1, now.Sub(n.last) >= quiet
	}
	if again {
		n.began, n.told = now, 0
	}
	n.last = now
	if n.told == most {
		n.missed++
		return 0, false
	}
	n.told++
	missed, n.missed = n.missed, 0
	return missed, true
}

// add begins to count a group, unless there are too many of which was heard
// lately.
func (g *groups) add(of group, now time.Time) *tally {
	if len(g.all) >= maxGroups {
		maps.DeleteFunc(g.all, func(_ group, n *tally) bool { return now.Sub(n.last) >= quiet })
	}
	if len(g.all) >= maxGroups {
		return nil
	}
	n := &tally{began: now, last: now}
	g.all[of] = n
	return n
}

// miss counts what was to be told and could not.
func (g *groups) miss(of group, missed int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := g.all[of]; n != nil {
		n.missed += missed
	}
}
