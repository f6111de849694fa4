package report

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/getsentry/sentry-go"

	"cartracker/internal/fault"
	"cartracker/internal/ident"
	"cartracker/internal/observe"
	"cartracker/internal/part"
)

// maxText is how many bytes of what an error says are sent.
const maxText = 2 << 10

// event returns all that is sent of a trouble. What comes from outside is the
// text of the error, which is scrubbed, and the user's name. Everything else is
// the program's own words.
func (c Config) event(ctx context.Context, t observe.Trouble, trace []sentry.Frame, g group, missed int) *sentry.Event {
	e := &sentry.Event{
		EventID:     sentry.EventID(strings.ReplaceAll(ident.New[string](), "-", "")),
		Timestamp:   time.Now().UTC(),
		Platform:    "go",
		Level:       sentry.LevelError,
		Environment: c.Environment,
		Release:     c.Release,
		ServerName:  c.Instance,
		Sdk:         sentry.SdkInfo{Name: agent, Version: c.Release},
		Transaction: g.place,
		Fingerprint: []string{g.what, string(g.source), g.place, g.top},
		User:        sentry.User{ID: t.User.ID, Username: t.User.Username},
		Tags:        map[string]string{"kind": string(t.Source)},
		Exception:   []sentry.Exception{{Type: g.what, Value: cut(observe.TextOf(t.Err)), Stacktrace: &sentry.Stacktrace{Frames: trace}}},
	}
	if t.Source == observe.InProgram {
		e.Level = sentry.LevelFatal
	}
	if t.User.Role != "" {
		e.User.Data = map[string]string{"role": t.User.Role}
	}
	tag := func(name, value string) {
		if value != "" {
			e.Tags[name] = value
		}
	}
	tag("place", t.Place)
	tag("method", t.Method)
	tag("requestId", observe.RequestID(ctx))
	tag("traceId", observe.TraceID(ctx))
	if l, kept := observe.LinkOf(ctx); kept {
		e.Contexts = map[string]sentry.Context{"trace": {"trace_id": sentry.TraceID(l.Trace), "span_id": sentry.SpanID(l.Span)}}
	}
	if missed > 0 {
		tag("leftOut", strconv.Itoa(missed))
	}
	return e
}

func cut(s string) string {
	if len(s) <= maxText {
		return s
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// typeOf names what an error is about: the type of its cause, or "panic".
func typeOf(err error) string {
	if p, ok := errors.AsType[*part.Panic](err); ok {
		if inner, ok := p.Value.(error); ok {
			return "panic: " + fmt.Sprintf("%T", cause(inner))
		}
		return "panic"
	}
	return fmt.Sprintf("%T", cause(err))
}

// cause returns what err comes from. Of several it is the first that is not just
// what a caller is told.
func cause(err error) error {
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if inner := e.Unwrap(); inner != nil {
			return cause(inner)
		}
	case interface{ Unwrap() []error }:
		var first error
		for _, inner := range e.Unwrap() {
			c := cause(inner)
			if _, told := c.(*fault.Error); !told {
				return c
			}
			if first == nil {
				first = c
			}
		}
		if first != nil {
			return first
		}
	}
	return err
}
