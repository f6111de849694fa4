package demo

import "cartracker/internal/fleet"

// A plan says when a car is in use, and how much.
type plan struct {
	late     int // thousandths of the history that pass before the car comes
	tail     int // days from today until it is not rented any more; negative if it is out of use
	demand   int // in percent of the busiest cars
	status   fleet.Status
	archived bool
	share    int // how many contracts are for it
}

// begins returns how many days of the history pass before the car comes.
func (p plan) begins(history int) int { return history * p.late / 1000 }

// days returns for how many days the car is in use.
func (p plan) days(history int) int { return history - p.begins(history) + p.tail }

// weight says which part of the contracts is for the car.
func (p plan) weight(history int) int64 { return int64(p.days(history) * p.demand) }

func plans(s Size) []plan {
	r := s.random(forPlans)
	all := make([]plan, s.Cars)
	for i := range all {
		p := plan{tail: 25 + r.IntN(100), demand: 45 + r.IntN(56), status: fleet.Available}
		if chance(r, 20) {
			p.late = 1 + r.IntN(500)
		}
		switch n := r.IntN(200); {
		case n < 9:
			p.status, p.tail = fleet.Maintenance, -1-r.IntN(20)
		case n < 12:
			p.status, p.tail = fleet.Unavailable, -1-r.IntN(40)
		case n < 18:
			p.archived, p.tail = true, -30-r.IntN(120)
		}
		all[i] = p
	}
	return all
}

// capacity returns how many contracts fit into so many days.
func capacity(all []plan, history int) int {
	var n int64
	for _, p := range all {
		n += p.weight(history) / (100 * roomFor)
	}
	return int(n)
}

// shareOut gives each car its part of the contracts. The parts are the
// differences of a rounded sum, so that they add up.
func shareOut(all []plan, history, contracts int) {
	var total, sum int64
	for _, p := range all {
		total += p.weight(history)
	}
	given := 0
	for i := range all {
		sum += all[i].weight(history)
		upTo := int(sum * int64(contracts) / total)
		all[i].share, given = upTo-given, upTo
	}
}
