package date_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cartracker/internal/date"
)

func moments() *rapid.Generator[date.Moment] {
	return rapid.Map(rapid.Int64Range(-2e15, 32e15), func(µs int64) date.Moment { return date.At(time.UnixMicro(µs)) })
}

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// The nights on which clocks change, and the ends of days, in Sarajevo.
func TestIn(t *testing.T) {
	sarajevo := zone(t, "Europe/Sarajevo")
	for at, want := range map[string]string{
		"2026-03-28T22:59:59Z": "2026-03-28", "2026-03-28T23:00:00Z": "2026-03-29", // spring: 02:00 becomes 03:00
		"2026-03-29T00:59:59Z": "2026-03-29", "2026-03-29T01:00:00Z": "2026-03-29",
		"2026-03-29T21:59:59Z": "2026-03-29", "2026-03-29T22:00:00Z": "2026-03-30",
		"2026-10-24T21:59:59Z": "2026-10-24", "2026-10-24T22:00:00Z": "2026-10-25", // autumn: 03:00 becomes 02:00
		"2026-10-25T22:59:59Z": "2026-10-25", "2026-10-25T23:00:00Z": "2026-10-26",
		"2025-12-31T23:00:00Z": "2026-01-01", "2028-02-28T23:00:00Z": "2028-02-29",
	} {
		var m date.Moment
		if err := m.UnmarshalText([]byte(at)); err != nil {
			t.Fatal(err)
		}
		if got := date.In(sarajevo, m); got.String() != want {
			t.Errorf("in Sarajevo it is %v at %s, want %s", got, at, want)
		}
	}
}

// A day has 23 to 25 hours and begins once, also where clocks change at
// midnight, and wherever this program runs.
func TestDaysFollowEachOther(t *testing.T) {
	was := time.Local
	t.Cleanup(func() { time.Local = was })
	for _, local := range []string{"UTC", "America/New_York", "Pacific/Kiritimati"} {
		time.Local = zone(t, local)
		for _, name := range []string{"Europe/Sarajevo", "UTC", "Asia/Beirut", "Africa/Cairo", "America/Santiago", "America/Havana", "Australia/Lord_Howe"} {
			z := zone(t, name)
			for d := date.New(2024, 1, 1); d.Year() < 2029; d = d.Add(1) {
				begins := d.Begins(z)
				hours := d.Add(1).Begins(z).Sub(begins)
				if date.In(z, begins) != d || date.In(z, begins.Add(-time.Microsecond)) != d.Add(-1) || hours < 23*time.Hour || hours > 25*time.Hour {
					t.Errorf("in %s, %v begins at %v and has %v", name, d, begins, hours)
				}
			}
		}
	}
}

func TestMomentRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := moments().Draw(t, "m")
		b, _ := json.Marshal(m)
		var back date.Moment
		if err := json.Unmarshal(b, &back); back != date.At(m.Time().Truncate(time.Millisecond)) || err != nil {
			t.Fatalf("%s is read as %v, %v", b, back, err)
		}
		stored, _ := m.Value()
		at := time.FixedZone("", rapid.IntRange(-12, 14).Draw(t, "zone")*3600)
		for _, src := range []any{stored, m.Time().In(at), m.Time().In(at).Format("2006-01-02 15:04:05.999999999-07:00")} {
			var scanned date.Moment
			if err := scanned.Scan(src); scanned != m || err != nil {
				t.Fatalf("%v is read as %v, %v", src, scanned, err)
			}
		}
	})
}

func TestMomentSums(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := moments().Draw(t, "m")
		d := time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, "d"))
		later := m.Add(d)
		if later != date.At(later.Time()) {
			t.Fatalf("%v and %v is finer than a microsecond", m, d)
		}
		if off := later.Sub(m) - d; off > 0 || off <= -time.Microsecond {
			t.Fatalf("%v and %v is %v later", m, d, later.Sub(m))
		}
		if later.After(m) != (later.Sub(m) > 0) || m.After(m) {
			t.Fatalf("%v after %v: %v", later, m, later.After(m))
		}
	})
}

func TestMomentString(t *testing.T) {
	m := date.At(time.Date(2026, 5, 31, 14, 3, 4, 5_999_999, time.FixedZone("", 7200)))
	if got := m.String(); got != "2026-05-31T12:03:04.005Z" {
		t.Errorf("String = %q", got)
	}
	if m.Time().Nanosecond() != 5_999_000 || !(date.Moment{}).IsZero() || m.IsZero() {
		t.Errorf("At keeps %d ns", m.Time().Nanosecond())
	}
}

func TestMomentRefuses(t *testing.T) {
	for _, in := range []string{"", "2026-05-31", "2026-05-31 12:00:00", "2026-05-31T12:00:00", "2026-02-30T12:00:00Z", "now"} {
		var m date.Moment
		if err := m.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("%q is read as %v", in, m)
		}
	}
	for _, src := range []any{nil, 5, "", "2026-05-31T12:00:00Z"} {
		var m date.Moment
		if err := m.Scan(src); err == nil {
			t.Errorf("Scan(%#v) = %v", src, m)
		}
	}
}

// What is written piece by piece is what the layouts say.
func TestAppendJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := date.At(time.UnixMicro(rapid.Int64Range(-62_000_000_000_000_000, 253_000_000_000_000_000).Draw(t, "at")))
		if got, want := string(at.AppendJSON(nil)), `"`+at.String()+`"`; got != want {
			t.Fatalf("the moment is written %s, want %s", got, want)
		}
		day := date.In(time.UTC, at)
		if got, want := string(day.AppendJSON([]byte("x"))), `x"`+day.String()+`"`; got != want {
			t.Fatalf("the day is written %s, want %s", got, want)
		}
	})
}
