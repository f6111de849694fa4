package demo

import (
	"fmt"
	"math/rand/v2"
	"strings"

	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/ident"
	"cartracker/internal/money"
	"cartracker/internal/record"
)

// Cars returns the fleet. It must not be changed.
func (c *Company) Cars() []fleet.Car { return c.cars }

func (c *Company) makeCars(history int) []fleet.Car {
	r := c.size.random(forCars)
	papers := papers{plates: scattered(r, uint64(plates), plateStep), serials: scattered(r, serials, serialStep)}
	all := make([]fleet.Car, len(c.plans))
	for i, p := range c.plans {
		m, comes := pick(r, models), c.first.Add(p.begins(history))
		made := c.desk(r, comes.Add(-1))
		all[i] = fleet.Car{
			Meta:    record.Meta[fleet.CarID]{ID: ident.New[fleet.CarID](), Version: 1, CreatedAt: made, UpdatedAt: made},
			Details: c.details(r, m, comes.Year()),
		}
		all[i].Status = p.status
		papers.give(r, i, m.maker, &all[i])
		if p.archived {
			c.archive(r, &all[i], c.today.Add(p.tail+1+r.IntN(20)))
		}
	}
	return all
}

// details makes a car up that came into the fleet in the year came.
func (c *Company) details(r *rand.Rand, m model, came int) fleet.Details {
	fuel := fleet.FuelType(pick(r, strings.Fields(m.fuels)))
	year := max(date.MinYear, came-min(r.IntN(12), r.IntN(12)))
	age := c.today.Year() - year
	power := m.power + 5*r.IntN(4)
	return fleet.Details{
		Manufacturer: m.manufacturer, Model: m.name, Year: year, FuelType: fuel, Transmission: shift(r, m, fuel), Category: m.category,
		PricePerDay: priced(m.price*100*int64(100-2*min(age, 12))/100 + 100*int64(r.IntN(5))),
		Color:       sometimes(r, 95, pick(r, colors)), Seats: sometimes(r, 98, m.seats), Doors: sometimes(r, 96, m.doors),
		Mileage: age*(9_000+r.IntN(16_000)) + r.IntN(9_000), EnginePower: sometimes(r, 94, power),
		CurrentLocation: sometimes(r, 95, pick(r, locations)),
	}
}

// priced rounds an amount in minor units to the half unit that price lists have.
func priced(minor int64) money.Amount { return money.Minor(minor / 50 * 50) }

func shift(r *rand.Rand, m model, fuel fleet.FuelType) fleet.Transmission {
	switch {
	case m.category == "sports" && chance(r, 40):
		return "semi-automatic"
	case fuel == "electric" || fuel == "hybrid" || m.price > 150 && chance(r, 80):
		return "automatic"
	case chance(r, 35):
		return "automatic"
	}
	return "manual"
}

// archive takes a car out of the fleet on the day d.
func (c *Company) archive(r *rand.Rand, car *fleet.Car, d date.Date) {
	at := later(car.CreatedAt, c.desk(r, d))
	car.IsArchived, car.ArchivedAt, car.UpdatedAt, car.Version = true, &at, at, 2
}

const (
	plateLetters   = "AEJKMOT"                           // those that look the same in both alphabets
	chassisLetters = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ" // without I, O and Q
	plates         = len(plateLetters) * 100 * len(plateLetters) * 1000
	plateStep      = 3_028_369
	serials        = 1_000_000
	serialStep     = 618_033
)

// papers give each car a license plate and a chassis number of its own.
type papers struct{ plates, serials scatter }

func (p papers) give(r *rand.Rand, i int, maker string, car *fleet.Car) {
	n := p.plates.at(i)
	first, n := n%len(plateLetters), n/len(plateLetters)
	second, n := n%len(plateLetters), n/len(plateLetters)
	car.LicensePlate = fmt.Sprintf("%c%02d-%c-%03d", plateLetters[first], n/1000, plateLetters[second], n%1000)
	chassis := []byte(maker)
	for range 8 {
		chassis = append(chassis, chassisLetters[r.IntN(len(chassisLetters))])
	}
	car.ChassisNumber = sometimes(r, 90, fmt.Sprintf("%s%06d", chassis, p.serials.at(i)))
}
