package store

import (
	"testing"
	"time"
)

func TestLag(t *testing.T) {
	t.Parallel()
	zero := time.Now()
	after := func(ms int) time.Time { return zero.Add(time.Duration(ms) * time.Millisecond) }
	h := history{keep: time.Second}
	if d, exact := h.lag(100, after(0)); d != 0 || exact {
		t.Errorf("with no sample: %s %v", d, exact)
	}
	for _, s := range []struct {
		at Position
		ms int
	}{{100, 0}, {200, 100}, {200, 200}, {300, 300}} {
		h.add(s.at, "1", after(s.ms))
	}
	for _, tt := range []struct {
		what  string
		at    Position
		now   int
		lag   int
		exact bool
	}{
		{"behind all that is known", 99, 400, 400, false},
		{"at the first", 100, 400, 400, true},
		{"between", 199, 400, 400, true},
		{"where the primary stood still", 200, 400, 200, true},
		{"before the newest", 299, 400, 200, true},
		{"at the newest", 300, 400, 100, true},
		{"past it", 301, 400, 100, true},
		{"by a look that began before the sample", 301, 250, 0, true},
	} {
		if d, exact := h.lag(tt.at, after(tt.now)); d != time.Duration(tt.lag)*time.Millisecond || exact != tt.exact {
			t.Errorf("%s: %s %v", tt.what, d, exact)
		}
	}
	h.add(400, "1", after(1300)) // what is more than a second older is forgotten
	if d, exact := h.lag(250, after(1300)); d != time.Second || exact {
		t.Errorf("what is forgotten: %s %v", d, exact)
	}
	for what, next := range map[string]struct {
		at       Position
		timeline string
	}{"another timeline": {500, "2"}, "a position that went back": {50, "1"}} {
		h := history{keep: time.Second}
		h.add(100, "1", after(0))
		h.add(next.at, next.timeline, after(100))
		if d, exact := h.lag(next.at-1, after(200)); exact || d != 100*time.Millisecond {
			t.Errorf("%s: %s %v", what, d, exact)
		}
	}
}
