package pages

import (
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"cartracker/internal/identity"
)

// TestStatusWords: each language says everything, and what the program has words
// for is said in both.
func TestStatusWords(t *testing.T) {
	same := []string{"PerSecond", "Nothing", "Day", "HourShort", "Minute", "Second", "Redis"}
	en, bs := reflect.ValueOf(englishStatus), reflect.ValueOf(bosnianStatus)
	for i := range en.NumField() {
		name := en.Type().Field(i).Name
		if en.Field(i).Kind() != reflect.String {
			continue
		}
		a, b := en.Field(i).String(), bs.Field(i).String()
		if a == "" || b == "" || a == b && !slices.Contains(same, name) {
			t.Errorf("%s is %q in English, %q in Bosnian", name, a, b)
		}
	}
	for word := range englishStatus.Pools {
		if bosnianStatus.Pools[word] == "" {
			t.Errorf("the pool %s has no name", word)
		}
	}
	for word := range englishStatus.CarStates {
		if bosnianStatus.CarStates[word] == "" {
			t.Errorf("the status %s has no name", word)
		}
	}
	if got := in(bosnianStatus.Whys, "something new"); got != "something new" {
		t.Errorf("what is not known is said as %q", got)
	}
}

func TestDraw(t *testing.T) {
	gap := math.NaN()
	for what, c := range map[string]struct {
		curve      []float64
		line, area string
	}{
		"nothing":          {nil, "", ""},
		"nothing known":    {[]float64{gap, gap}, "", ""},
		"a line":           {[]float64{0, 5, 10}, "M2 100L3 50L4 0", "M2 100L2 100L3 50L4 0L4 100Z"},
		"a gap":            {[]float64{10, 10, gap, 2.5, 2.5}, "M0 0L1 0M3 75L4 75", "M0 100L0 0L1 0L1 100ZM3 100L3 75L4 75L4 100Z"},
		"a dot":            {[]float64{gap, 5, gap}, "M3 50h.1", "M3 100L3 50L3 100Z"},
		"out of the chart": {[]float64{-5, 50, math.Inf(1)}, "M2 100L3 0L4 0", "M2 100L2 100L3 0L4 0L4 100Z"},
	} {
		var got chart
		if got.draw(c.curve, 5, 10); got.Line != c.line || got.Area != c.area {
			t.Errorf("%s: %s and %s", what, got.Line, got.Area)
		}
	}
}

func TestTop(t *testing.T) {
	for want, curve := range map[float64][]float64{1: {0, .3}, 2: {1.2}, 5: {5, math.NaN()}, 10: {7, math.Inf(1)}, 200: {120}, 1000: {1000}} {
		if got := top(curve, 1); got != want {
			t.Errorf("%v: %v, want %v", curve, got, want)
		}
	}
	if got := top(nil, .01); got != .01 {
		t.Errorf("of nothing: %v", got)
	}
}

func TestOver(t *testing.T) {
	got := over(2, share, []float64{0, 1, 1, 0}, []float64{0, 0, 1, 0})
	if !math.IsNaN(got[0]) || !slices.Equal(got[1:], []float64{100, 200.0 / 3, 50}) {
		t.Errorf("%v", got)
	}
}

func TestNumbers(t *testing.T) {
	en, bs := newStatusView(Status{}, identity.English), newStatusView(Status{}, identity.Bosnian)
	for want, got := range map[string]string{
		"1,234,567.50": en.Number(1234567.5, 2), "1.234.567,50": bs.Number(1234567.5, 2), "999": en.Number(999, 0), "1,000": en.Number(1000, 0),
		"-1,234": en.Number(-1234, 0), "–": en.Number(math.NaN(), 2), "0.4 ms": en.Seconds(.0004), "12 ms": en.Seconds(.012), "1,3 s": bs.Seconds(1.26),
		"1.0 s": en.Seconds(.9999), "10 ms": en.Seconds(.00999), "2 min 5 s": en.Seconds(125), "512 KiB": en.Bytes(512 << 10), "1,5 MiB": bs.Bytes(3 << 19), "3 d 4 h": en.Long(76*time.Hour + time.Minute),
		"0 s": en.Long(0), "59 s": en.Long(59 * time.Second), "1 h 0 min": en.Long(time.Hour), "80 %": en.percent(80), "nothing was asked": en.Hits(),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// TestTiles: what is not well is seen at a glance.
func TestTiles(t *testing.T) {
	well := func() Status {
		return Status{
			Database: Database{Up: true}, Redis: Redis{State: "connected"}, Queue: &Queue{}, Instances: []Instance{{State: "ready", This: true}},
			Replicas: []Replica{{InUse: true}}, Hour: Hour{Hits: []float64{80}, Misses: []float64{20}},
		}
	}
	looks := func(s Status) (out [6]string) {
		for i, t := range newStatusView(s, identity.English).Tiles {
			out[i] = t.Look
		}
		return out
	}
	all := [6]string{good, good, good, good, good, good}
	if got := looks(well()); got != all {
		t.Errorf("well: %v", got)
	}
	for what, c := range map[string]struct {
		tile int
		look string
		make func(*Status)
	}{
		"stopping":      {0, bad, func(s *Status) { s.Instances[0].State = "stopping" }},
		"no database":   {1, bad, func(s *Status) { s.Database.Up = false }},
		"no replica":    {1, warn, func(s *Status) { s.Replicas[0].InUse = false }},
		"no Redis":      {2, bad, func(s *Status) { s.Redis.State = "down" }},
		"not counted":   {3, warn, func(s *Status) { s.Queue = nil }},
		"paused":        {3, warn, func(s *Status) { s.Queue.Paused = true }},
		"stuck":         {3, bad, func(s *Status) { s.Queue.Oldest = 6 * time.Minute }},
		"a failed mail": {3, warn, func(s *Status) { s.Queue.Failed = 1 }},
		"a cold cache":  {4, warn, func(s *Status) { s.Hour.Misses[0] = 21 }},
		"an error":      {5, bad, func(s *Status) { s.Errors = []Trouble{{Times: 1}} }},
	} {
		s, want := well(), all
		c.make(&s)
		want[c.tile] = c.look
		if got := looks(s); got != want {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
}
