package app

import (
	"context"
	"net"
	"net/http"
	"time"

	"cartracker/internal/part"
)

// Besides returns the program with another part.
func (p Program) Besides(name string, run func(context.Context) error) Program {
	p.more = append(p.more[:len(p.more):len(p.more)], part.Part{Name: name, Run: run})
	return p
}

// Opened returns the program with something that is done to its office before it
// serves.
func (p Program) Opened(do func(*Office)) Program {
	p.opened = do
	return p
}

// Telling returns the program with somebody who is told why it stops.
func (p Program) Telling(told func(context.Context, error)) Program {
	p.told = told
	return p
}

// Saying returns the program with last words.
func (p Program) Saying(words ...func(context.Context) error) Program {
	p.words = words
	return p
}

// LastCall accepts those who wait at a listener, and lets nobody else come.
func LastCall(ln net.Listener) ([]net.Conn, error) { return lastCall(ln) }

// Watch lets the log say what open tells.
func (e *Emergency) Watch(open func() []any) { e.watch(open) }

// Drain serves h at a listener, and returns what lets no others in, and what
// waits for the requests under way, and then cuts them off.
func Drain(ln net.Listener, h http.Handler) (refuse func() error, drain func(time.Duration) error) {
	f := newFront(ln, 0, h, nil)
	f.serve(context.Background(), func(context.Context, error) {})
	return f.refuse, f.drain
}

// Doorway returns a handler behind a door, and what closes that.
func Doorway(next http.Handler) (h http.Handler, inside func() int64, closing func()) {
	d := new(door)
	return d.before(next), d.inside.Load, func() { d.closing.Store(true) }
}

// CountFigures lets the office measure what has to be counted, and returns what
// counts it once.
func CountFigures(o *Office, currency string) (take func(context.Context)) {
	return newFigures(o, currency).take
}

// Quicken lets the curves of the status page go by as if time ran quicker.
func (o *Office) Quicken(step time.Duration) { o.board.history.Step = step }
