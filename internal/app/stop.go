package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"cartracker/internal/part"
)

// Patience is how long a program that stops may take. Zero values mean the defaults.
type Patience struct {
	Requests time.Duration // those under way may finish; 20 s
	All      time.Duration // all of it, or it ends at once; 35 s
}

func (p Patience) filled() Patience {
	return Patience{
		Requests: cmp.Or(p.Requests, 20*time.Second),
		All:      cmp.Or(p.All, 35*time.Second),
	}
}

// flushTime is how long the last words may take. Who hears them may be
// away, and nothing depends on them.
const flushTime = 3 * time.Second

// A step is one thing that is done to stop.
type step struct {
	name string
	do   func() error
}

// stop takes all steps, one after the other, whatever goes wrong on the way.
// Together they may take as long as the program's patience.
func (l *life) stop(ctx context.Context, stopParts func()) {
	began, patience := time.Now(), l.program.Patience.filled()
	limit := time.AfterFunc(patience.All, func() {
		if e := l.program.Emergency; e != nil {
			e.End(fmt.Sprintf("stopping takes longer than %s", patience.All))
		}
	})
	defer limit.Stop()
	for _, s := range l.steps(ctx, patience, stopParts) {
		l.step.Store(s.name)
		begun := time.Now()
		err := part.Guard(s.do)
		slog.InfoContext(ctx, "stopping: "+s.name, since(begun))
		if err != nil {
			l.fail(ctx, fmt.Errorf("stopping: %s: %w", s.name, err))
		}
	}
	slog.InfoContext(ctx, "stopped", since(began))
}

// since tells in the log how long something took, as it does of requests.
func since(began time.Time) slog.Attr {
	return slog.Float64("ms", float64(time.Since(began).Microseconds())/1000)
}

// steps returns what is done, in order. Sockets are closed when nobody can come
// in any more, or they would come back here; and before requests are waited
// for, since a poll that hangs is one, and is answered by that.
// Jobs have been told before all, and workers need the database to their end (ADR 22).
// Who measures the program can look on until all else has ended.
func (l *life) steps(ctx context.Context, p Patience, stopParts func()) (all []step) {
	if f := l.front; f != nil {
		all = []step{
			{"ready", f.unready},
			{"last connections", func() error { <-time.After(f.window); return nil }},
			{"listener", f.refuse},
			{"sockets", func() error { l.office.Realtime.Close(); return nil }},
			{"requests", func() error { return f.drain(p.Requests) }},
		}
	}
	all = append(all,
		step{"jobs", func() error { l.workers.ended.Wait(); return nil }},
		step{"parts", func() error { stopParts(); l.crew.ended.Wait(); return nil }},
		step{"database", l.office.Close})
	if l.link != nil {
		all = append(all, step{"Redis", func() error { l.link.Close(); return nil }})
	}
	if l.private != nil {
		all = append(all, step{"private listener", l.private.close})
	}
	return append(all, step{"telemetry", func() error { return l.flush(ctx) }})
}

// flush sends off what was measured and has not been sent yet, to all at the same
// time: together they hold the stop up for no longer than one of them may.
func (l *life) flush(ctx context.Context) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	errs := make([]error, len(l.words))
	var said sync.WaitGroup
	for i, say := range l.words {
		said.Go(func() { errs[i] = part.Guard(func() error { return say(limited) }) })
	}
	said.Wait()
	return errors.Join(errs...)
}
