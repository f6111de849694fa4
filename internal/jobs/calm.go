package jobs

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// sameAgain is after how long an error that River goes on telling of is told again.
const sameAgain = time.Minute

// calm is a log handler for River. What it does is told at debug level, if at
// all; what goes wrong is a warning, once a minute: while the database is away
// every look for work fails, every second.
type calm struct {
	slog.Handler
	told *told
}

type told struct {
	mu sync.Mutex
	at map[string]time.Time // by message
}

func newCalm(h slog.Handler) calm { return calm{h, &told{at: map[string]time.Time{}}} }

// Enabled reports whether a record of that level may be kept.
func (c calm) Enabled(ctx context.Context, l slog.Level) bool {
	return l > slog.LevelDebug && c.Handler.Enabled(ctx, calmer(l))
}

// Handle keeps a record a level or more lower, if it says something new.
func (c calm) Handle(ctx context.Context, r slog.Record) error {
	if r.Level = calmer(r.Level); r.Level >= slog.LevelWarn && !c.told.isNew(r.Message, r.Time) {
		return nil
	}
	return c.Handler.Handle(ctx, r)
}

func (t *told) isNew(message string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if last, ok := t.at[message]; ok && now.Sub(last) < sameAgain {
		return false
	}
	t.at[message] = now
	return true
}

// WithAttrs returns the handler for records with these attributes.
func (c calm) WithAttrs(a []slog.Attr) slog.Handler { return calm{c.Handler.WithAttrs(a), c.told} }

// WithGroup returns the handler for records in this group.
func (c calm) WithGroup(name string) slog.Handler { return calm{c.Handler.WithGroup(name), c.told} }

func calmer(l slog.Level) slog.Level {
	if l >= slog.LevelError {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}
