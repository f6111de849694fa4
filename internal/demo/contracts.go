package demo

import (
	"container/heap"
	"iter"
	"math/rand/v2"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/ident"
	"cartracker/internal/money"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

// Contracts returns all contracts in the order in which they were made. They
// have no numbers: whoever keeps them gives them.
func (c *Company) Contracts() iter.Seq[rental.Contract] {
	return func(yield func(rental.Contract) bool) {
		for all := c.lines(); all.Len() > 0; {
			l := (*all)[0]
			if !yield(c.contract(l)) {
				return
			}
			if l.next(c) {
				heap.Fix(all, 0)
			} else {
				heap.Pop(all)
			}
		}
	}
}

// contract makes the contract of the stay that l is at.
func (c *Company) contract(l *line) rental.Contract {
	r, car := l.random, &c.cars[l.car]
	k := rental.Contract{
		Meta:      record.Meta[rental.ContractID]{ID: ident.New[rental.ContractID](), Version: 1, CreatedAt: l.made, UpdatedAt: l.made},
		CarID:     car.ID,
		StartDate: l.start, EndDate: l.end,
		DailyRate:       inSeason(car.PricePerDay, l.start),
		AdditionalNotes: sometimes(r, 12, pick(r, notes)),
	}
	k.CustomerID = c.customers[r.IntN(c.known(date.In(c.zone, l.made)))]
	k.Days = k.Hold().Days()
	k.TotalAmount = k.DailyRate.Times(k.Days)
	if chance(r, 5) {
		k.TotalAmount, k.PriceAgreed = agreed(r, k.TotalAmount), true
	}
	switch {
	case chance(r, 6):
		c.cancel(r, &k)
	case k.EndDate.Before(c.today.Add(2)) && chance(r, 85):
		c.notify(r, &k)
	}
	return k
}

// inSeason returns what a day costs that begins a contract: most in July.
func inSeason(price money.Amount, d date.Date) money.Amount {
	fromPeak := date.New(d.Year(), time.July, 20).DaysUntil(d)
	percent := int64(100)
	switch away := max(fromPeak, -fromPeak); {
	case away <= 35:
		percent = 120
	case away <= 70:
		percent = 108
	case away > 150 && d.Year() == d.Add(14).Year() && d.Year() == d.Add(-7).Year(): // winter, but not the holidays
		percent = 88
	}
	return priced(price.Minor() * percent / 100)
}

// agreed returns a round price a little below total.
func agreed(r *rand.Rand, total money.Amount) money.Amount {
	return money.Minor(total.Minor() * int64(82+r.IntN(16)) / 100 / 500 * 500)
}

// cancel ends k on one of its days, or before, but not after today.
func (c *Company) cancel(r *rand.Rand, k *rental.Contract) {
	made := date.In(c.zone, k.CreatedAt)
	days := made.DaysUntil(date.Earlier(k.EndDate, c.today))
	at := later(k.CreatedAt, c.desk(r, made.Add(r.IntN(days+1))))
	reason := pick(r, reasons)
	k.CancelledAt, k.CancellationReason, k.UpdatedAt, k.Version = &at, &reason, at, 2
}

// notify says that the customer was told of the end of k, the day before.
func (c *Company) notify(r *rand.Rand, k *rental.Contract) {
	at := later(k.CreatedAt, c.desk(r, k.EndDate.Add(-1)))
	k.NotificationSent, k.UpdatedAt, k.Version = true, at, 2
}
