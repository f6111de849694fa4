package sheet

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"cartracker/internal/money"
)

var (
	errInteger  = errors.New("is not a whole number")
	errAmount   = errors.New("is not an amount: write 1250.50 or 1.250,50")
	errDecimals = errors.New("has more than two decimals")
	errUnclear  = errors.New("is unclear: write an amount with two decimals, such as 0.50")
	errLarge    = errors.New("is too large")
)

// spaces makes plain characters of those that programs write instead of them.
var spaces = strings.NewReplacer("\u00a0", " ", "\u202f", " ", "\u2009", " ", "’", "'", "−", "-")

func tidy(s string) string { return strings.TrimSpace(spaces.Replace(s)) }

// Integer reads a whole number, also in groups of three digits: 120500, 120.500,
// 120,500, 120 500, 120'500. As programs store numbers, 120500.0 and 1.2E+6 are
// whole too.
func Integer(s string) (int, error) {
	s, negative := cutSign(tidy(s))
	if plain, ok := stored(s); ok {
		if s = plain; !isDigits(s) {
			return 0, errInteger
		}
	}
	if whole, ok := strings.CutSuffix(s, ".0"); ok && isDigits(whole) {
		s = whole
	}
	whole, fraction, err := split(s)
	if err != nil || fraction != "" {
		return 0, errInteger
	}
	n, err := strconv.Atoi(whole)
	if err != nil {
		return 0, errLarge
	}
	if negative {
		n = -n
	}
	return n, nil
}

// Amount reads an amount of money with a decimal point or comma, and with groups
// of three digits or without: 33.5, 33,50, 1.250,00, 1,250.00, 1 250,00. It has
// two decimals at most, so 1.250 is 1250; 0.500 is refused, for it could be
// meant either way. One of the units may be before or behind it: 50 KM, €50. A
// number as XLSX stores it is read to the 15 digits that it is exact to.
func Amount(s string, units ...string) (money.Amount, error) {
	unsigned, negative := cutSign(tidy(s))
	number := cutUnit(unsigned, units)
	if number != unsigned && unsigned == tidy(s) { // KM -50
		number, negative = cutSign(number)
	}
	if plain, ok := stored(number); ok {
		return exact(plain, negative)
	}
	whole, fraction, err := split(number)
	if err != nil {
		return money.Amount{}, err
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return exact(whole, negative)
}

// exact reads a decimal number with a point, and says what is wrong with it.
func exact(plain string, negative bool) (money.Amount, error) {
	whole, fraction, _ := strings.Cut(plain, ".")
	switch {
	case len(fraction) > 2:
		return money.Amount{}, errDecimals
	case len(strings.TrimLeft(whole, "0")) > 13:
		return money.Amount{}, errLarge
	}
	a, err := money.Parse(plain)
	if err != nil {
		return money.Amount{}, errAmount
	}
	if negative {
		a = money.Minor(-a.Minor())
	}
	return a, nil
}

func cutSign(s string) (rest string, negative bool) {
	if rest, ok := strings.CutPrefix(s, "-"); ok {
		return strings.TrimLeft(rest, " "), true
	}
	if rest, ok := strings.CutPrefix(s, "+"); ok {
		return strings.TrimLeft(rest, " "), false
	}
	return s, false
}

// cutUnit cuts one of the units off either end.
func cutUnit(s string, units []string) string {
	for _, u := range units {
		u = tidy(u)
		n := len(s) - len(u)
		switch {
		case u == "" || n < 0:
		case strings.EqualFold(s[n:], u):
			return strings.TrimSpace(s[:n])
		case strings.EqualFold(s[:len(u)], u):
			return strings.TrimSpace(s[len(u):])
		}
	}
	return s
}

var scientific = regexp.MustCompile(`^[0-9]+(?:\.([0-9]+))?([eE][+-]?[0-9]{1,3})?$`)

// stored reads a number as a program stores it and nobody writes it: with an
// exponent, or with the 16 or 17 digits that a binary fraction takes, as
// 33.299999999999997 for 33.3. It returns the decimal number of 15 digits.
func stored(s string) (plain string, ok bool) {
	m := scientific.FindStringSubmatch(s)
	if m == nil {
		return "", false
	}
	mantissa, _, _ := strings.Cut(strings.ToLower(s), "e")
	digits := len(strings.TrimLeft(strings.Replace(mantissa, ".", "", 1), "0"))
	if long := digits > 15 && len(m[1]) > 3; digits > 17 || !long && m[2] == "" {
		return "", false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return "", false
	}
	if f, err = strconv.ParseFloat(strconv.FormatFloat(f, 'e', 14, 64), 64); err != nil {
		return "", false
	}
	return strconv.FormatFloat(f, 'f', -1, 64), true
}

// split takes the separators out of a number. What is behind the last one is the
// fraction if it is a point or comma that is there once, and either not the only
// one or not followed by three digits: then it separates a group.
func split(s string) (whole, fraction string, err error) {
	last := strings.LastIndexAny(s, marks)
	if last < 0 {
		last = len(s)
		s += "."
	} else if last == len(s)-1 {
		return "", "", errAmount
	}
	head, mark, tail := s[:last], s[last:last+1], s[last+1:]
	first := strings.IndexAny(head, marks)
	switch {
	case strings.Trim(tail, digits) != "":
		return "", "", errAmount
	case mark == " " || mark == "'" || strings.Contains(head, mark):
		whole, err = ungroup(s, mark)
		return whole, "", err
	case first >= 0:
		whole, err = ungroup(head, head[first:first+1])
		return whole, tail, err
	case !isDigits(head):
		return "", "", errAmount
	case len(tail) != 3 || len(head) > 3:
		return head, tail, nil
	case head[0] == '0':
		return "", "", errUnclear
	}
	return head + tail, "", nil
}

const (
	digits = "0123456789"
	marks  = " '.,"
)

func isDigits(s string) bool { return s != "" && strings.Trim(s, digits) == "" }

// ungroup takes the marks out between groups of three digits. The first group
// has one to three, and no zero before them.
func ungroup(s, mark string) (string, error) {
	for i, group := range strings.Split(s, mark) {
		if !isDigits(group) || i > 0 && len(group) != 3 || i == 0 && (len(group) > 3 || group[0] == '0') {
			return "", errAmount
		}
	}
	return strings.ReplaceAll(s, mark, ""), nil
}
