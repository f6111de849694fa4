package overload

import (
	"context"
	"log/slog"
	"time"
)

// Counts are those of one class: the first three since the program began, the
// others now.
type Counts struct {
	Entered int64 // had a place
	Waited  int64 // stood in the queue, whatever came of it
	Refused int64
	InUse   int // places
	Waiting int
}

// Stats are the counts of all classes.
type Stats struct{ Reports, Reads, Writes, SignIns Counts }

// Stats returns how the gate does.
func (g *Gate) Stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := g.counts
	for c := range n {
		n[c].Waiting = len(g.queue[c])
	}
	return Stats{Reports: n[Report], Reads: n[Read], Writes: n[Write], SignIns: n[SignIn]}
}

// quiet is for how long nobody may have been refused until it is over.
const quiet = 10 * time.Second

// Run tells the log when the gate begins to refuse and when that is over, until
// ctx is done.
func (g *Gate) Run(ctx context.Context) error {
	for {
		before := g.Stats()
		select {
		case <-g.refusing:
		case <-ctx.Done():
			return nil
		}
		began := time.Now()
		slog.WarnContext(ctx, "overloaded: requests are refused with 503", "places", g.room.All, "queue", g.room.Queue)
		if !g.calm(ctx) {
			return nil
		}
		slog.InfoContext(ctx, "no longer overloaded", slog.Group("refused", g.Stats().refusedSince(before)...),
			"seconds", int(time.Since(began).Seconds()))
	}
}

// calm waits until nobody was refused for a while, and reports whether ctx is
// not done before.
func (g *Gate) calm(ctx context.Context) bool {
	t := time.NewTicker(quiet)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return false
		}
		select {
		case <-g.refusing:
		default:
			return true
		}
	}
}

func (s Stats) refusedSince(before Stats) []any {
	return []any{
		"reports", s.Reports.Refused - before.Reports.Refused, "reads", s.Reads.Refused - before.Reads.Refused,
		"writes", s.Writes.Refused - before.Writes.Refused, "signIns", s.SignIns.Refused - before.SignIns.Refused,
	}
}
