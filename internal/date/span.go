package date

// A Span is the days from Start up to, but not including, End.
type Span struct {
	Start Date `json:"start"`
	End   Date `json:"end" doc:"The first day after it."`
}

// Between returns the span from start to end. Where both are the same day, or
// end comes first, it is that one day.
func Between(start, end Date) Span { return Span{start, Later(end, start.Add(1))} }

// Days returns how many days s has.
func (s Span) Days() int { return s.Start.DaysUntil(s.End) }

// Overlaps reports whether s and o share a day.
func (s Span) Overlaps(o Span) bool { return s.Start.Before(o.End) && o.Start.Before(s.End) }

// Contains reports whether d is one of the days of s.
func (s Span) Contains(d Date) bool { return !d.Before(s.Start) && d.Before(s.End) }

// Until returns how many days of s lie before d.
func (s Span) Until(d Date) int { return max(0, s.Start.DaysUntil(Earlier(d, s.End))) }

func (s Span) String() string { return s.Start.String() + " to " + s.End.String() }
