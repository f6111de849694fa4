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

// Earned returns what a contract of this price earns up to, but not including,
// the day to: its share by days, to the nearest minor unit. It was made for
// days days and held its car for held.
func Earned(total money.Amount, days int, held date.Span, to date.Date) money.Amount {
	return total.Share(held.Until(to), days)
}
