// Package date has calendar days, which belong to no time zone, and moments,
// which are the same everywhere.
package date

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"time"
)

// The first and the last year that a Date may have.
const (
	MinYear = 1900
	MaxYear = 2999
)

// A Date is one calendar day from 1900-01-01 to 2999-12-31. The zero Date is no day.
type Date struct{ t time.Time }

var errDate = errors.New("must be a day written YYYY-MM-DD, from 1900-01-01 to 2999-12-31")

// New returns the given day.
func New(year int, month time.Month, day int) Date {
	return Date{time.Date(year, month, day, 0, 0, 0, 0, time.UTC)}
}

// In returns the calendar day that it is in zone at the moment at.
func In(zone *time.Location, at Moment) Date { return New(at.Time().In(zone).Date()) }

// Parse reads a day written as 2026-05-31.
func Parse(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < MinYear || t.Year() > MaxYear {
		return Date{}, errDate
	}
	return Date{t}, nil
}

func (d Date) String() string { return d.t.Format(time.DateOnly) }

// Append writes d as YYYY-MM-DD behind b.
func (d Date) Append(b []byte) []byte { return appendDay(b, d.t) }

// appendDay writes the day of t as YYYY-MM-DD. It takes a fifth of what
// time.AppendFormat takes, and long lists have hundreds of days.
func appendDay(b []byte, t time.Time) []byte {
	year, month, day := t.Date()
	b = append(digits(b, year, 4), '-')
	b = append(digits(b, int(month), 2), '-')
	return digits(b, day, 2)
}

// digits writes n, which is not negative, with so many digits.
func digits(b []byte, n, many int) []byte {
	for range many {
		b = append(b, '0')
	}
	for i := len(b) - 1; n > 0 && i >= len(b)-many; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}

// IsZero reports whether d is no day.
func (d Date) IsZero() bool { return d.t.IsZero() }

// After reports whether d comes after e.
func (d Date) After(e Date) bool { return d.t.After(e.t) }

// Before reports whether d comes before e.
func (d Date) Before(e Date) bool { return d.t.Before(e.t) }

// Year returns the year that d is in.
func (d Date) Year() int { return d.t.Year() }

// Add returns the day n days after d, or before it when n is negative.
func (d Date) Add(n int) Date { return Date{d.t.AddDate(0, 0, n)} }

// DaysUntil returns how many days lie between d and e. It counts in seconds, for
// a time.Duration ends after 292 years.
func (d Date) DaysUntil(e Date) int { return int((e.t.Unix() - d.t.Unix()) / (24 * 60 * 60)) }

// AppendJSON writes d as a JSON string behind b.
func (d Date) AppendJSON(b []byte) []byte { return append(d.Append(append(b, '"')), '"') }

// MarshalText writes d as YYYY-MM-DD.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads YYYY-MM-DD.
func (d *Date) UnmarshalText(b []byte) (err error) {
	*d, err = Parse(string(b))
	return err
}

// Value stores d as text on SQLite and as a DATE on PostgreSQL.
func (d Date) Value() (driver.Value, error) { return d.String(), nil }

// Scan reads what either database returns for a day. It may be one that Parse
// refuses: a span that ends with the last Date has the day after it as its End.
func (d *Date) Scan(src any) (err error) {
	switch v := src.(type) {
	case time.Time:
		*d = New(v.Date())
	case string:
		d.t, err = time.Parse(time.DateOnly, v[:min(len(v), len(time.DateOnly))])
	default:
		err = fmt.Errorf("date: cannot scan %T", src)
	}
	return err
}

// Later returns the later of d and e.
func Later(d, e Date) Date {
	if e.After(d) {
		return e
	}
	return d
}

// Earlier returns the earlier of d and e.
func Earlier(d, e Date) Date {
	if e.Before(d) {
		return e
	}
	return d
}

// Begins returns the moment at which d begins in zone.
func (d Date) Begins(zone *time.Location) Moment {
	t := time.Date(d.t.Year(), d.t.Month(), d.t.Day(), 0, 0, 0, 0, zone)
	if t.Day() != d.t.Day() { // clocks skip this midnight, and t is an hour before the day
		_, t = t.ZoneBounds()
	}
	return At(t)
}
