package money_test

import (
	"encoding/json"
	"math/big"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"cartracker/internal/money"
)

func amounts() *rapid.Generator[money.Amount] {
	return rapid.Map(rapid.Int64Range(-money.MaxMinor, money.MaxMinor), money.Minor)
}

func TestParse(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "-0": 0, "0.0": 0, "-0.00": 0, "0e30": 0,
		"1": 100, "-1": -100, "55": 5500, "55.5": 5550, "55.50": 5550, "55.05": 5505, "-0.01": -1,
		"1e2": 100_00, "1E2": 100_00, "1e+2": 100_00, "1.2e3": 1200_00, "1e-2": 1, "1.2e-1": 12, "1.23456789e7": 1234567890,
		"9999999999999.99": money.MaxMinor, "-9999999999999.99": -money.MaxMinor,
		// JSON has no such numbers, but people type them into queries.
		"00.5": 50, "007": 700,
	} {
		got, err := money.Parse(in)
		if got != money.Minor(want) || err != nil {
			t.Errorf("Parse(%q) = %v, %v, want %d minor units", in, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		"", "-", "--1", "+1", ".", ".5", "5.", "-.5", "1.2.3", "1,5", "1 000", " 1", "1 ", "1_0", "0x10", "ab", "null", `"1"`,
		"NaN", "Infinity", "-inf", "٣", "1-1", "e", "e5", "1e", "1e+", "1e1.5", "1e1_0", "1ee5",
		"55.555", "0.000", "1e-3", "0.5e-2", "1e999", "1e31", "1e-999", "1e99999999999999999999",
		"9007199254740993", "10000000000000", "9999999999999.999", "1e13",
	} {
		if got, err := money.Parse(in); err == nil || got != (money.Amount{}) {
			t.Errorf("Parse(%q) = %v, %v", in, got, err)
		}
	}
}

func TestString(t *testing.T) {
	for minor, want := range map[int64]string{
		0: "0", 1: "0.01", -1: "-0.01", 10: "0.1", 99: "0.99", 100: "1", -5550: "-55.5", 5505: "55.05",
		money.MaxMinor: "9999999999999.99",
	} {
		if got := money.Minor(minor).String(); got != want {
			t.Errorf("%d minor units are %q, want %q", minor, got, want)
		}
	}
}

func TestRoundTrips(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := amounts().Draw(t, "a")
		if got, err := money.Parse(a.String()); got != a || err != nil {
			t.Fatalf("Parse(%v) = %v, %v", a, got, err)
		}
		b, err := json.Marshal(map[string]any{"price": a})
		if err != nil {
			t.Fatal(err)
		}
		var back struct{ Price money.Amount }
		if err := json.Unmarshal(b, &back); back.Price != a || err != nil {
			t.Fatalf("%s is read as %v, %v", b, back.Price, err)
		}
		// A client that reads floats and writes the shortest that is the same loses nothing.
		f, _ := strconv.ParseFloat(a.String(), 64)
		if got, err := money.Parse(strconv.FormatFloat(f, 'g', -1, 64)); got != a || err != nil {
			t.Fatalf("%v comes back from a float as %v, %v", a, got, err)
		}
		stored, _ := a.Value()
		var scanned money.Amount
		if err := scanned.Scan(stored); scanned != a || err != nil {
			t.Fatalf("%v is stored as %v and read as %v, %v", a, stored, scanned, err)
		}
		if r := rat(a.String()); r.Cmp(big.NewRat(a.Minor(), 100)) != 0 {
			t.Fatalf("%d minor units are written %v", a.Minor(), a)
		}
	})
}

func rat(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic("not a number: " + s)
	}
	return r
}

// Parse takes a number exactly, or not at all; and takes all with two decimals
// that fit.
func TestParseIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`-?[0-9]{1,16}(\.[0-9]{1,4})?([eE][+-]?[0-9]{1,2})?`).Draw(t, "s")
		checkExact(t, s)
		plain := rapid.StringMatching(`-?[0-9]{1,13}(\.[0-9]{1,2})?`).Draw(t, "plain")
		if _, err := money.Parse(plain); err != nil {
			t.Fatalf("Parse(%q): %v", plain, err)
		}
	})
}

func checkExact(t interface{ Fatalf(string, ...any) }, s string) {
	a, err := money.Parse(s)
	if err != nil {
		return
	}
	if rat(s).Cmp(big.NewRat(a.Minor(), 100)) != 0 {
		t.Fatalf("Parse(%q) = %d minor units", s, a.Minor())
	}
	if max(a.Minor(), -a.Minor()) > money.MaxMinor {
		t.Fatalf("Parse(%q) = %d minor units, which is too much", s, a.Minor())
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"0", "1e999", "55.555", "0.000", "-0", "9007199254740993", "1e-2", ".5", "5.", "00.5", "+1", "1_0", "1.2e3", "-55.05", "9999999999999.99",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkExact(t, s)
		if a, err := money.Parse(s); err == nil {
			if again, err := money.Parse(a.String()); again != a || err != nil {
				t.Errorf("Parse(%q) = %v, which is read as %v, %v", s, a, again, err)
			}
		}
	})
}
