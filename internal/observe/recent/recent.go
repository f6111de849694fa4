// Package recent keeps what went wrong in the last hour, and which statements
// took long, for people who look at a program. It is bounded: it keeps no more
// than about 100 KiB, whatever happens.
package recent

import (
	"strings"
	"sync"
	"time"
)

const (
	span     = time.Hour
	mostText = 500 // bytes of a text that is kept
)

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
	Times     int       // how often; counted by Errors
}

// Errors keeps what went wrong. The same at the same place is kept once, so that
// an outage does not hide what else happens. The zero value is empty.
type Errors struct {
	mu  sync.Mutex
	all []Error // the newest last
}

// Add keeps e, in place of the oldest if there are too many.
func (k *Errors) Add(e Error) {
	e.Place, e.What, e.RequestID, e.TraceID = cut(e.Place), cut(e.What), cut(e.RequestID), cut(e.TraceID)
	e.Times = 1
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, old := range k.all {
		if old.Place == e.Place && old.What == e.What {
			if e.At.Sub(old.At) < span {
				e.Times += old.Times
			}
			k.all = append(k.all[:i], k.all[i+1:]...)
			break
		}
	}
	if len(k.all) == MostErrors {
		k.all = append(k.all[:0], k.all[1:]...)
	}
	k.all = append(k.all, e)
}

// Last returns the errors of the hour before now, the newest first.
func (k *Errors) Last(now time.Time) (out []Error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i := len(k.all) - 1; i >= 0; i-- {
		if now.Sub(k.all[i].At) < span {
			out = append(out, k.all[i])
		}
	}
	return out
}
