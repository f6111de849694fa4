package realtime

import (
	"slices"

	"cartracker/internal/record"
)

const (
	maxHistory = 10_000 // changes that are remembered at least
	maxReplay  = 1_000  // of them that a socket is told of at a time
)

// A history is what the feed has told of the topics, as far back as it goes.
type history struct {
	most   int
	events []record.Event // in the order of Seq
	floor  int64          // only what was after it is known
	seq    int64          // up to which the feed has told
}

// learn takes what the feed tells.
func (h *history) learn(b record.Batch) {
	if n := len(b.Events); n > 0 {
		if first := b.Events[0].Seq; first != h.seq+1 {
			h.restart(first - 1)
		}
		for _, e := range b.Events {
			if _, ok := topics[e.Topic]; ok {
				h.events = append(h.events, e)
			}
		}
		h.seq = b.Events[n-1].Seq
	}
	if b.Missed || b.Through != h.seq {
		h.restart(b.Through)
	}
	if len(h.events) > 2*h.most {
		old := len(h.events) - h.most
		h.floor = h.events[old-1].Seq
		h.events = slices.Clone(h.events[old:])
	}
}

// restart forgets everything up to a change.
func (h *history) restart(seq int64) { h.events, h.floor, h.seq = nil, seq, seq }

// since returns the changes of a topic after one, or that this is too long ago,
// or too much has changed, to tell.
func (h *history) since(t record.Topic, seq int64) (missed []record.Event, known bool) {
	if seq < h.floor || seq > h.seq {
		return nil, false
	}
	from, _ := slices.BinarySearchFunc(h.events, seq+1, func(e record.Event, seq int64) int { return int(e.Seq - seq) })
	for _, e := range h.events[from:] {
		if e.Topic != t {
			continue
		}
		if missed = append(missed, e); len(missed) > maxReplay {
			return nil, false
		}
	}
	return missed, true
}
