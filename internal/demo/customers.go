package demo

import (
	"fmt"
	"iter"
	"math/rand/v2"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/record"
)

const (
	passports    = 26 * 10_000_000
	passportStep = 160_688_837
	licences     = 1_000_000_000
	licenceStep  = 618_033_989
)

// Customers returns everybody who rents, those who came first first.
func (c *Company) Customers() iter.Seq[customers.Customer] {
	return func(yield func(customers.Customer) bool) {
		r := c.size.random(forCustomers)
		passport, licence := scattered(r, passports, passportStep), scattered(r, licences, licenceStep)
		for i, id := range c.customers {
			made := c.desk(r, c.came(i))
			draft := person(r)
			n := passport.at(i)
			draft.PassportNumber = fmt.Sprintf("%c%07d", 'A'+n/10_000_000, n%10_000_000)
			draft.DriverLicenseNumber = fmt.Sprintf("DL%09d", licence.at(i))
			draft.Email = sometimes(r, 85, fmt.Sprintf("customer%d@example.com", i+1))
			meta := record.Meta[customers.CustomerID]{ID: id, Version: 1, CreatedAt: made, UpdatedAt: made}
			if !yield(customers.Customer{Meta: meta, Draft: draft}) {
				return
			}
		}
	}
}

// person makes somebody up who has no papers yet.
func person(r *rand.Rand) customers.Draft {
	from := origin(r)
	given := from.women
	if chance(r, 55) {
		given = from.men
	}
	city := pick(r, from.cities)
	d := customers.Draft{
		Name: pick(r, given) + " " + pick(r, from.family), CountryOfOrigin: from.country,
		PhoneNumber:     sometimes(r, 96, fmt.Sprintf("%s %03d %03d", pick(r, from.phones), r.IntN(1000), r.IntN(1000))),
		Address:         sometimes(r, 88, fmt.Sprintf("%s %d, %s", pick(r, from.streets), 1+r.IntN(140), city)),
		CityOfResidence: sometimes(r, 88, city),
		Notes:           sometimes(r, 6, pick(r, remarks)),
	}
	if from.country == lands[0].country {
		d.FatherName = sometimes(r, 70, pick(r, from.men))
		d.IDOfPerson = sometimes(r, 60, fmt.Sprintf("%013d", r.Int64N(10_000_000_000_000)))
	}
	return d
}

func origin(r *rand.Rand) land {
	n := r.IntN(100)
	for _, l := range lands {
		if n -= l.ofHundred; n < 0 {
			return l
		}
	}
	return lands[0]
}

// opened returns the day on which the company took its first customers down.
func (c *Company) opened() date.Date { return c.first.Add(-2) }

// old returns how many customers were there from the first day on.
func (c *Company) old() int { return (len(c.customers) + 1) / 2 }

// came returns the day on which the customer i came: half of them on the first
// day, the others at even distances until yesterday.
func (c *Company) came(i int) date.Date {
	rest := len(c.customers) - c.old()
	if i < c.old() {
		return c.opened()
	}
	return c.opened().Add((i - c.old()) * c.opened().DaysUntil(c.today) / rest)
}

// known returns how many customers came before the day d, which is not the first.
func (c *Company) known(d date.Date) int {
	rest, days := len(c.customers)-c.old(), c.opened().DaysUntil(c.today)
	if rest == 0 {
		return c.old()
	}
	return c.old() + min(rest, (c.opened().DaysUntil(d)*rest-1)/days+1)
}
