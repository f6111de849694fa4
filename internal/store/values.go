package store

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// canonical is how a moment stands in SQLite, and so in a checksum.
const canonical = "2006-01-02 15:04:05.999999-07:00"

var errMisfit = errors.New("a value that does not fit its column")

// normal makes of what a driver returned for a column of kind k what the other
// database's driver takes: nil, a string, an int64, a bool or a time in UTC.
func (k Kind) normal(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case bool:
		if k == Truth {
			return v, nil
		}
	case int64:
		switch k {
		case Number:
			return v, nil
		case Truth:
			return v != 0, nil
		}
	case time.Time:
		switch k {
		case Moment:
			return v.UTC().Truncate(time.Microsecond), nil
		case Day:
			return v.UTC(), nil
		}
	case string:
		return k.parse(v)
	}
	return nil, fmt.Errorf("%w: %T", errMisfit, v)
}

// parse reads the text that SQLite has for a day or a moment.
func (k Kind) parse(text string) (any, error) {
	layout := canonical
	switch k {
	case Text:
		return text, nil
	case Day:
		layout = time.DateOnly
	case Moment:
	default:
		return nil, fmt.Errorf("%w: text", errMisfit)
	}
	t, err := time.Parse(layout, text)
	if err != nil {
		return nil, errMisfit // err quotes the value
	}
	return t.UTC().Truncate(time.Microsecond), nil
}

// encode appends v so that no two rows of different values look the same: each
// value begins with its length, and NULL with none. On SQLite, where days and
// moments are columns of text, the outcome is the same as on PostgreSQL.
func (k Kind) encode(to []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(to, '-')
	case string:
		return appendText(to, v)
	case int64:
		return appendText(to, strconv.FormatInt(v, 10))
	case bool:
		return appendText(to, strconv.FormatBool(v))
	case time.Time:
		if k == Day {
			return appendText(to, v.Format(time.DateOnly))
		}
		return appendText(to, v.Format(canonical))
	}
	return append(to, '?') // normal lets nothing else pass
}

func appendText(to []byte, text string) []byte {
	to = strconv.AppendInt(to, int64(len(text)), 10)
	return append(append(to, ':'), text...)
}
