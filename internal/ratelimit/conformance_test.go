package ratelimit_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"cartracker/internal/ratelimit"
	"cartracker/internal/redis/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// A subject is a limiter that the suite is run on.
type subject struct {
	limiters []ratelimit.Limiter   // that share their counts
	advance  func(d time.Duration) // nil if its clock is the real one
	now      func() time.Time      // its clock
}

var subjects = map[string]func(testing.TB) subject{
	"memory": func(testing.TB) subject {
		c := &clock{now: time.Date(2026, 3, 29, 1, 59, 0, 0, time.UTC)}
		return subject{limiters: []ratelimit.Limiter{ratelimit.NewMemory(c.Now)}, advance: c.advance, now: c.Now}
	},
	"memory by the real clock": func(testing.TB) subject {
		return subject{limiters: []ratelimit.Limiter{ratelimit.NewMemory(time.Now)}, now: time.Now}
	},
	"redis": func(t testing.TB) subject {
		s := redistest.New(t, redistest.Options{})
		one := ratelimit.NewRedis(redistest.Open(t, s.URL()), ratelimit.NewMemory(time.Now))
		two := ratelimit.NewRedis(redistest.Open(t, s.URL()), ratelimit.NewMemory(time.Now))
		return subject{limiters: []ratelimit.Limiter{one, two}, now: time.Now}
	},
	"redis that is away": func(t testing.TB) subject {
		s := redistest.Stopped(t, redistest.Options{})
		return subject{limiters: []ratelimit.Limiter{ratelimit.NewRedis(redistest.Open(t, s.URL()), ratelimit.NewMemory(time.Now))}, now: time.Now}
	},
	"redis that is full": func(t testing.TB) subject {
		s := redistest.New(t, redistest.Options{})
		link := redistest.Open(t, s.URL())
		s.Do("CONFIG", "SET", "maxmemory", "1")
		return subject{limiters: []ratelimit.Limiter{ratelimit.NewRedis(link, ratelimit.NewMemory(time.Now))}, now: time.Now}
	},
}

// A clock goes on when it is told to.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// pass lets d go by.
func (s subject) pass(t *testing.T, d time.Duration) {
	if s.advance != nil {
		s.advance(d)
		return
	}
	end := s.now().Add(d)
	eventually(t, "time passes", func() bool { return s.now().After(end) })
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(patience); !ok(); <-again.C {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}

func TestConformance(t *testing.T) {
	for name, begin := range subjects {
		for what, test := range map[string]func(*testing.T, subject){
			"states": testStates, "the end of a window": testWindowEnd, "refused calls": testRefusedCalls, "no limit": testOff,
			"callers": testCallers, "many at a time": testManyAtATime, "any calls": testAnyCalls, "callers who left": testCallersWhoLeft,
			"attempts": testAttempts, "attempts that succeed": testRightAttempts, "attempts of two keys": testTwoKeys,
		} {
			t.Run(name+"/"+what, func(t *testing.T) { test(t, begin(t)) })
		}
	}
}

// near says that a Reset is what is left of a window, up to the time a test takes.
func near(got, window time.Duration) bool { return got > window-patience && got <= window }

func testStates(t *testing.T, s subject) {
	ctx, r := t.Context(), ratelimit.Rule{Name: "read", Count: 3, Window: time.Hour}
	for i, step := range []struct {
		take            bool
		ok              bool
		used, remaining int
	}{
		{false, true, 0, 3},
		{true, true, 1, 2},
		{false, true, 1, 2},
		{true, true, 2, 1},
		{true, true, 3, 0},
		{false, false, 3, 0},
		{true, false, 4, 0},
		{false, false, 4, 0},
	} {
		l := s.limiters[0]
		got := l.Peek(ctx, r, "amra")
		if step.take {
			got = l.Take(ctx, r, "amra")
		}
		if got.OK != step.ok || got.Limit != 3 || got.Used != step.used || got.Remaining() != step.remaining {
			t.Errorf("step %d: %+v, want %+v", i, got, step)
		}
		if i == 0 && got.Reset != 0 || i > 0 && !near(got.Reset, time.Hour) {
			t.Errorf("step %d: reset %s", i, got.Reset)
		}
	}
}

func testWindowEnd(t *testing.T, s subject) {
	ctx, r := t.Context(), ratelimit.Rule{Name: "read", Count: 1, Window: 300 * time.Millisecond}
	l := s.limiters[0]
	for range 2 {
		began := s.now()
		first := l.Take(ctx, r, "amra")
		if !first.OK || first.Used != 1 || first.Reset <= 0 || first.Reset > r.Window {
			t.Fatalf("%+v", first)
		}
		eventually(t, "the window is over", func() bool {
			s.pass(t, 7*time.Millisecond)
			return l.Peek(ctx, r, "amra").OK
		})
		if took := s.now().Sub(began); took < r.Window-10*time.Millisecond {
			t.Errorf("a window of %s was over after %s", r.Window, took)
		}
		if got := l.Peek(ctx, r, "amra"); got.Used != 0 || got.Reset != 0 {
			t.Errorf("after the window: %+v", got)
		}
	}
}

// testRefusedCalls looks whether somebody who goes on calling gets through again.
func testRefusedCalls(t *testing.T, s subject) {
	ctx, r := t.Context(), ratelimit.Rule{Name: "read", Count: 1, Window: 300 * time.Millisecond}
	l := s.limiters[0]
	if !l.Take(ctx, r, "amra").OK {
		t.Fatal("refused")
	}
	eventually(t, "it gets through again", func() bool {
		s.pass(t, 7*time.Millisecond)
		return l.Take(ctx, r, "amra").OK
	})
}

func testOff(t *testing.T, s subject) {
	for _, r := range []ratelimit.Rule{{}, {Name: "read", Window: time.Hour}, ratelimit.Rule{Name: "read"}.Times(10), {Name: "read", Count: 5}} {
		for range 100 {
			got, peeked := s.limiters[0].Take(t.Context(), r, "amra"), s.limiters[0].Peek(t.Context(), r, "amra")
			if want := (ratelimit.State{OK: true}); got != want || peeked != want {
				t.Fatalf("%+v: %+v %+v", r, got, peeked)
			}
		}
	}
}

// testCallers looks whether callers and rules are kept apart.
func testCallers(t *testing.T, s subject) {
	ctx := t.Context()
	rules := []ratelimit.Rule{{Name: "read", Count: 2, Window: time.Hour}, {Name: "write", Count: 2, Window: time.Hour}}
	long := strings.Repeat("x", 10_000)
	for _, who := range []string{
		"amra", "Amra", "", " ", "*", "a:b", "a\x00b", "a\r\nb", "čćž", "\xff\xfe", "2001:db8::/64", "{a}", "KEYS[1]", "' .. x", long, long + "y", long[1:],
		strings.Repeat("x", 64), strings.Repeat("x", 65),
	} {
		for _, r := range rules {
			for i := range 3 {
				if got := s.limiters[0].Take(ctx, r, who); got.Used != i+1 || got.OK != (i < 2) {
					t.Fatalf("%s of %.20q: %+v in call %d", r.Name, who, got, i+1)
				}
			}
		}
	}
}

func testManyAtATime(t *testing.T, s subject) {
	ctx, r := t.Context(), ratelimit.Rule{Name: "read", Count: 137, Window: time.Hour}
	var allowed atomic.Int32
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			for range 20 {
				if s.limiters[i%len(s.limiters)].Take(ctx, r, "amra").OK {
					allowed.Add(1)
				}
			}
		})
	}
	if wg.Wait(); allowed.Load() != 137 {
		t.Errorf("%d of 1000 calls were allowed, want 137", allowed.Load())
	}
}

// testAnyCalls compares what happens with a model.
func testAnyCalls(t *testing.T, s subject) {
	round := 0
	rapid.Check(t, func(t *rapid.T) {
		round++
		type window struct {
			used int
			ends time.Time
		}
		model := map[string]window{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			r := ratelimit.Rule{Name: rapid.SampledFrom([]string{"read", "write"}).Draw(t, "rule"), Count: 4, Window: time.Hour}
			who := rapid.SampledFrom([]string{"amra", "benjo"}).Draw(t, "who")
			id := r.Name + who
			if s.advance != nil {
				s.advance(time.Duration(rapid.IntRange(0, 30).Draw(t, "minutes")) * time.Minute)
			}
			w := model[id]
			if !w.ends.After(s.now()) {
				w = window{}
			}
			var got ratelimit.State
			ok := w.used < 4
			key := fmt.Sprint(who, round)
			if rapid.Bool().Draw(t, "take") {
				if w.used++; w.used == 1 {
					w.ends = s.now().Add(r.Window)
				}
				model[id] = w
				got = s.limiters[0].Take(context.Background(), r, key)
			} else {
				got = s.limiters[0].Peek(context.Background(), r, key)
			}
			if got.OK != ok || got.Used != w.used || got.Limit != 4 || s.advance != nil && w.used > 0 && got.Reset != w.ends.Sub(s.now()) {
				t.Fatalf("%+v, want %v and %+v", got, ok, w)
			}
		}
	})
}

func testCallersWhoLeft(t *testing.T, s subject) {
	r := ratelimit.Rule{Name: "read", Count: 2, Window: time.Hour}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 3 {
		if got := s.limiters[0].Take(gone, r, "amra"); got.Used != i+1 || got.OK != (i < 2) {
			t.Errorf("call %d: %+v", i+1, got)
		}
	}
}
