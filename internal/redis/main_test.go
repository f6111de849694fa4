package redis_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/redis"
)

const patience = 20 * time.Second

// open opens a Link and keeps it until the test ends.
func open(t *testing.T, url string) *redis.Link {
	t.Helper()
	l, err := redis.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	keep(t, l)
	return l
}

func keep(t *testing.T, l *redis.Link) {
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

// eventually waits for what is true soon.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(within); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", within, what)
		}
	}
}

// A journal is what was logged during a test.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// states returns the states that the log tells of, in order.
func (j *journal) states() string {
	var all []string
	for _, word := range strings.Fields(j.String()) {
		if state, ok := strings.CutPrefix(word, "state="); ok {
			all = append(all, state)
		}
	}
	return strings.Join(all, " ")
}

// listenIn catches what is logged until the test ends.
func listenIn(t *testing.T) *journal {
	var j journal
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&j, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	return &j
}
