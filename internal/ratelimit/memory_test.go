package ratelimit_test

import (
	"fmt"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/ratelimit"
)

// TestManyAddresses looks whether a caller who has many addresses fills the
// memory, or makes others be forgotten.
func TestManyAddresses(t *testing.T) {
	m := ratelimit.NewMemory(time.Now)
	api := ratelimit.Rule{Name: "api", Count: 1, Window: time.Hour}
	for i := range 100 {
		for range 5 {
			m.Take(t.Context(), auth, fmt.Sprint(i))
		}
	}
	before := heap()
	for i := range 300_000 {
		if got := m.Take(t.Context(), api, fmt.Sprintf("2001:db8:%x:%x::", i>>16, i&0xffff)); !got.OK {
			t.Fatalf("the first call of address %d: %+v", i, got)
		}
	}
	if grown := heap() - before; grown > 64<<20 {
		t.Errorf("grew by %d MiB", grown>>20)
	}
	for i := range 100 {
		if m.Peek(t.Context(), auth, fmt.Sprint(i)).OK {
			t.Errorf("%d was forgotten", i)
		}
	}
	remembered := 0
	for i := range 300_000 {
		if !m.Peek(t.Context(), api, fmt.Sprintf("2001:db8:%x:%x::", i>>16, i&0xffff)).OK {
			remembered++
		}
	}
	if remembered < 150_000 || remembered > 200_000 {
		t.Errorf("%d windows are kept", remembered)
	}
}

func heap() int64 {
	var s runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

// TestForgetting looks whether what is over goes first, and then what ends soonest.
func TestForgetting(t *testing.T) {
	c := &clock{now: time.Unix(1e9, 0)}
	m := ratelimit.NewMemory(c.Now)
	rule := func(window time.Duration) ratelimit.Rule {
		return ratelimit.Rule{Name: "api", Count: 1, Window: window}
	}
	for i := range 90_000 {
		m.Take(t.Context(), rule(24*time.Hour), fmt.Sprint("long", i))
	}
	for round := range 3 {
		for i := range 90_000 {
			m.Take(t.Context(), rule(time.Minute), fmt.Sprint("short", round, i))
		}
		c.advance(2 * time.Minute)
	}
	for i := range 90_000 {
		m.Take(t.Context(), rule(time.Hour), fmt.Sprint("middle", i))
	}
	for i := range 90_000 {
		if m.Peek(t.Context(), rule(24*time.Hour), fmt.Sprint("long", i)).OK {
			t.Fatalf("long %d was forgotten before what ends sooner", i)
		}
	}
}

func TestShorterWindow(t *testing.T) {
	c := &clock{now: time.Unix(1e9, 0)}
	m := ratelimit.NewMemory(c.Now)
	r := ratelimit.Rule{Name: "auth", Count: 1, Window: 24 * time.Hour}
	m.Take(t.Context(), r, "amra")
	r.Window = time.Minute
	if got := m.Peek(t.Context(), r, "amra"); got.OK || got.Reset != time.Minute {
		t.Errorf("%+v", got)
	}
	if got := m.Take(t.Context(), r, "amra"); got.OK || got.Used != 2 || got.Reset != time.Minute {
		t.Errorf("%+v", got)
	}
	c.advance(time.Minute)
	if got := m.Take(t.Context(), r, "amra"); !got.OK || got.Used != 1 {
		t.Errorf("%+v", got)
	}
}

func TestTimes(t *testing.T) {
	r := ratelimit.Rule{Name: "read", Count: 200, Window: time.Hour}
	for n, want := range map[int]int{1: 200, 10: 2000, math.MaxInt: math.MaxInt, 0: 0} {
		if got := r.Times(n); got.Count != want || got.Name != r.Name || got.Window != r.Window {
			t.Errorf("times %d: %+v", n, got)
		}
	}
}

func BenchmarkMemory(b *testing.B) {
	m := ratelimit.NewMemory(time.Now)
	r := ratelimit.Rule{Name: "read", Count: 100, Window: time.Hour}
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("01890a5d-ac96-774b-bcce-%012x", i)
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			m.Take(b.Context(), r, names[i%len(names)])
		}
	})
	b.Run("many", func(b *testing.B) {
		b.ReportAllocs()
		var begun atomic.Int32
		b.RunParallel(func(p *testing.PB) {
			for i := int(begun.Add(1)) * 1234; p.Next(); i++ {
				m.Take(b.Context(), r, names[i%len(names)])
			}
		})
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			m.Take(b.Context(), r, fmt.Sprintf("2001:db8:%x:%x::", i>>16, i&0xffff))
		}
	})
}
