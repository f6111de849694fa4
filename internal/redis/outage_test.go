package redis_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/redis"
	"cartracker/internal/redis/redistest"
)

// timed makes one call of each kind and fails if one takes too long.
func timed(t *testing.T, l *redis.Link) (last error) {
	t.Helper()
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"get":     func() error { _, _, err := l.Get(ctx, "k"); return err },
		"set":     func() error { return l.Set(ctx, "k", []byte("v"), time.Minute) },
		"claim":   func() error { _, err := l.Claim(ctx, "c", "me", time.Millisecond); return err },
		"release": func() error { return l.Release(ctx, "c", "me") },
		"publish": func() error { return l.Publish(ctx, "ch", "m") },
		"eval":    func() error { _, err := l.Eval(ctx, one, nil); return err },
	} {
		began := time.Now()
		err := call()
		if took := time.Since(began); took > slow {
			t.Errorf("%s took %s: %v", name, took, err)
		}
		if err != nil {
			last = err
		}
	}
	return last
}

var one = redis.NewScript("return {1}")

// storm makes many calls at the same time and returns how long all of them took.
func storm(t *testing.T, l *redis.Link, calls int) time.Duration {
	t.Helper()
	began := time.Now()
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			if _, _, err := l.Get(t.Context(), "k"); err != nil && !errors.Is(err, redis.ErrDown) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	return time.Since(began)
}

func TestOutages(t *testing.T) {
	for name, tt := range map[string]struct{ begin, end func(*redistest.Server) }{
		"killed":  {(*redistest.Server).Kill, (*redistest.Server).Start},
		"stopped": {(*redistest.Server).Stop, (*redistest.Server).Start},
		"hung":    {(*redistest.Server).Hang, (*redistest.Server).Resume},
	} {
		t.Run(name, func(t *testing.T) {
			j := listenIn(t)
			s := redistest.New(t, redistest.Options{})
			l := redistest.Open(t, s.URL())
			if err := timed(t, l); err != nil {
				t.Fatal(err)
			}
			for range 2 {
				tt.begin(s)
				if took := storm(t, l, 3000); took > 4*slow {
					t.Errorf("3000 calls at the beginning of the outage took %s", took)
				}
				eventually(t, patience, "the line is down", func() bool { _ = timed(t, l); return !l.Up() })
				began := time.Now()
				for range 10_000 {
					if _, _, err := l.Get(t.Context(), "k"); err != redis.ErrDown {
						t.Fatal(err)
					}
				}
				if took := time.Since(began); took > slow {
					t.Errorf("10,000 calls without Redis took %s", took)
				}
				tt.end(s)
				eventually(t, 5*time.Second, "the line is up", func() bool { return l.Up() && l.Set(t.Context(), "k", nil, time.Minute) == nil })
				if err := timed(t, l); err != nil {
					t.Error(err)
				}
			}
			if got := j.states(); got != "connecting ready error reconnecting ready error reconnecting ready" {
				t.Error(j)
			}
		})
	}
}

// TestIdleOutage looks whether a line that nobody uses is noticed to be down.
func TestIdleOutage(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	l := redistest.Open(t, s.URL())
	s.Hang()
	eventually(t, 4*time.Second, "the line is down", func() bool { return !l.Up() })
	s.Resume()
	eventually(t, 5*time.Second, "the line is up", l.Up)
}

// TestLongOutage looks whether the log stays quiet and the server is found soon
// after attempts have become rare.
func TestLongOutage(t *testing.T) {
	j := listenIn(t)
	s := redistest.New(t, redistest.Options{})
	l := redistest.Open(t, s.URL())
	s.Kill()
	eventually(t, patience, "the line is down", func() bool { return !l.Up() })
	end := time.Now().Add(6 * time.Second)
	eventually(t, patience, "some seconds are over", func() bool { return time.Now().After(end) })
	if got := j.states(); got != "connecting ready error reconnecting" {
		t.Error(j)
	}
	s.Start()
	eventually(t, 5*time.Second, "the line is up", l.Up)
}

func TestFlush(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	l := redistest.Open(t, s.URL())
	if err := timed(t, l); err != nil {
		t.Fatal(err)
	}
	s.Do("FLUSHALL")
	s.Do("SCRIPT", "FLUSH")
	if err := timed(t, l); err != nil || !l.Up() {
		t.Error(err)
	}
}

func TestLoading(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	tap := newTap(t, s.Addr())
	l := redistest.Open(t, "redis://"+tap.addr)
	s.Hang()
	done := make(chan error, 1)
	go func() { _, _, err := l.Get(t.Context(), "k"); done <- err }()
	tap.add("-LOADING Redis is loading the dataset in memory\r\n")
	if err := <-done; !errors.Is(err, redis.ErrDown) {
		t.Error(err)
	}
	if l.Up() {
		t.Error("up")
	}
	s.Resume()
	eventually(t, 5*time.Second, "the line is up", l.Up)
}

// TestGarbage looks whether a server that goes mad breaks the line and nothing else.
func TestGarbage(t *testing.T) {
	for _, garbage := range []string{
		"+OK\r\n", "+OK\r\n+OK\r\n", ":1\r\n", "$3\r\nabc\r\n", "-ERR x\r\n", "*0\r\n", "_\r\n", "_aa+OK\r\n", "#x\r\n", "%-1\r\n",
		">3\r\n$9\r\nsubscribe\r\n$1\r\nx\r\n:1\r\n", ">3\r\n$7\r\nmessage\r\n$1\r\nx\r\n$1\r\ny\r\n", ">0\r\n", ">-1\r\n",
		"$-5\r\n", "$999999999999\r\n", "*99999999\r\n", "|1\r\n+a\r\n+b\r\n", "hello\r\n", "\n", "\x00", "+QUEUED\r\n", "$?\r\n",
		strings.Repeat("x", 200_000), strings.Repeat("*1\r\n", 2000),
	} {
		t.Run(fmt.Sprintf("%.20q", garbage), func(t *testing.T) {
			j := listenIn(t)
			s := redistest.New(t, redistest.Options{})
			tap := newTap(t, s.Addr())
			l := redistest.Open(t, "redis://"+tap.addr)
			var wg sync.WaitGroup
			stop := make(chan struct{})
			for range 4 {
				wg.Go(func() {
					for {
						select {
						case <-stop:
							return
						case <-time.After(time.Millisecond):
							_ = timed(t, l)
						}
					}
				})
			}
			eventually(t, patience, "calls work", func() bool { return timed(t, l) == nil })
			tap.add(garbage)
			eventually(t, patience, "the line breaks", func() bool { return strings.Contains(j.states(), "error") })
			eventually(t, 5*time.Second, "the line is up", l.Up)
			close(stop)
			wg.Wait()
			eventually(t, 5*time.Second, "calls work again", func() bool { return timed(t, l) == nil })
		})
	}
}
