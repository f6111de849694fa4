package sheet

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"cartracker/internal/date"
)

var (
	errDay       = errors.New("is not a day: write 2026-05-31 or 31.5.2026")
	errShortYear = errors.New("is not a day, for its year has two digits: write 2026-05-31 or 31.5.2026")
	errMonth     = errors.New("is not a day, for it has no such month: write the day first, as 31.5.2026")
)

var (
	midnight  = regexp.MustCompile(`[T ]0{1,2}:00(?::00(?:\.0+)?)?Z?$`)
	yearFirst = regexp.MustCompile(`^([0-9]{4})-([0-9]{2})-([0-9]{2})$`)
	dayFirst  = regexp.MustCompile(`^([0-9]{1,2})(?:\. ?([0-9]{1,2})\. ?([0-9]{4}|[0-9]{2})\.?|/([0-9]{1,2})/([0-9]{4}|[0-9]{2})|-([0-9]{1,2})-([0-9]{4}|[0-9]{2}))$`)
	serialDay = regexp.MustCompile(`^([0-9]{1,7})(?:\.0+)?$`)
)

// Day reads a day: 2025-10-11, or with the day first 11.10.2025, 11. 10. 2025.,
// 11/10/2025, 11-10-2025. Midnight may follow. If serial, a number is a day as
// Excel counts from 1900.
func Day(s string, serial bool) (date.Date, error) {
	s = tidy(s)
	if m := serialDay.FindStringSubmatch(s); m != nil && serial {
		return fromSerial(m[1])
	}
	s = strings.TrimSpace(midnight.ReplaceAllString(s, ""))
	if m := yearFirst.FindStringSubmatch(s); m != nil {
		return civil(m[1], m[2], m[3])
	}
	m := dayFirst.FindStringSubmatch(s)
	if m == nil {
		return date.Date{}, errDay
	}
	month, year := m[2]+m[4]+m[6], m[3]+m[5]+m[7] // one of each is there
	switch n, err := strconv.Atoi(month); {
	case len(year) == 2:
		return date.Date{}, errShortYear
	case err != nil || n > 12:
		return date.Date{}, errMonth
	}
	return civil(year, month, m[1])
}

func civil(year, month, day string) (date.Date, error) {
	d, err := date.Parse(year + "-" + two(month) + "-" + two(day))
	if err != nil {
		return date.Date{}, errDay
	}
	return d, nil
}

func two(s string) string { return strings.Repeat("0", 2-len(s)) + s }

// fromSerial reads a day as Excel counts them: 1900-01-01 is 1, and 60 is a 29
// February 1900 that never was.
func fromSerial(s string) (date.Date, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n == 60 {
		return date.Date{}, errDay
	}
	if n > 60 {
		n--
	}
	d := date.New(date.MinYear, 1, 1).Add(n - 1)
	if d.Year() > date.MaxYear {
		return date.Date{}, errDay
	}
	return d, nil
}
