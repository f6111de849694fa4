package sheet_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cartracker/internal/date"
	"cartracker/internal/sheet"
)

func TestDay(t *testing.T) {
	for _, in := range []string{
		"2025-10-11", "11.10.2025", "11.10.2025.", "11. 10. 2025.", "11. 10. 2025", "11/10/2025", "11-10-2025", " 11.10.2025 ", "11.\u00a010.\u00a02025.",
		"2025-10-11 00:00:00", "2025-10-11T00:00:00", "2025-10-11T00:00:00Z", "2025-10-11T00:00:00.000", "11.10.2025 0:00:00", "11.10.2025. 00:00", "11/10/2025 00:00:00",
	} {
		for _, serial := range []bool{false, true} {
			if got, err := sheet.Day(in, serial); got != date.New(2025, 10, 11) || err != nil {
				t.Errorf("Day(%q) = %v, %v", in, got, err)
			}
		}
	}
	if got, err := sheet.Day("1.2.2025", false); got != date.New(2025, 2, 1) || err != nil {
		t.Errorf("Day(1.2.2025) = %v, %v", got, err)
	}
	for in, want := range map[string]string{
		"": "is not a day: write 2026-05-31 or 31.5.2026", "x": "is not a day", "10/25/2025": "no such month", "31.2.2025": "is not a day: ", "29.2.2025": "is not a day: ", "2025-02-30": "is not a day: ", "2025-13-01": "is not a day: ",
		"11.10.25": "two digits", "11/10/25": "two digits", "11-10-25": "two digits", "11.10.25.": "two digits", "2025/10/11": "is not a day", "2025.10.11": "is not a day", "2025-1-1": "is not a day", "25-10-11": "two digits",
		"11.10/2025": "is not a day", "11.10.": "is not a day", "2025-10-11 12:00:00": "is not a day", "2025-10-11 00:00:01": "is not a day", "0.1.2025": "is not a day", "1.0.2025": "is not a day", "1.1.1899": "is not a day: ", "3000-01-01": "is not a day: ",
		"45941": "is not a day", "٢٠٢٥-١٠-١١": "is not a day", "11.10.2025..": "is not a day", "October 11": "is not a day",
	} {
		if got, err := sheet.Day(in, false); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "31.5.2026") {
			t.Errorf("Day(%q) = %v, %v, want %q", in, got, err, want)
		}
	}
}

// The days that Excel shows for its numbers.
func TestSerialDay(t *testing.T) {
	for in, want := range map[string]date.Date{
		"1": date.New(1900, 1, 1), "59": date.New(1900, 2, 28), "61": date.New(1900, 3, 1), "45941": date.New(2025, 10, 11), "45941.0": date.New(2025, 10, 11), "25569": date.New(1970, 1, 1),
		"401768": date.New(2999, 12, 31),
	} {
		if got, err := sheet.Day(in, true); got != want || err != nil {
			t.Errorf("Day(%q) = %v, %v, want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"0", "60", "-1", "401769", "9999999", "99999999", "45941.5", "4,5941", "1e4"} {
		if got, err := sheet.Day(in, true); err == nil {
			t.Errorf("Day(%q) = %v", in, got)
		}
	}
}

func TestDayRoundTrip(t *testing.T) {
	from := time.Date(1900, 3, 1, 0, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 401768-61).Draw(t, "n")
		at := from.AddDate(0, 0, n)
		want := date.New(at.Date())
		for _, in := range []string{
			want.String(), strconv.Itoa(61 + n), at.Format("2.1.2006."), at.Format("02.01.2006"), at.Format("2. 1. 2006."), at.Format("2/1/2006"), at.Format("02-01-2006"), at.Format(time.DateTime),
		} {
			if got, err := sheet.Day(in, true); got != want || err != nil {
				t.Fatalf("Day(%q) = %v, %v, want %v", in, got, err, want)
			}
		}
	})
}
