package cli

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

const (
	drawEvery  = 100 * time.Millisecond // on a terminal
	writeEvery = 3 * time.Second        // elsewhere, where each line stays
	barWidth   = 30
)

// A meter shows how far something is: a bar on a terminal, else a line now and then.
type meter struct {
	out         io.Writer
	bar         bool
	what        string
	total, done int
	now         func() time.Time
	began, last time.Time
	drawn       bool
}

func newMeter(t Terminal, what string, total int, now func() time.Time) *meter {
	began := now()
	return &meter{out: t.Err, bar: t.ErrTerminal, what: what, total: total, now: now, began: began, last: began}
}

// at says that so many are done.
func (m *meter) at(done int) {
	m.done = done
	every := writeEvery
	if m.bar {
		every = drawEvery
	}
	if now := m.now(); now.Sub(m.last) >= every {
		m.last = now
		m.show()
	}
}

func (m *meter) show() {
	text := fmt.Sprintf("%s of %s %s, %s a second%s", grouped(m.done), grouped(m.total), m.what, grouped(m.rate()), m.left())
	if !m.bar {
		fmt.Fprintln(m.out, text)
		return
	}
	full := barWidth * m.done / max(m.total, 1)
	fmt.Fprintf(m.out, "\r[%s%s] %s\x1b[K", strings.Repeat("#", full), strings.Repeat("-", barWidth-full), text)
	m.drawn = true
}

// end clears the bar away: whoever comes next writes a line of its own.
func (m *meter) end() {
	if m.drawn {
		fmt.Fprint(m.out, "\r\x1b[K")
	}
}

func (m *meter) took() time.Duration { return m.now().Sub(m.began) }

// rate returns how many were done in a second.
func (m *meter) rate() int { return int(float64(m.done) / max(m.took().Seconds(), 1e-3)) }

func (m *meter) left() string {
	if m.done == 0 || m.done >= m.total {
		return ""
	}
	rest := time.Duration(float64(m.took()) * float64(m.total-m.done) / float64(m.done))
	return ", about " + roughly(rest) + " left"
}

// roughly writes a duration without what nobody asks for.
func roughly(d time.Duration) string {
	switch {
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < 2*time.Minute:
		return strconv.Itoa(int(d.Seconds())) + " s"
	}
	return strconv.Itoa(int(d.Round(time.Minute).Minutes())) + " min"
}

// grouped writes n with commas between the thousands.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
