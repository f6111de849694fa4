package sheet

// lines counts the lines of a file while it is passed over.
type lines struct {
	lf, cr int
	since  int // bytes since the last end of a line
}

// A place in a file, counted in line ends of both kinds: which kind counts is
// known at the end only.
type place struct {
	seen   bool
	lf, cr int
}

// pass counts one character of n bytes, and refuses a line of more than limit.
func (l *lines) pass(c rune, n, limit int) error {
	switch c {
	case '\n':
		l.lf, l.since = l.lf+1, 0
		return nil
	case '\r':
		l.cr, l.since = l.cr+1, 0
		return nil
	}
	if l.since += n; l.since > limit {
		return refuse(l.line(place{lf: l.lf, cr: l.cr}), "is longer than 1 MiB")
	}
	return nil
}

// note remembers where the pass is, the first time.
func (l *lines) note(p *place) {
	if !p.seen {
		*p = place{true, l.lf, l.cr}
	}
}

// line returns the number of the line that p is on.
func (l *lines) line(p place) int {
	if l.lf == 0 {
		return p.cr + 1
	}
	return p.lf + 1
}
