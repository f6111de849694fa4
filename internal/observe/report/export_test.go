package report

import (
	"time"

	"cartracker/internal/observe"
)

// The bounds, for tests.
const (
	MaxQueue  = maxQueue
	MaxAlike  = maxAlike
	MaxGroups = maxGroups
	Minute    = minute
	Quiet     = quiet
	LastWords = lastWords
)

// Pause is how long nothing is sent after a Retry-After.
var Pause = pause

// Groups counts as a client does.
type Groups struct{ groups }

// NewGroups returns one that knows none.
func NewGroups() *Groups { return &Groups{groups{all: map[group]*tally{}}} }

// Take counts a trouble that happened in no function of ours.
func (g *Groups) Take(t observe.Trouble, now time.Time) (missed int, ok bool) {
	return g.take(groupOf(t, nil), now)
}
