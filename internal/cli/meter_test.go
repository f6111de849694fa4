package cli

import (
	"strings"
	"testing"
	"time"
)

// watch shows how a thing of a million goes, a thousand in each tenth of a second.
func watch(t Terminal, steps int) *meter {
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	m := newMeter(t, "records", 1_000_000, func() time.Time { return now })
	for i := range steps {
		now = now.Add(100 * time.Millisecond)
		m.at(1000 * (i + 1))
	}
	m.end()
	return m
}

func TestMeterLines(t *testing.T) {
	var out strings.Builder
	m := watch(Terminal{Err: &out}, 61)
	want := "30,000 of 1,000,000 records, 10,000 a second, about 97 s left\n60,000 of 1,000,000 records, 10,000 a second, about 94 s left\n"
	if out.String() != want || m.rate() != 10_000 || m.took() != 6100*time.Millisecond {
		t.Errorf("%q, %d, %v", out.String(), m.rate(), m.took())
	}
}

func TestMeterBar(t *testing.T) {
	var out strings.Builder
	watch(Terminal{Err: &out, ErrTerminal: true}, 500)
	drawn := strings.Split(out.String(), "\r")
	want := "[###############---------------] 500,000 of 1,000,000 records, 10,000 a second, about 50 s left\x1b[K"
	if len(drawn) != 502 || drawn[500] != want || drawn[501] != "\x1b[K" {
		t.Errorf("%d times, in the end %q", len(drawn), drawn[len(drawn)-2:])
	}
}

// What is over at once shows nothing.
func TestMeterQuick(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		var out strings.Builder
		if watch(Terminal{Err: &out, ErrTerminal: terminal}, 0); out.Len() > 0 {
			t.Errorf("%q", out.String())
		}
	}
}

func TestRoughly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0 s", 340 * time.Millisecond: "0.3 s", 59 * time.Second: "59 s", 119 * time.Second: "119 s", 150 * time.Second: "3 min", 3 * time.Hour: "180 min",
	} {
		if got := roughly(d); got != want {
			t.Errorf("%v is roughly %s, want %s", d, got, want)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1_234_567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is written %s, want %s", n, got, want)
		}
	}
}
