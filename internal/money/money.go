// Package money has amounts of money in whole minor units, never in floats.
package money

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxMinor is the largest amount in minor units, 15 digits: every number up to
// it survives a client that reads JSON numbers as 64-bit floats.
const MaxMinor = 999_999_999_999_999

// An Amount is a sum of money in minor units (cents, feninga) of the company's currency.
type Amount struct{ minor int64 }

var errAmount = errors.New("must be a number with at most two decimals and 15 digits")

// Minor returns the amount of n minor units.
func Minor(n int64) Amount { return Amount{n} }

// Minor returns a in minor units.
func (a Amount) Minor() int64 { return a.minor }

// Negative reports whether a is less than nothing.
func (a Amount) Negative() bool { return a.minor < 0 }

// More reports whether a is more than b.
func (a Amount) More(b Amount) bool { return a.minor > b.minor }

// Plus returns a + b.
func (a Amount) Plus(b Amount) Amount { return Amount{a.minor + b.minor} }

// Less returns a − b.
func (a Amount) Less(b Amount) Amount { return Amount{a.minor - b.minor} }

// Times returns n times a.
func (a Amount) Times(n int) Amount { return Amount{a.minor * int64(n)} }

// Share returns part/whole of a, rounded to the nearest minor unit, halves up.
// The whole is more than 0, the part is from 0 to the whole.
func (a Amount) Share(part, whole int) Amount {
	p, w := int64(part), int64(whole)
	each, rest := a.minor/w, a.minor%w // apart, so that nothing overflows
	if rest < 0 {
		each, rest = each-1, rest+w
	}
	return Amount{each*p + (2*rest*p+w)/(2*w)}
}

// Parse reads a decimal number as JSON writes them, such as 55.5, -3 or 1.2e3.
func Parse(s string) (Amount, error) {
	digits, negative := strings.CutPrefix(s, "-")
	mantissa, exp, err := cutExponent(digits)
	if err != nil {
		return Amount{}, err
	}
	whole, fraction, dotted := strings.Cut(mantissa, ".")
	if whole == "" || dotted && fraction == "" || strings.Trim(whole+fraction, "0123456789") != "" {
		return Amount{}, errAmount
	}
	minor, err := shift(whole+fraction, exp-len(fraction)+2)
	if negative {
		minor = -minor
	}
	return Amount{minor}, err
}

func cutExponent(s string) (mantissa string, exp int, err error) {
	i := strings.IndexAny(s, "eE")
	if i < 0 {
		return s, 0, nil
	}
	exp, err = strconv.Atoi(s[i+1:])
	if err != nil || exp < -30 || exp > 30 {
		return "", 0, errAmount
	}
	return s[:i], exp, nil
}

// shift returns digits × 10^places, which must be whole and at most MaxMinor.
func shift(digits string, places int) (int64, error) {
	digits = strings.TrimLeft(digits, "0")
	if digits == "" && places >= 0 {
		return 0, nil
	}
	if places < 0 || len(digits)+places > 15 {
		return 0, errAmount
	}
	n, err := strconv.ParseInt(digits+strings.Repeat("0", places), 10, 64)
	if err != nil {
		return 0, errAmount
	}
	return n, nil
}

// String writes a without needless zeros: 55, 55.5, 55.05.
func (a Amount) String() string { return string(a.AppendJSON(nil)) }

// AppendJSON writes a as a JSON number behind b.
func (a Amount) AppendJSON(b []byte) []byte {
	n := a.minor
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	b = strconv.AppendInt(b, n/100, 10)
	cents := n % 100
	if cents == 0 {
		return b
	}
	b = append(b, '.', byte('0'+cents/10))
	if cents%10 == 0 {
		return b
	}
	return append(b, byte('0'+cents%10))
}

// MarshalJSON writes a as a JSON number.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalJSON reads a JSON number. More than two decimals are an error.
func (a *Amount) UnmarshalJSON(b []byte) (err error) {
	*a, err = Parse(string(b))
	return err
}

// UnmarshalText reads an amount from a query parameter.
func (a *Amount) UnmarshalText(b []byte) error { return a.UnmarshalJSON(b) }

// Value stores a in minor units.
func (a Amount) Value() (driver.Value, error) { return a.minor, nil }

// Scan reads minor units.
func (a *Amount) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("money: cannot scan %T", src)
	}
	a.minor = n
	return nil
}
