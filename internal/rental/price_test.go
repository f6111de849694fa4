package rental

import (
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"cartracker/internal/date"
	"cartracker/internal/money"
)

func amount(n int64) *money.Amount { return ptr(money.Minor(n)) }

func TestPrice(t *testing.T) {
	for what, c := range map[string]struct {
		d           Draft
		rate, total int64
		agreed      bool
	}{
		"the car's price":   {Draft{}, 45_00, 135_00, false},
		"another rate":      {Draft{DailyRate: amount(40_00)}, 40_00, 120_00, false},
		"an agreed price":   {Draft{TotalAmount: amount(100_00)}, 45_00, 100_00, true},
		"both":              {Draft{DailyRate: amount(40_00), TotalAmount: amount(100_00)}, 40_00, 100_00, true},
		"for nothing":       {Draft{DailyRate: amount(0)}, 0, 0, false},
		"agreed as it is":   {Draft{TotalAmount: amount(135_00)}, 45_00, 135_00, true},
		"agreed on nothing": {Draft{TotalAmount: amount(0)}, 45_00, 0, true},
	} {
		contract := Contract{StartDate: day(0), EndDate: day(3)}
		contract.price(c.d, money.Minor(45_00))
		if contract.Days != 3 || contract.DailyRate.Minor() != c.rate || contract.TotalAmount.Minor() != c.total || contract.PriceAgreed != c.agreed {
			t.Errorf("%s: %d days at %s for %s, agreed %t", what, contract.Days, contract.DailyRate, contract.TotalAmount, contract.PriceAgreed)
		}
	}
}

// Each case changes a contract for 3 days at 45, whose car costs 50 now and
// another car 60. What is left out of a change is sent as it was.
func TestReprice(t *testing.T) {
	for what, c := range map[string]struct {
		agreed      bool // on 100, before
		change      func(*Draft)
		rate, total int64
		stays       bool   // agreed
		field       string // that is wrong
	}{
		"new days":                {false, func(d *Draft) { d.EndDate = day(5) }, 45_00, 225_00, false, ""},
		"fewer days":              {false, func(d *Draft) { d.EndDate = day(1) }, 45_00, 45_00, false, ""},
		"other days":              {false, func(d *Draft) { d.StartDate, d.EndDate = day(7), day(10) }, 45_00, 135_00, false, ""},
		"another car":             {false, func(d *Draft) { d.CarID = "other" }, 60_00, 180_00, false, ""},
		"car and days":            {false, func(d *Draft) { d.CarID, d.EndDate = "other", day(1) }, 60_00, 60_00, false, ""},
		"another rate":            {false, func(d *Draft) { d.DailyRate = amount(40_00) }, 40_00, 120_00, false, ""},
		"another car at a rate":   {false, func(d *Draft) { d.CarID, d.DailyRate = "other", amount(40_00) }, 40_00, 120_00, false, ""},
		"the rate of today":       {false, func(d *Draft) { d.DailyRate = nil }, 50_00, 150_00, false, ""},
		"agreed now":              {false, func(d *Draft) { d.TotalAmount = amount(99_00) }, 45_00, 99_00, true, ""},
		"agreed for other days":   {false, func(d *Draft) { d.EndDate, d.TotalAmount = day(5), amount(99_00) }, 45_00, 99_00, true, ""},
		"computed anew":           {false, func(d *Draft) { d.TotalAmount = nil }, 45_00, 135_00, false, ""},
		"another customer":        {false, func(d *Draft) { d.CustomerID = "other" }, 45_00, 135_00, false, ""},
		"kept: another customer":  {true, func(d *Draft) { d.CustomerID = "other" }, 45_00, 100_00, true, ""},
		"kept: new days":          {true, func(d *Draft) { d.EndDate = day(5) }, 0, 0, false, "totalAmount"},
		"kept: another car":       {true, func(d *Draft) { d.CarID = "other" }, 0, 0, false, "totalAmount"},
		"kept: another rate":      {true, func(d *Draft) { d.DailyRate = amount(40_00) }, 0, 0, false, "totalAmount"},
		"kept: a new price":       {true, func(d *Draft) { d.TotalAmount = amount(120_00) }, 45_00, 120_00, true, ""},
		"kept: days and price":    {true, func(d *Draft) { d.EndDate, d.TotalAmount = day(5), amount(120_00) }, 45_00, 120_00, true, ""},
		"kept: car and price":     {true, func(d *Draft) { d.CarID, d.TotalAmount = "other", amount(120_00) }, 60_00, 120_00, true, ""},
		"given up":                {true, func(d *Draft) { d.TotalAmount = nil }, 45_00, 135_00, false, ""},
		"given up for other days": {true, func(d *Draft) { d.EndDate, d.TotalAmount = day(5), nil }, 45_00, 225_00, false, ""},
		"the same night":          {true, func(d *Draft) { d.StartDate = day(0) }, 45_00, 100_00, true, ""},
	} {
		before := Contract{
			CustomerID: "cu", CarID: "ca", StartDate: day(0), EndDate: day(3), Days: 3,
			DailyRate: money.Minor(45_00), TotalAmount: money.Minor(135_00), PriceAgreed: c.agreed,
		}
		if c.agreed {
			before.TotalAmount = money.Minor(100_00)
		}
		got, d := before, before.draft()
		c.change(&d)
		got.write(d)
		rate := money.Minor(50_00)
		if d.CarID != before.CarID {
			rate = money.Minor(60_00)
		}
		err := got.reprice(&before, d, rate)
		if fields := strings.Join(wrong(err), " "); fields != c.field || (err != nil) != (c.field != "") {
			t.Errorf("%s: %v, want %q to be wrong", what, err, c.field)
		}
		if err == nil && (got.DailyRate.Minor() != c.rate || got.TotalAmount.Minor() != c.total || got.PriceAgreed != c.stays || got.Days != got.Hold().Days()) {
			t.Errorf("%s: %d days at %s for %s, agreed %t", what, got.Days, got.DailyRate, got.TotalAmount, got.PriceAgreed)
		}
	}
}

// What a contract earns is the rounded share of its days, computed here with
// big numbers, and ranges that adjoin earn together what the whole does.
func TestEarned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.IntRange(1, MaxDays).Draw(t, "days")
		held := rapid.IntRange(0, days).Draw(t, "held")
		begins := rapid.IntRange(-400, 400).Draw(t, "begins")
		p := Part{
			Total: money.Minor(rapid.Int64Range(0, MaxTotal.Minor()).Draw(t, "total")),
			Days:  days, Held: date.Span{Start: day(begins), End: day(begins + held)},
		}
		share := func(n int) int64 { // of the first n days that it holds
			r := big.NewRat(p.Total.Minor()*int64(min(max(n, 0), held)), int64(days))
			r.Add(r, big.NewRat(1, 2))
			return new(big.Int).Div(r.Num(), r.Denom()).Int64()
		}
		from := rapid.IntRange(begins-30, begins+days+30).Draw(t, "from")
		middle := from + rapid.IntRange(0, days+30).Draw(t, "middle")
		to := middle + rapid.IntRange(0, days+30).Draw(t, "to")
		got := p.Earned(day(from), day(to))
		if want := share(to-begins) - share(from-begins); got.Minor() != want {
			t.Fatalf("%+v earns %d from %s to %s, want %d", p, got.Minor(), day(from), day(to), want)
		}
		if parts := p.Earned(day(from), day(middle)).Plus(p.Earned(day(middle), day(to))); parts != got {
			t.Fatalf("%+v earns %s in two ranges, %s in one", p, parts, got)
		}
		all := p.Earned(date.Date{}, date.Date{})
		if parts := p.Earned(date.Date{}, day(from)).Plus(p.Earned(day(from), date.Date{})); parts != all || all.Minor() != share(held) {
			t.Fatalf("%+v earns %s in all, %s in two halves, want %d", p, all, parts, share(held))
		}
		if held == days && all != p.Total {
			t.Fatalf("%+v earns %s, not all of it", p, all)
		}
	})
}
