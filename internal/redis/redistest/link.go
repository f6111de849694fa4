package redistest

import (
	"context"
	"testing"

	"cartracker/internal/redis"
)

// Open opens the line to a server and keeps it until the test ends.
func Open(t testing.TB, url string) *redis.Link {
	t.Helper()
	l, err := redis.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	Keep(t, l)
	return l
}

// Keep keeps a line that is open until the test ends.
func Keep(t testing.TB, l *redis.Link) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- l.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		l.Close()
	})
}
