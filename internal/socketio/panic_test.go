package socketio_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"cartracker/internal/socketio"
)

// A faulty adapter joins nobody, and panics when it runs, or in what it says.
type faulty struct {
	socketio.Adapter
	run func(ctx context.Context, hear func(socketio.Message)) error
}

func (f faulty) Run(ctx context.Context, hear func(socketio.Message), _ func([]string, bool)) error {
	return f.run(ctx, hear)
}

// An adapter that panics ends the server with an error, not the process.
func TestAdapterPanics(t *testing.T) {
	var log strings.Builder
	var value any
	var stack string
	s := socketio.New(socketio.Config{
		Log:      slog.New(slog.NewTextHandler(&log, nil)),
		Panicked: func(v any, s string) { value, stack = v, s },
	})
	s.Of("/").Use(faulty{run: func(context.Context, func(socketio.Message)) error { panic("zq7 went wrong") }})
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "an adapter panicked") {
		t.Errorf("ended with %v", err)
	}
	if !strings.Contains(log.String(), "zq7 went wrong") || !strings.Contains(log.String(), "panic_test.go") {
		t.Errorf("the log has not the panic and its stack:\n%s", &log)
	}
	if value != "zq7 went wrong" || !strings.Contains(stack, "panic_test.go") {
		t.Errorf("told of %v at %s", value, stack)
	}
}

// An adapter that was told to end is no error.
func TestAdapterEnds(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	s := socketio.New(socketio.Config{})
	s.Of("/").Use(faulty{run: func(ctx context.Context, _ func(socketio.Message)) error {
		stop()
		<-ctx.Done()
		return ctx.Err()
	}})
	if err := s.Run(ctx); err != nil {
		t.Errorf("ended with %v", err)
	}
}
