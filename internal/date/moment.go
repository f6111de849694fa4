package date

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// A Moment is a point in time, to the microsecond. The zero Moment is none.
type Moment struct{ t time.Time }

const (
	momentJSON  = "2006-01-02T15:04:05.000Z" // RFC 3339, UTC, milliseconds
	momentStore = "2006-01-02 15:04:05.999999999-07:00"
)

// At returns the moment that t is.
func At(t time.Time) Moment { return Moment{t.UTC().Truncate(time.Microsecond)} }

// Time returns m in UTC.
func (m Moment) Time() time.Time { return m.t }

// IsZero reports whether m is none.
func (m Moment) IsZero() bool { return m.t.IsZero() }

// Add returns the moment d after m.
func (m Moment) Add(d time.Duration) Moment { return At(m.t.Add(d)) }

// Sub returns how long after o m is.
func (m Moment) Sub(o Moment) time.Duration { return m.t.Sub(o.t) }

// After reports whether m comes after o.
func (m Moment) After(o Moment) bool { return m.t.After(o.t) }

func (m Moment) String() string { return m.t.Format(momentJSON) }

// AppendJSON writes m as a JSON string behind b.
func (m Moment) AppendJSON(b []byte) []byte {
	hour, minute, second := m.t.Clock()
	b = append(appendDay(append(b, '"'), m.t), 'T')
	b = append(digits(b, hour, 2), ':')
	b = append(digits(b, minute, 2), ':')
	b = append(digits(b, second, 2), '.')
	return append(digits(b, m.t.Nanosecond()/int(time.Millisecond), 3), `Z"`...)
}

// MarshalText writes m as RFC 3339 in UTC with milliseconds.
func (m Moment) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// UnmarshalText reads RFC 3339.
func (m *Moment) UnmarshalText(b []byte) error {
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil {
		return fmt.Errorf("must be a moment such as %s", momentJSON)
	}
	*m = At(t)
	return nil
}

// Value stores m in UTC: SQLite compares moments as text.
func (m Moment) Value() (driver.Value, error) { return m.t, nil }

// Scan reads what either database returns for a moment.
func (m *Moment) Scan(src any) error {
	switch v := src.(type) {
	case time.Time:
		*m = At(v)
	case string: // SQLite
		t, err := time.Parse(momentStore, v)
		if err != nil {
			return fmt.Errorf("date: %w", err)
		}
		*m = At(t)
	default:
		return fmt.Errorf("date: cannot scan %T", src)
	}
	return nil
}
