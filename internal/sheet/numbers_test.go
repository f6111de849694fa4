package sheet_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cartracker/internal/money"
	"cartracker/internal/sheet"
)

func TestInteger(t *testing.T) {
	for in, want := range map[string]int{
		"0": 0, "7": 7, "007": 7, "120500": 120500, "120.500": 120500, "120,500": 120500, "120 500": 120500, "120'500": 120500, "120’500": 120500,
		"120\u00a0500": 120500, "120\u202f500": 120500, " 5 ": 5, "\u00a05": 5, "-5": -5, "+5": 5, "−5": -5, "- 1.234": -1234, "1.234.567": 1234567, "1 234 567": 1234567,
		"120500.0": 120500, "0.0": 0, "1.2E+6": 1200000, "1e3": 1000, "120500.00000000001": 120500, "9223372036854775807": 1<<63 - 1,
	} {
		if got, err := sheet.Integer(in); got != want || err != nil {
			t.Errorf("Integer(%q) = %d, %v", in, got, err)
		}
	}
	for _, in := range []string{
		"", " ", "-", "x", "2O19", "12.5", "12,5", "1.25", "12.50", "1.2345", "1234.567", "0.500", "012.500", "1.234,5", "1.234,567.890", "1,234.567", ".500", "500.", "1..234",
		"1.23.456", "--5", "+-5", "5-", "5 km", "1 2", "1e-1", "1.5E+0", "1.255E0", "49.994999999999997", "1e999", "1e", "0x10", "٣", "99999999999999999999", "1E+300", "1 234.567",
	} {
		if got, err := sheet.Integer(in); err == nil {
			t.Errorf("Integer(%q) = %d", in, got)
		} else if len(in) > 1 && strings.Contains(err.Error(), in) {
			t.Errorf("Integer(%q) quotes: %v", in, err)
		}
	}
}

func TestAmount(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "50": 5000, "33,50": 3350, "33.5": 3350, "33,5": 3350, "0.50": 50, "0,5": 50, "1.250,00": 125000, "1,250.00": 125000, "1 250,00": 125000, "1 250.00": 125000,
		"1'250.00": 125000, "1’250,5": 125050, "1.250": 125000, "1,250": 125000, "1\u00a0250,00": 125000, "1\u202f250": 125000, "1.234.567": 123456700, "1.234.567,89": 123456789, "1234567,89": 123456789,
		"-20,00": -2000, "+5": 500, "−1": -100, "-0": 0, "50,00 KM": 5000, "KM 50": 5000, "50km": 5000, "€50": 5000, "-€50": -5000, "€-50": -5000, "-50 €": -5000, "50\u00a0€": 5000, "- 50 Km": -5000,
		"1.25E+3": 125000, "1.5e-1": 15, "0.1": 10, "1E2": 10000, "33.299999999999997": 3330, "0.10000000000000001": 10, "1249.9999999999999": 125000, "9999999999999,99": money.MaxMinor, "00012": 1200,
	} {
		if got, err := sheet.Amount(in, "KM", "€", ""); got.Minor() != want || err != nil {
			t.Errorf("Amount(%q) = %v, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{
		"": "is not an amount", "-": "is not an amount", "x": "is not an amount", "5 USD": "is not an amount", "KM": "is not an amount", "1,2,3": "is not an amount", "1.25.00": "is not an amount",
		"--5": "is not an amount", "-KM-5": "is not an amount", "5.": "is not an amount", ",5": "is not an amount", "1 2": "is not an amount", "KM 5 KM": "is not an amount", "1.2e": "is not an amount", "NaN": "is not an amount",
		"0.500": "is unclear", "0,500": "is unclear", "-0.500": "is unclear", "00,500": "is unclear", "012.345": "is unclear",
		"1.2345": "more than two decimals", "1250.500": "more than two decimals", "1 250,500": "more than two decimals", "1.255E+0": "more than two decimals", "0.33333333333333331": "more than two decimals", "0.005e0": "more than two decimals",
		"10000000000000": "is too large", "1E+300": "is too large", "1e999": "is not an amount", "99.999.999.999.999,00": "is too large", "1.234567890123456789e3": "is not an amount",
	} {
		got, err := sheet.Amount(in, "KM")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Amount(%q) = %v, %v, want %q", in, got, err, want)
		}
	}
}

func TestAmountRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := money.Minor(rapid.Int64Range(-money.MaxMinor, money.MaxMinor).Draw(t, "minor"))
		sign, n := "", a.Minor()
		if n < 0 {
			sign, n = "-", -n
		}
		for _, in := range []string{
			a.String(), strings.Replace(a.String(), ".", ",", 1), "KM " + a.String(), a.String() + " km",
			fmt.Sprintf("%s%s,%02d", sign, grouped(n/100, "."), n%100), fmt.Sprintf("%s%s.%02d", sign, grouped(n/100, ","), n%100), fmt.Sprintf("%s%s,%02d", sign, grouped(n/100, "\u00a0"), n%100),
			strconv.FormatFloat(float64(a.Minor())/100, 'e', -1, 64), strconv.FormatFloat(float64(a.Minor())/100, 'f', -1, 64),
		} {
			if got, err := sheet.Amount(in, "KM"); got != a || err != nil {
				t.Fatalf("Amount(%q) = %v, %v, want %v", in, got, err, a)
			}
		}
	})
}

func TestIntegerRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Range(0, 1<<62).Draw(t, "n")
		mark := rapid.SampledFrom([]string{"", ".", ",", " ", "'", "\u00a0", "\u202f"}).Draw(t, "mark")
		sign := rapid.SampledFrom([]string{"", "-", "+"}).Draw(t, "sign")
		want := int(n)
		if sign == "-" {
			want = -want
		}
		if got, err := sheet.Integer(sign + grouped(n, mark)); got != want || err != nil {
			t.Fatalf("Integer(%s%s) = %d, %v", sign, grouped(n, mark), got, err)
		}
	})
}

// grouped writes n in groups of three digits.
func grouped(n int64, mark string) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + mark + s[i:]
	}
	return s
}
