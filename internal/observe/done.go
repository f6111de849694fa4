package observe

import "time"

// A Done is a span that has ended.
type Done struct {
	Link
	Parent       [8]byte // the span that it is a part of; zero for none
	Kind         Kind
	Name         string
	Began, Ended time.Time
	Notes        map[string]any // texts and numbers
	Failed       bool
}

// A Gatherer is told of what the program did in a trace once its first span has
// ended: of that, and of the parts that had ended before. They are its own from then on. It never waits.
type Gatherer func(first Done, parts []Done)
