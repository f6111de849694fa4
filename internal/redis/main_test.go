package redis_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"
)

const patience = 20 * time.Second

// eventually waits for what is true soon.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(within); !ok(); <-again.C {
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
