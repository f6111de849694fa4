package app

import (
	"log/slog"
	"sync/atomic"
	"time"

	"cartracker/internal/part"
)

// lastWords is how long the log may take of a process that ends at once.
const lastWords = time.Second

// An Emergency ends the process without waiting for anything: when it was told
// to a second time, or takes too long to stop.
type Emergency struct {
	Exit func(code int) // os.Exit, but in tests
	open atomic.Pointer[func() []any]
}

// watch lets the log say what open tells, as attributes, if it comes to that.
func (e *Emergency) watch(open func() []any) { e.open.Store(&open) }

// End logs why it ends and what is still open, and exits with 1. It does that
// also if nobody reads the log, or what hangs cannot even be asked.
func (e *Emergency) End(why string) {
	told := make(chan struct{})
	go func() { // for as long as the process, at most
		defer close(told)
		_ = part.Guard(func() error { e.tell(why); return nil })
	}()
	select {
	case <-told:
	case <-time.After(lastWords):
	}
	if e.Exit != nil {
		e.Exit(1)
	}
}

func (e *Emergency) tell(why string) {
	attrs := []any{"why", why}
	if open := e.open.Load(); open != nil {
		attrs = append(attrs, (*open)()...)
	}
	slog.Error("ended at once, before all had finished", attrs...)
}
