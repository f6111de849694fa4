// Package recent keeps what went wrong in the last hour, and which statements
// took long, for people who look at a program. It is bounded: it keeps no more
// than about 150 KiB, whatever happens.
package recent

import (
	"strings"
	"sync"
	"time"
)

const (
	span     = time.Hour
	slot     = 5 * time.Minute // an hour is forgotten in such pieces
	slots    = int(span / slot)
	mostText = 500 // bytes of a text that is kept
)

// slotOf returns the slot in which a moment is, since 1970.
func slotOf(t time.Time) int64 { return t.UnixNano() / int64(slot) }

// cut shortens a text to what is kept of it. It never cuts a letter in two.
func cut(s string) string {
	if len(s) <= mostText {
		return s
	}
	return strings.ToValidUTF8(s[:mostText], "") + " …"
}

// MostErrors is how many errors are kept that differ.
const MostErrors = 50

// An Error is something that went wrong.
type Error struct {
	At        time.Time // the last time
	Place     string    // the method and pattern of a route, the kind of a job, or another part of the program
	What      string    // without secrets: that is up to who adds it
	RequestID string    // of the last time; "" for none
	TraceID   string    // of the last time; "" for none
	Times     int       // how often in that hour; counted by Errors
}

// An alike is what is kept of errors that are the same at the same place.
type alike struct {
	Error
	times [slots]times
}

// times are how often something happened in one slot.
type times struct {
	slot int64
	n    int
}

// count counts one more.
func (a *alike) count() {
	s := slotOf(a.At)
	at := &a.times[s%int64(slots)]
	if at.slot != s {
		*at = times{slot: s}
	}
	at.n++
}

// within returns the error as often as it came in the hour before now.
func (a *alike) within(now time.Time) Error {
	e, from := a.Error, slotOf(now)-int64(slots)
	for _, t := range a.times {
		if t.slot > from {
			e.Times += t.n
		}
	}
	return e
}

// Errors keeps what went wrong. The same at the same place is kept once, so that
// an outage does not hide what else happens. The zero value is empty.
type Errors struct {
	mu  sync.Mutex
	all []alike // the newest last
}

// Add keeps e, in place of the oldest if there are too many.
func (k *Errors) Add(e Error) {
	e.Place, e.What, e.RequestID, e.TraceID = cut(e.Place), cut(e.What), cut(e.RequestID), cut(e.TraceID)
	known := alike{}
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, old := range k.all {
		if old.Place == e.Place && old.What == e.What {
			known = old
			k.all = append(k.all[:i], k.all[i+1:]...)
			break
		}
	}
	if len(k.all) == MostErrors {
		k.all = append(k.all[:0], k.all[1:]...)
	}
	known.Error, known.Times = e, 0
	known.count()
	k.all = append(k.all, known)
}

// Last returns the errors of the hour before now, the newest first.
func (k *Errors) Last(now time.Time) (out []Error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := len(k.all) - 1; i >= 0; i-- {
		if e := k.all[i].within(now); e.Times > 0 {
			out = append(out, e)
		}
	}
	return out
}
