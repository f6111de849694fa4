package rental

import (
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/money"
)

// price prices a contract that is made from d, for a car that costs rate a day.
func (c *Contract) price(d Draft, rate money.Amount) {
	c.DailyRate = rate
	if d.DailyRate != nil {
		c.DailyRate = *d.DailyRate
	}
	c.Days = c.Hold().Days()
	c.TotalAmount, c.PriceAgreed = c.DailyRate.Times(c.Days), false
	if d.TotalAmount != nil {
		c.TotalAmount, c.PriceAgreed = *d.TotalAmount, true
	}
}

// reprice prices c anew after before was changed into d. What a client sends
// back unchanged it did not ask for: the rate then stays, unless the car is
// another, and an agreed price stays only as long as what it was agreed for.
func (c *Contract) reprice(before *Contract, d Draft, rate money.Amount) error {
	asked := d
	if d.DailyRate != nil && *d.DailyRate == before.DailyRate {
		asked.DailyRate = &before.DailyRate
		if c.CarID != before.CarID {
			asked.DailyRate = nil
		}
	}
	kept := d.TotalAmount != nil && *d.TotalAmount == before.TotalAmount
	if kept {
		asked.TotalAmount = nil
	}
	c.price(asked, rate)
	if !kept || !before.PriceAgreed {
		return nil
	}
	if c.Hold() != before.Hold() || c.CarID != before.CarID || c.DailyRate != before.DailyRate {
		var bad fault.Fields
		bad.Check(false, "totalAmount", "was agreed for other days, another car or another rate: give the new price, or null to compute it")
		return bad.Err()
	}
	c.TotalAmount, c.PriceAgreed = before.TotalAmount, true
	return nil
}

// A Part is a contract that earns on some of its days only: those before or
// behind are out of the range that is asked for, or it was cancelled.
type Part struct {
	Total money.Amount
	Days  int       // for which it was made
	Held  date.Span // what it held of them
}

// Earned returns what p earns from from up to to; a zero day is no bound. It
// is the rounded share of all days up to to, less that of all up to from, so
// that adjoining ranges add up exactly.
func (p Part) Earned(from, to date.Date) money.Amount {
	if to.IsZero() {
		to = p.Held.End
	}
	return p.Total.Share(p.Held.Until(to), p.Days).Less(p.Total.Share(p.Held.Until(from), p.Days))
}
