package date_test

import (
	"testing"

	"pgregory.net/rapid"

	"cartracker/internal/date"
)

// spans generates spans that are near enough to touch, overlap or miss each other.
func spans() *rapid.Generator[date.Span] {
	return rapid.Custom(func(t *rapid.T) date.Span {
		start := near().Draw(t, "start")
		return date.Between(start, start.Add(rapid.IntRange(0, 12).Draw(t, "days")))
	})
}

func near() *rapid.Generator[date.Date] {
	return rapid.Map(rapid.IntRange(0, 20), date.New(2028, 2, 20).Add)
}

func TestBetween(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := days().Draw(t, "a"), days().Draw(t, "b")
		s := date.Between(a.Date, b.Date)
		if s.Start != a.Date || s.Days() != max(1, b.civil()-a.civil()) {
			t.Fatalf("Between(%v, %v) is %v, %d days", a, b, s, s.Days())
		}
	})
}

// What a span says of itself is what counting its days says.
func TestSpanDays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, o, d := spans().Draw(t, "s"), spans().Draw(t, "o"), near().Draw(t, "d")
		all, before, shared := 0, 0, 0
		for day := s.Start; day.Before(s.End); day = day.Add(1) {
			all++
			if day.Before(d) {
				before++
			}
			if o.Contains(day) {
				shared++
			}
			if !s.Contains(day) {
				t.Fatalf("%v does not contain %v", s, day)
			}
		}
		if s.Days() != all || s.Until(d) != before {
			t.Fatalf("%v has %d days, want %d; %d before %v, want %d", s, s.Days(), all, s.Until(d), d, before)
		}
		if s.Overlaps(o) != (shared > 0) || o.Overlaps(s) != s.Overlaps(o) {
			t.Fatalf("%v overlaps %v: %v, with %d days in both", s, o, s.Overlaps(o), shared)
		}
		if s.Contains(s.End) || s.Contains(s.Start.Add(-1)) {
			t.Fatalf("%v contains a day beside it", s)
		}
	})
}

// Neighbours do not overlap, and a span is the sum of its parts.
func TestSpanParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := spans().Draw(t, "s")
		cut := s.Start.Add(rapid.IntRange(0, s.Days()).Draw(t, "cut"))
		first, rest := date.Span{Start: s.Start, End: cut}, date.Span{Start: cut, End: s.End}
		if first.Overlaps(rest) || first.Days()+rest.Days() != s.Days() || s.Until(cut) != first.Days() {
			t.Fatalf("%v cut at %v: %v and %v", s, cut, first, rest)
		}
		if s.Until(s.Start) != 0 || s.Until(s.End) != s.Days() || s.Until(s.End.Add(5)) != s.Days() || s.Until(s.Start.Add(-5)) != 0 {
			t.Fatalf("%v until its ends: %d, %d", s, s.Until(s.Start), s.Until(s.End))
		}
	})
}

func TestSpanString(t *testing.T) {
	s := date.Between(date.New(2026, 5, 31), date.New(2026, 6, 2))
	if got := s.String(); got != "2026-05-31 to 2026-06-02" {
		t.Errorf("String = %q", got)
	}
}
