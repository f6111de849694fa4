package ratelimit_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/ratelimit"
	"cartracker/internal/redis/redistest"
)

var read = ratelimit.Rule{Name: "read", Count: 10, Window: time.Hour}

// quickly counts a call, which must not take long.
func quickly(t *testing.T, l ratelimit.Limiter, r ratelimit.Rule, who string) ratelimit.State {
	t.Helper()
	began := time.Now()
	got := l.Take(t.Context(), r, who)
	if took := time.Since(began); took > slow {
		t.Errorf("took %s", took)
	}
	return got
}

func TestShared(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	one := ratelimit.NewRedis(redistest.Open(t, s.URL()), ratelimit.NewMemory(time.Now))
	two := ratelimit.NewRedis(redistest.Open(t, s.URL()), ratelimit.NewMemory(time.Now))
	for i := range 6 {
		if got := one.Take(t.Context(), read, "amra"); got.Used != i+1 {
			t.Fatalf("%+v", got)
		}
	}
	if got := two.Peek(t.Context(), read, "amra"); got.Used != 6 || !near(got.Reset, time.Hour) {
		t.Errorf("%+v", got)
	}
	for i := range 6 {
		if got := two.Take(t.Context(), read, "amra"); got.Used != i+7 || got.OK != (i < 4) {
			t.Errorf("%+v", got)
		}
	}
	if one.Take(t.Context(), read, "amra").OK || one.Peek(t.Context(), read, "amra").OK {
		t.Error("the other instance did not notice")
	}
}

// TestAttemptsShared tries wrong passwords at several instances at once: no more
// run than at one, and those that wait for a turn of another get it when they
// are right.
func TestAttemptsShared(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	var instances []*ratelimit.Attempts
	for range 3 {
		instances = append(instances, ratelimit.NewAttempts(ratelimit.NewRedis(redistest.Open(t, s.URL()), ratelimit.NewMemory(time.Now))))
	}
	var wg sync.WaitGroup
	var wrong, right atomic.Int32
	for _, a := range instances {
		wg.Go(func() {
			made, _ := guess(t, a, 20, true, ratelimit.Key{Rule: auth, Who: "stranger"})
			wrong.Add(made)
		})
		wg.Go(func() {
			made, _ := guess(t, a, 8, false, ratelimit.Key{Rule: auth, Who: "office"})
			right.Add(made)
		})
	}
	wg.Wait()
	if wrong.Load() != 5 || right.Load() != 24 {
		t.Errorf("%d of 60 wrong guesses were made, and %d of 24 right ones", wrong.Load(), right.Load())
	}
	if n := s.Do("EVAL", "return #redis.call('KEYS', '*:turns')", "0"); n != ":0" {
		t.Errorf("turns were not given back: %s", n)
	}
}

// TestKeys looks whether all keys end, and whether Redis learns who calls.
func TestKeys(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	l := ratelimit.NewRedis(redistest.Open(t, s.URL()), ratelimit.NewMemory(time.Now))
	l.Take(t.Context(), read, "amra@example.com")
	key := s.Do("EVAL", "return redis.call('KEYS', '*')[1]", "0")
	if !strings.HasPrefix(key, "cartracker:limit:read:") || strings.Contains(key, "amra") {
		t.Fatal(key)
	}
	if n := s.Do("DBSIZE"); n != ":1" {
		t.Errorf("%s keys", n)
	}
	for _, disturb := range [][]string{{"PERSIST", key}, {"PEXPIRE", key, "999999999"}} {
		s.Do(disturb...)
		if got := l.Take(t.Context(), read, "amra@example.com"); !near(got.Reset, time.Hour) {
			t.Errorf("%+v", got)
		}
		if ttl := s.Do("TTL", key); ttl != ":3600" && ttl != ":3599" {
			t.Errorf("after %s it ends in %s", disturb[0], ttl)
		}
	}
	s.Do("DEL", key)
	s.Do("LPUSH", key, "x")
	if got := l.Take(t.Context(), read, "amra@example.com"); got.Used != 4 {
		t.Errorf("what is no number: %+v", got)
	}
}

func TestOneRoundTrip(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	l := ratelimit.NewRedis(redistest.Open(t, s.URL()), ratelimit.NewMemory(time.Now))
	l.Take(t.Context(), read, "amra")
	l.Peek(t.Context(), read, "amra")
	s.Do("CONFIG", "RESETSTAT")
	for range 20 {
		l.Take(t.Context(), read, "amra")
		l.Peek(t.Context(), read, "benjo")
	}
	// Of the first, nine are allowed, and one more has to ask.
	if n := s.Calls("evalsha"); n < 29 || n > 30 {
		t.Errorf("%d round trips", n)
	}
	if n := s.Calls("eval"); n != 0 {
		t.Errorf("%d scripts were sent", n)
	}
}

// TestOutages looks whether a limiter that has lost Redis is at least as strict
// as one instance alone, and is shared again afterwards.
func TestOutages(t *testing.T) {
	for name, tt := range map[string]struct{ begin, end func(*redistest.Server) }{
		"killed":  {(*redistest.Server).Kill, (*redistest.Server).Start},
		"hung":    {(*redistest.Server).Hang, (*redistest.Server).Resume},
		"flushed": {func(s *redistest.Server) { s.Do("FLUSHALL") }, func(*redistest.Server) {}},
		"full":    {func(s *redistest.Server) { s.Do("CONFIG", "SET", "maxmemory", "1") }, func(s *redistest.Server) { s.Do("CONFIG", "SET", "maxmemory", "0") }},
	} {
		t.Run(name, func(t *testing.T) {
			s := redistest.New(t, redistest.Options{})
			one := ratelimit.NewRedis(redistest.Open(t, s.URL()), ratelimit.NewMemory(time.Now))
			two := ratelimit.NewRedis(redistest.Open(t, s.URL()), ratelimit.NewMemory(time.Now))
			for range 7 {
				quickly(t, one, read, "amra")
			}
			tt.begin(s)
			for i := range 10 {
				if got := quickly(t, one, read, "amra"); got.Used < i+8 || got.OK != (i < 3) {
					t.Errorf("call %d: %+v", i+8, got)
				}
			}
			var wg sync.WaitGroup
			for i := range 200 {
				wg.Go(func() { quickly(t, one, read, fmt.Sprint(i)) })
			}
			wg.Wait()
			tt.end(s)
			began, n := time.Now(), 0
			eventually(t, "the counts are shared again", func() bool {
				n++
				who := fmt.Sprint("new", n)
				one.Take(t.Context(), read, who)
				return two.Peek(t.Context(), read, who).Used == 1
			})
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("the counts were shared again after %s", took)
			}
			if one.Take(t.Context(), read, "amra").OK {
				t.Error("what was used up before has been forgotten")
			}
		})
	}
}

func BenchmarkRedis(b *testing.B) {
	s := redistest.New(b, redistest.Options{})
	l := ratelimit.NewRedis(redistest.Open(b, s.URL()), ratelimit.NewMemory(time.Now))
	r := ratelimit.Rule{Name: "read", Count: 1 << 40, Window: time.Hour}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			l.Take(b.Context(), r, "amra")
		}
	})
	b.Run("many", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(32)
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				l.Take(b.Context(), r, "amra")
			}
		})
	})
}
