package rental

import (
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/ident"
	"cartracker/internal/money"
)

func ptr[T any](v T) *T { return &v }

func day(n int) date.Date { return date.New(2026, time.June, 15).Add(n) }

// wrong returns the fields that an error is about.
func wrong(err error) []string {
	var out []string
	for _, f := range fault.Of(err).Fields {
		out = append(out, f.Field)
	}
	slices.Sort(out)
	return out
}

func TestDraftValidate(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*Draft)
		field  string // "" if nothing is wrong
	}{
		"as it is":          {func(*Draft) {}, ""},
		"no customer":       {func(d *Draft) { d.CustomerID = "" }, "customerId"},
		"no car":            {func(d *Draft) { d.CarID = "" }, "carId"},
		"a license plate":   {func(d *Draft) { d.CarID = "A12-K-345" }, "carId"},
		"no start":          {func(d *Draft) { d.StartDate = date.Date{} }, "startDate"},
		"no end":            {func(d *Draft) { d.EndDate = date.Date{} }, "endDate"},
		"backwards":         {func(d *Draft) { d.EndDate = day(-1) }, "endDate"},
		"the same day":      {func(d *Draft) { d.EndDate = day(0) }, ""},
		"365 days":          {func(d *Draft) { d.EndDate = day(365) }, ""},
		"366 days":          {func(d *Draft) { d.EndDate = day(366) }, "endDate"},
		"in the past":       {func(d *Draft) { d.StartDate, d.EndDate = day(-4000), day(-3999) }, ""},
		"the last day":      {func(d *Draft) { d.StartDate = date.New(2999, time.December, 31); d.EndDate = d.StartDate }, ""},
		"negative rate":     {func(d *Draft) { d.DailyRate = ptr(money.Minor(-1)) }, "dailyRate"},
		"free":              {func(d *Draft) { d.DailyRate, d.TotalAmount = ptr(money.Minor(0)), ptr(money.Minor(0)) }, ""},
		"the highest rate":  {func(d *Draft) { d.DailyRate = &fleet.MaxPrice }, ""},
		"a higher rate":     {func(d *Draft) { d.DailyRate = ptr(fleet.MaxPrice.Plus(money.Minor(1))) }, "dailyRate"},
		"negative total":    {func(d *Draft) { d.TotalAmount = ptr(money.Minor(-1)) }, "totalAmount"},
		"the highest total": {func(d *Draft) { d.TotalAmount = &MaxTotal }, ""},
		"a higher total":    {func(d *Draft) { d.TotalAmount = ptr(MaxTotal.Plus(money.Minor(1))) }, "totalAmount"},
		"long notes":        {func(d *Draft) { d.AdditionalNotes = ptr(strings.Repeat("š", 5001)) }, "additionalNotes"},
		"blank notes":       {func(d *Draft) { d.AdditionalNotes = ptr(" ") }, ""},
		"photo":             {func(d *Draft) { d.PhotoURL = ptr("a b") }, "photoUrl"},
	} {
		d := Draft{CustomerID: ident.New[customers.CustomerID](), CarID: ident.New[fleet.CarID](), StartDate: day(0), EndDate: day(3)}
		c.change(&d)
		if got := strings.Join(wrong(d.Validate()), " "); got != c.field {
			t.Errorf("%s: wrong %q, want %q", what, got, c.field)
		}
		if d.AdditionalNotes != nil && *d.AdditionalNotes == " " {
			t.Errorf("%s: blank notes were kept", what)
		}
	}
	x := money.Minor(-1)
	d := Draft{StartDate: day(0), EndDate: day(-1), DailyRate: &x, TotalAmount: &x, PhotoURL: ptr("a b"), AdditionalNotes: ptr(strings.Repeat("x", 5001))}
	if got := wrong(d.Validate()); len(got) != 7 {
		t.Errorf("all at once: wrong %v, want all 7", got)
	}
}

// The highest rate for the most days is a price that a contract can have.
func TestMaxTotal(t *testing.T) {
	if fleet.MaxPrice.Times(MaxDays).More(MaxTotal) {
		t.Errorf("%d days at %s are more than %s", MaxDays, fleet.MaxPrice, MaxTotal)
	}
}

func TestStatusOn(t *testing.T) {
	at := date.At(time.Now())
	for _, c := range []struct {
		from, to  int
		cancelled *date.Moment
		today     int
		want      Status
	}{
		{2, 4, nil, 1, Upcoming},
		{2, 4, nil, 2, Active},
		{2, 4, nil, 3, Active},
		{2, 4, nil, 4, Active}, // the day of return
		{2, 4, nil, 5, Ended},
		{2, 2, nil, 2, Active},
		{2, 2, nil, 3, Ended},
		{2, 4, &at, 1, Cancelled},
		{2, 4, &at, 9, Cancelled},
	} {
		contract := Contract{StartDate: day(c.from), EndDate: day(c.to), CancelledAt: c.cancelled}
		if got := contract.StatusOn(day(c.today)); got != c.want {
			t.Errorf("from %d to %d on day %d: %s, want %s", c.from, c.to, c.today, got, c.want)
		}
	}
}

// The days of a contract are those of the calendar: nights on which clocks
// change, and the 29th of February, are days like others.
func TestHold(t *testing.T) {
	for _, c := range []struct {
		from, to date.Date
		want     int
	}{
		{date.New(2026, time.March, 28), date.New(2026, time.March, 30), 2},     // clocks go forward
		{date.New(2026, time.October, 24), date.New(2026, time.October, 26), 2}, // and back
		{date.New(2028, time.February, 28), date.New(2028, time.March, 1), 2},
		{date.New(2027, time.February, 28), date.New(2027, time.March, 1), 1},
		{date.New(2026, time.December, 31), date.New(2027, time.January, 1), 1},
		{day(0), day(0), 1},
		{day(0), day(1), 1},
		{day(0), day(365), 365},
	} {
		contract := Contract{StartDate: c.from, EndDate: c.to}
		if got := contract.Hold().Days(); got != c.want {
			t.Errorf("from %s to %s: %d days, want %d", c.from, c.to, got, c.want)
		}
	}
}

// What a contract has of its car ends where it was cancelled, on the day that
// it was in the company.
func TestHeld(t *testing.T) {
	east := time.FixedZone("", 2*60*60)
	for at, want := range map[string]int{
		"": 4, "2026-06-09T12:00:00Z": -1, "2026-06-10T12:00:00Z": 0, "2026-06-11T21:59:59Z": 1, "2026-06-11T22:00:00Z": 2, "2026-06-14T12:00:00Z": 4,
	} {
		c := Contract{StartDate: date.New(2026, 6, 10), EndDate: date.New(2026, 6, 14)}
		if at != "" {
			var m date.Moment
			if err := m.UnmarshalText([]byte(at)); err != nil {
				t.Fatal(err)
			}
			c.CancelledAt = &m
		}
		if got := c.Held(east); got.Start != c.StartDate || got.Days() != want {
			t.Errorf("cancelled at %q: %v, want %d days", at, got, want)
		}
	}
}
