// Package observe is how the program shows what it does: its logs, and the spans
// of its traces.
package observe

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// StackKey is the attribute that holds the stack of a panic. It may be longer than others.
	StackKey = "stack"
	// PanicKey is the attribute that holds what a panic said.
	PanicKey = "panic"

	maxText  = 1 << 10  // bytes of a text
	maxStack = 16 << 10 // bytes of a stack
)

// NewLogger returns a logger that writes a line for each record to w: JSON if
// format is "json", else text. The least it writes is what level says at the
// time. A record carries the ids of the request and the trace of its context.
// Long texts are cut, errors are scrubbed, and nothing can break a line or move the
// cursor of a terminal. Too many lines alike are left out as burst says; nil bounds nothing.
func NewLogger(w io.Writer, format string, level *slog.LevelVar, burst *Burst) *slog.Logger {
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: tidy}
	var h slog.Handler = slog.NewTextHandler(w, options)
	if format == "json" {
		h = slog.NewJSONHandler(w, options)
	}
	return slog.New(&handler{next: h, root: h, burst: burst})
}

// tidy makes an attribute safe to write: times in UTC to the millisecond, texts
// and errors printable and not endless, errors and panics without secrets.
func tidy(_ []string, a slog.Attr) slog.Attr {
	limit := maxText
	if a.Key == StackKey {
		limit = maxStack
	}
	switch a.Value.Kind() {
	case slog.KindTime:
		a.Value = slog.TimeValue(a.Value.Time().UTC().Truncate(time.Millisecond))
	case slog.KindString:
		said := a.Value.String()
		if a.Key == PanicKey {
			said = Scrub(said)
		}
		a.Value = slog.StringValue(clean(said, limit))
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(clean(TextOf(err), limit))
		}
	}
	return a
}

// text is what err says. A nil pointer in an error may panic there, which must
// not take the request down that only wanted to log.
func text(err error) (s string) {
	defer func() {
		if recover() != nil {
			s = "an error that cannot say what it is"
		}
	}()
	return err.Error()
}

// clean returns s cut to limit bytes and as valid UTF-8. The characters that
// slog leaves as they are although a terminal obeys them become U+FFFD; those
// below space are escaped by slog.
func clean(s string, limit int) string {
	if len(s) <= limit && isPlain(s) {
		return s
	}
	if len(s) > limit {
		for limit > 0 && !utf8.RuneStart(s[limit]) {
			limit--
		}
		s = s[:limit] + "…"
	}
	return strings.Map(func(r rune) rune {
		if r >= 0x7f && r < 0xa0 || unicode.Is(unicode.Bidi_Control, r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
}

// isPlain reports whether all of s is printable ASCII, as nearly all texts are.
func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// A handler adds the ids of the request and the trace of the context to each
// record, outside of any group that was opened meanwhile.
type handler struct {
	next  slog.Handler // takes the record
	root  slog.Handler // next before its first group
	burst *Burst
	// since is what was done to root to make next, if a group was opened.
	since []func(slog.Handler) slog.Handler
}

// Enabled reports whether a record of this level is written.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle writes a record with the ids of its context, unless there are too many alike.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if !h.burst.take(r) {
		return nil
	}
	var room [2]slog.Attr
	ids := appendIDs(room[:0], ctx)
	if len(ids) == 0 {
		return h.next.Handle(ctx, r)
	}
	if len(h.since) == 0 {
		r = r.Clone()
		r.AddAttrs(ids...)
		return h.next.Handle(ctx, r)
	}
	next := h.root.WithAttrs(slices.Clone(ids))
	for _, do := range h.since {
		next = do(next)
	}
	return next.Handle(ctx, r)
}

// appendIDs adds what ctx belongs to.
func appendIDs(to []slog.Attr, ctx context.Context) []slog.Attr {
	if id := RequestID(ctx); id != "" {
		to = append(to, slog.String("requestId", id))
	}
	if id := TraceID(ctx); id != "" {
		to = append(to, slog.String("traceId", id))
	}
	return to
}

// WithAttrs returns a handler that adds attrs.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(len(h.since) > 0, func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) })
}

// WithGroup returns a handler that puts what follows into a group.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.with(true, func(next slog.Handler) slog.Handler { return next.WithGroup(name) })
}

func (h *handler) with(grouped bool, do func(slog.Handler) slog.Handler) slog.Handler {
	made := &handler{next: do(h.next), root: h.root, burst: h.burst, since: h.since}
	if grouped {
		// A copy: two loggers made from one must not share what follows.
		made.since = append(h.since[:len(h.since):len(h.since)], do)
	} else {
		made.root = made.next
	}
	return made
}
