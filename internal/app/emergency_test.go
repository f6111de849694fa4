package app_test

import (
	"testing"
	"time"

	"cartracker/internal/app"
)

// Whatever it is that hangs or is broken, an emergency ends the process.
func TestEmergencyEnds(t *testing.T) {
	t.Parallel()
	free := make(chan struct{})
	defer close(free)
	for name, open := range map[string]func() []any{
		"cannot be asked": func() []any { <-free; return nil },
		"panics":          func() []any { panic("zq7 went wrong") },
	} {
		exits := make(chan int, 1)
		e := &app.Emergency{Exit: func(code int) { exits <- code }}
		e.Watch(open)
		go e.End("it " + name)
		select {
		case code := <-exits:
			if code != 1 {
				t.Errorf("%s: ended with %d", name, code)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%s: it is waited for ever", name)
		}
	}
}
