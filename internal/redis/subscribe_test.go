package redis_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cartracker/internal/machinetest"
	"cartracker/internal/redis"
	"cartracker/internal/redis/redistest"
)

// subscribe returns what comes in, until the test ends.
func subscribe(t *testing.T, l *redis.Link, channel string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	messages := make(chan string, 10_000)
	ended := make(chan error, 1)
	go func() { ended <- l.Subscribe(ctx, channel, func(m string) { messages <- m }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
	return messages
}

func next(t *testing.T, messages <-chan string) string {
	t.Helper()
	select {
	case m := <-messages:
		return m
	case <-time.After(patience):
		t.Fatal("no message")
		return ""
	}
}

func publish(t *testing.T, l *redis.Link, channel, message string) {
	t.Helper()
	if err := l.Publish(t.Context(), channel, message); err != nil {
		t.Fatal(err)
	}
}

func TestSubscribe(t *testing.T) {
	s := redistest.New(t, redistest.Options{Password: password})
	sender := redistest.Open(t, s.URL())
	first, second, other := subscribe(t, redistest.Open(t, s.URL()), "feed"), subscribe(t, sender, "feed"), subscribe(t, sender, "other")
	for _, m := range []<-chan string{first, second, other} {
		if got := next(t, m); got != "" {
			t.Fatalf("%q before the first message", got)
		}
	}
	publish(t, sender, "feed", "")
	publish(t, sender, "nobody", "x")
	publish(t, sender, "other", "čćž\r\n\x00"+strings.Repeat("x", 100_000))
	for i := range 1000 {
		publish(t, sender, "feed", fmt.Sprint(i))
	}
	for i := range 1000 {
		if a, b := next(t, first), next(t, second); a != fmt.Sprint(i) || b != a {
			t.Fatalf("%q and %q, want %d", a, b, i)
		}
	}
	if got := next(t, other); len(got) != 100_009 || len(other) > 0 {
		t.Errorf("%.20q of %d bytes", got, len(got))
	}
}

func TestSubscribeAcrossBreaks(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	l := redistest.Open(t, s.URL())
	messages := subscribe(t, l, "feed")
	until(t, messages, "")
	for name, disturb := range map[string]func(){
		"killed":        func() { s.Kill(); s.Start() },
		"only this one": func() { s.Do("CLIENT", "KILL", "TYPE", "pubsub") },
		"all":           func() { s.Do("CLIENT", "KILL", "TYPE", "normal"); s.Do("CLIENT", "KILL", "TYPE", "pubsub") },
	} {
		disturb()
		until(t, messages, "")
		// It may have been faster than the line, and then subscribes once more.
		eventually(t, patience, name+": a message arrives", func() bool {
			_ = l.Publish(t.Context(), "feed", name)
			for len(messages) > 0 {
				if next(t, messages) == name {
					return true
				}
			}
			return false
		})
	}
}

// until takes messages until one is as wanted.
func until(t *testing.T, messages <-chan string, want string) {
	t.Helper()
	for next(t, messages) != want {
		continue
	}
}

func TestSubscribeBeforeTheServer(t *testing.T) {
	s := redistest.Stopped(t, redistest.Options{})
	l := redistest.Open(t, s.URL())
	messages := subscribe(t, l, "feed")
	s.Start()
	if got := next(t, messages); got != "" {
		t.Error(got)
	}
	publish(t, l, "feed", "x")
	if got := next(t, messages); got != "x" {
		t.Error(got)
	}
}

func TestSubscribeWhileHung(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	l := redistest.Open(t, s.URL())
	messages := subscribe(t, l, "feed")
	next(t, messages)
	s.Hang()
	eventually(t, patience, "the line is down", func() bool { return !l.Up() })
	s.Resume()
	if got := next(t, messages); got != "" {
		t.Error(got)
	}
	publish(t, l, "feed", "x")
	if got := next(t, messages); got != "x" {
		t.Error(got)
	}
}

// TestSubscribeEndsAtOnce looks whether a server that hangs keeps nobody waiting.
func TestSubscribeEndsAtOnce(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	l := redistest.Open(t, s.URL())
	ctx, cancel := context.WithCancel(t.Context())
	ended, subscribed := make(chan error, 1), make(chan struct{})
	go func() { ended <- l.Subscribe(ctx, "feed", func(string) { close(subscribed) }) }()
	<-subscribed
	s.Hang()
	began := time.Now()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) || time.Since(began) > machinetest.Timely(500*time.Millisecond) {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

func TestSubscribeToGarbage(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	tap := newTap(t, s.Addr())
	l := redistest.Open(t, "redis://"+tap.addr)
	messages := subscribe(t, l, "feed") // whose connection is the last one
	next(t, messages)
	for _, garbage := range []string{
		">3\r\n$9\r\nsubscribe\r\n$4\r\nfeed\r\n:1\r\n", ">3\r\n+subscribe\r\n$7\r\nfeeding\r\n:1\r\n", "+OK\r\n", "$6\r\nQUEUED\r\n",
		">4\r\n$10\r\npsubscribe\r\n$1\r\na\r\n$1\r\na\r\n:1\r\n", "*3\r\n$7\r\nmessage\r\n$4\r\nfeed\r\n$1\r\nx\r\n", "garbage\r\n",
	} {
		tap.add(garbage)
		if got := next(t, messages); got != "" {
			t.Errorf("%q: %q", garbage, got)
		}
		publish(t, l, "feed", "x")
		if got := next(t, messages); got != "x" {
			t.Errorf("%q: %q", garbage, got)
		}
	}
	if !l.Up() {
		t.Error("the other line is down")
	}
}
