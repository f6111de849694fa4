package jobs

import (
	"context"
	"log/slog"
)

// calm is a log handler for River, which tells of every look for work that
// fails: while the database is away each of them, every second, and the
// program tells of that itself.
type calm struct{ slog.Handler }

// Enabled reports whether a record of that level is kept.
func (c calm) Enabled(ctx context.Context, l slog.Level) bool {
	return l > slog.LevelDebug && c.Handler.Enabled(ctx, calmer(l))
}

// Handle keeps a record one or two levels lower.
func (c calm) Handle(ctx context.Context, r slog.Record) error {
	r.Level = calmer(r.Level)
	return c.Handler.Handle(ctx, r)
}

// WithAttrs returns the handler for records with these attributes.
func (c calm) WithAttrs(a []slog.Attr) slog.Handler { return calm{c.Handler.WithAttrs(a)} }

// WithGroup returns the handler for records in this group.
func (c calm) WithGroup(name string) slog.Handler { return calm{c.Handler.WithGroup(name)} }

func calmer(slog.Level) slog.Level { return slog.LevelDebug }
