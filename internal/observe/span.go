package observe

import (
	"context"
	"errors"
	"fmt"

	"cartracker/internal/fault"
)

// A Kind says on which side of a conversation a span is.
type Kind int

// The kinds of spans.
const (
	Internal Kind = iota // nobody else takes part
	Server               // somebody asked
	Client               // somebody else is asked
	Producer             // something is queued
	Consumer             // what was queued is done
)

// A Tracer keeps traces, or some of them.
type Tracer interface {
	// Begin begins what this program does in a trace. From is the span of
	// somebody else that it belongs to, if there is one. Follow says that whether
	// the trace is kept is decided there. It returns nil for one that is not kept.
	Begin(kind Kind, name string, from Link, follow bool) Recorder
}

// A Recorder keeps one span. It is safe for concurrent use.
type Recorder interface {
	// Begin begins a part of the span; nil if there is no room for more.
	Begin(kind Kind, name string) Recorder
	Rename(name string)
	Text(key, value string)
	Number(key string, n int64)
	Fail() // what the span is about went wrong
	End()
	Link() Link
	TraceID() string
}

// A Span is something that the program does, with its beginning and its end. The
// zero value keeps nothing and costs nothing.
type Span struct{ to Recorder }

type spanKey struct{}

// Begin begins what the program does in a trace. Whatever is started in the
// context that it returns belongs to it. A nil Tracer keeps nothing.
func Begin(ctx context.Context, t Tracer, kind Kind, name string, from Link, follow bool) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	r := t.Begin(kind, name, from, follow)
	if r == nil && !from.IsSet() {
		return ctx, Span{}
	}
	if r == nil {
		r = unkept{from}
	}
	return context.WithValue(ctx, spanKey{}, r), Span{r}
}

// Start begins a part of what ctx belongs to. It does nothing, and allocates
// nothing, unless that is kept.
func Start(ctx context.Context, kind Kind, name string) (context.Context, Span) {
	within, _ := ctx.Value(spanKey{}).(Recorder)
	if within == nil {
		return ctx, Span{}
	}
	r := within.Begin(kind, name)
	if r == nil {
		return ctx, Span{}
	}
	return context.WithValue(ctx, spanKey{}, r), Span{r}
}

// TraceID returns the id of the trace that ctx belongs to, or "".
func TraceID(ctx context.Context) string {
	if r, ok := ctx.Value(spanKey{}).(Recorder); ok {
		return r.TraceID()
	}
	return ""
}

// LinkOf returns the span that ctx belongs to, if that is kept.
func LinkOf(ctx context.Context) (l Link, ok bool) {
	if r, traced := ctx.Value(spanKey{}).(Recorder); traced {
		l = r.Link()
	}
	return l, l.Sampled
}

// Kept reports whether anybody will see what is said of the span.
func (s Span) Kept() bool { return s.to != nil }

// Rename gives the span a name that was not known when it began.
func (s Span) Rename(name string) {
	if s.to != nil {
		s.to.Rename(name)
	}
}

// Text notes something of the span. It must not be an argument of a query, or
// anything else that somebody typed.
func (s Span) Text(key, value string) {
	if s.to != nil {
		s.to.Text(key, value)
	}
}

// Number notes a number of the span.
func (s Span) Number(key string, n int) {
	if s.to != nil {
		s.to.Number(key, int64(n))
	}
}

// Fail says what went wrong, in a word of ours.
func (s Span) Fail(what string) {
	if s.to != nil {
		s.to.Text(errorKey, what)
		s.to.Fail()
	}
}

// End ends the span. Of an error it keeps the code or the type: its text may
// quote what somebody typed. What a caller did wrong is no failure of ours.
func (s Span) End(err error) {
	if s.to == nil {
		return
	}
	switch f := fault.Of(err); {
	case err == nil:
	case errors.Is(err, context.Canceled):
		s.to.Text(errorKey, "canceled")
	case errors.Is(err, context.DeadlineExceeded):
		s.Fail("timeout")
	case f.Kind == fault.Internal:
		s.Fail(typeOf(err))
	case f.Kind == fault.Unavailable:
		s.Fail(f.Code)
	default:
		s.to.Text(errorKey, f.Code)
	}
	s.to.End()
}

const errorKey = "error.type" // as OpenTelemetry calls it

// typeOf returns the type of what is at the bottom of err.
func typeOf(err error) string {
	for next := err; next != nil; next = errors.Unwrap(next) {
		err = next
	}
	return fmt.Sprintf("%T", err)
}

// unkept is a span of a trace that somebody else may keep. It has an id that
// can be looked for there, and nothing else.
type unkept struct{ from Link }

func (unkept) Begin(Kind, string) Recorder { return nil }
func (unkept) Rename(string)               {}
func (unkept) Text(string, string)         {}
func (unkept) Number(string, int64)        {}
func (unkept) Fail()                       {}
func (unkept) End()                        {}
func (unkept) Link() Link                  { return Link{} }
func (u unkept) TraceID() string           { return u.from.TraceID() }
