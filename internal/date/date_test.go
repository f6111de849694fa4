package date_test

import (
	"encoding/json"
	"testing"
	"time"
	_ "time/tzdata" // so that zones are known on every machine

	"pgregory.net/rapid"

	"cartracker/internal/date"
)

// civil counts the days from 1970-01-01 to the given day without package time:
// Howard Hinnant's days_from_civil.
func civil(y, m, d int) int {
	if m <= 2 {
		y--
		m += 12
	}
	era := y / 400
	year := y - era*400
	day := (153*(m-3)+2)/5 + d - 1
	return era*146097 + year*365 + year/4 - year/100 + day - 719468
}

// A day is a Date and what it was made of.
type day struct {
	date.Date
	y, m, d int
}

func (d day) civil() int { return civil(d.y, d.m, d.d) }

// days generates every Date there is, leap days more often than they come.
func days() *rapid.Generator[day] {
	return rapid.Custom(func(t *rapid.T) day {
		y := rapid.IntRange(date.MinYear, date.MaxYear).Draw(t, "year")
		m := rapid.IntRange(1, 12).Draw(t, "month")
		last := civil(y+m/12, m%12+1, 1) - civil(y, m, 1)
		d := rapid.OneOf(rapid.IntRange(1, last), rapid.Just(last)).Draw(t, "day")
		return day{date.New(y, time.Month(m), d), y, m, d}
	})
}

func TestParse(t *testing.T) {
	for _, in := range []string{"2026-05-31", "1900-01-01", "2999-12-31", "2028-02-29", "2000-02-29"} {
		if d, err := date.Parse(in); err != nil || d.String() != in {
			t.Errorf("Parse(%q) = %v, %v", in, d, err)
		}
	}
	for _, in := range []string{
		"", "2027-02-29", "2100-02-29", "1900-02-29", "0000-01-01", "0001-01-01", "1899-12-31", "3000-01-01", "9999-12-31", "10000-01-01",
		"2026-00-01", "2026-13-01", "2026-01-00", "2026-01-32", "2026-04-31", "2026-5-31", "26-05-31", "2026-05-3", "-2026-05-31", "+2026-05-31",
		"2026/05/31", "31.05.2026", "20260531", "2026-05-31T00:00:00Z", "2026-05-31 ", " 2026-05-31", "2026-05-31\n", "２０２６-05-31", "today",
	} {
		if d, err := date.Parse(in); err == nil || !d.IsZero() {
			t.Errorf("Parse(%q) = %v, %v", in, d, err)
		}
	}
}

func TestCounting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, e := days().Draw(t, "d"), days().Draw(t, "e")
		n := e.civil() - d.civil()
		if got := d.DaysUntil(e.Date); got != n {
			t.Fatalf("from %v until %v are %d days, want %d", d, e, got, n)
		}
		if got := d.Add(n); got != e.Date {
			t.Fatalf("%v and %d days = %v, want %v", d, n, got, e)
		}
		if d.Before(e.Date) != (n > 0) || d.After(e.Date) != (n < 0) || d.Year() != d.y {
			t.Fatalf("%v, %v: before %v, after %v, year %d", d, e, d.Before(e.Date), d.After(e.Date), d.Year())
		}
		first, last := date.Earlier(d.Date, e.Date), date.Later(d.Date, e.Date)
		if last.Before(first) || first != d.Date && first != e.Date || last != d.Date && last != e.Date || first.DaysUntil(last) != max(n, -n) {
			t.Fatalf("of %v and %v, %v is earlier and %v later", d, e, first, last)
		}
	})
}

func TestDateRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := days().Draw(t, "d")
		if got, err := date.Parse(d.String()); got != d.Date || err != nil {
			t.Fatalf("Parse(%v) = %v, %v", d, got, err)
		}
		b, _ := json.Marshal(d.Date)
		var back date.Date
		if err := json.Unmarshal(b, &back); back != d.Date || err != nil {
			t.Fatalf("%s is read as %v, %v", b, back, err)
		}
		stored, _ := d.Value()
		zone := time.FixedZone("", rapid.IntRange(-12, 14).Draw(t, "zone")*3600)
		for _, src := range []any{stored, stored.(string) + " 00:00:00+00:00", time.Date(d.y, time.Month(d.m), d.d, 0, 0, 0, 0, zone)} {
			var scanned date.Date
			if err := scanned.Scan(src); scanned != d.Date || err != nil {
				t.Fatalf("%v is read as %v, %v", src, scanned, err)
			}
		}
	})
}

// The hold of the last day there is ends on a day that Parse refuses, and has
// to be readable all the same.
func TestScanTheDayAfterTheLast(t *testing.T) {
	last := date.New(date.MaxYear, 12, 31)
	end := date.Between(last, last).End
	stored, _ := end.Value()
	var got date.Date
	if err := got.Scan(stored); err != nil || got != end || got.String() != "3000-01-01" {
		t.Errorf("%v is read as %v, %v", stored, got, err)
	}
}

func TestScanRefuses(t *testing.T) {
	for _, src := range []any{nil, 20260531, "", "2026-05", "2027-02-29", "yesterday"} {
		var d date.Date
		if err := d.Scan(src); err == nil {
			t.Errorf("Scan(%#v) = %v", src, d)
		}
	}
	for _, in := range []string{`"2027-02-29"`, `""`, `20260531`, `"2026-05-31T00:00:00Z"`} {
		var d date.Date
		if err := json.Unmarshal([]byte(in), &d); err == nil {
			t.Errorf("%s is read as %v", in, d)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"2026-05-31", "2027-02-29", "2028-02-29", "0000-01-01", "9999-12-31", "2026-5-31", "+026-05-31", "-0", "1e999", "00.5", "1_0", "2026-05-31T00:00:00Z",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := date.Parse(s)
		switch {
		case err != nil && !d.IsZero():
			t.Errorf("Parse(%q) = %v and %v", s, d, err)
		case err == nil && (d.String() != s || d.Year() < date.MinYear || d.Year() > date.MaxYear):
			t.Errorf("Parse(%q) = %v", s, d)
		}
	})
}
