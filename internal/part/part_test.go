package part_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"cartracker/internal/part"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errBroken = errors.New("broken")

func explode() error { panic("zq7 went wrong") }

func TestGuard(t *testing.T) {
	for name, c := range map[string]struct {
		do    func() error
		said  string // "" if there is no error
		is    error
		stack string // what stands in the stack of a panic
	}{
		"nothing":       {func() error { return nil }, "", nil, ""},
		"an error":      {func() error { return errBroken }, "broken", errBroken, ""},
		"a panic":       {explode, "panic: zq7 went wrong", nil, "part_test.explode"},
		"of an error":   {func() error { panic(io.EOF) }, "panic: EOF", io.EOF, "part_test.go"},
		"a nil pointer": {func() error { var p *part.Part; p.Name = "x"; return nil }, "panic: runtime error: invalid memory address or nil pointer dereference", nil, "part_test.go"},
	} {
		err := part.Guard(c.do)
		if (err == nil) != (c.said == "") || err != nil && err.Error() != c.said || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("%s: %v, want %q", name, err, c.said)
		}
		p, panicked := errors.AsType[*part.Panic](err)
		if panicked != (c.stack != "") || panicked && !strings.Contains(p.Stack, c.stack) {
			t.Errorf("%s: %+v, want %q in a stack", name, p, c.stack)
		}
	}
}

func untilTold(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

func TestTogether(t *testing.T) {
	failing := func(context.Context) error { return errBroken }
	panicking := func(context.Context) error { return explode() }
	done := func(context.Context) error { return nil }
	for name, c := range map[string]struct {
		all  []func(context.Context) error
		told bool // the context is done from the beginning
		said string
	}{
		"none":                  {nil, false, ""},
		"those that end":        {[]func(context.Context) error{done, part.Quietly(func(context.Context) {})}, false, ""},
		"those that are told":   {[]func(context.Context) error{untilTold, done, untilTold}, true, ""},
		"one that fails":        {[]func(context.Context) error{untilTold, failing, untilTold}, false, "broken"},
		"one that panics":       {[]func(context.Context) error{untilTold, panicking}, false, "panic: zq7 went wrong"},
		"two that do":           {[]func(context.Context) error{failing, panicking}, false, "broken\npanic: zq7 went wrong"},
		"one that panics, told": {[]func(context.Context) error{panicking, untilTold}, true, "panic: zq7 went wrong"},
	} {
		ctx, tell := context.WithCancel(t.Context())
		if c.told {
			tell()
		}
		err := part.Together(ctx, c.all...)
		if !c.told && ctx.Err() != nil {
			t.Errorf("%s: the context of the caller is done", name)
		}
		tell()
		if (err == nil) != (c.said == "") || err != nil && err.Error() != c.said {
			t.Errorf("%s: %v, want %q", name, err, c.said)
		}
	}
}
