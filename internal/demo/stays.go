package demo

import (
	"container/heap"
	"math/rand/v2"

	"cartracker/internal/date"
)

// lengths of contracts in days, as often as they come.
var lengths = []int{1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 5, 5, 5, 5, 6, 7, 7, 7, 7, 7, 8, 10, 10, 12, 14, 14, 21, 30}

// leads are how many days before its first day a contract is made.
var leads = []int{0, 0, 0, 1, 1, 2, 3, 4, 5, 7, 9, 12, 15, 21, 30, 45}

// A line is what one car is rented for, one stay after the other.
type line struct {
	car    int
	begins date.Date
	days   int // in which all stays are
	stays  int
	n      int // those that were returned
	random *rand.Rand

	start, end date.Date
	made       date.Moment // when the contract was made
}

// line returns the line of a car before its first stay.
func (c *Company) line(car int) *line {
	p, history := c.plans[car], c.first.DaysUntil(c.today)
	return &line{
		car: car, begins: c.first.Add(p.begins(history)), days: p.days(history), stays: p.share,
		random: c.size.random(forContracts + car), made: c.cars[car].CreatedAt,
	}
}

// next makes the next stay and reports whether there is one. Each is somewhere
// in its own part of the days, so that none overlaps another.
func (l *line) next(c *Company) bool {
	if l.n == l.stays {
		return false
	}
	r := l.random
	from, to := l.n*l.days/l.stays, (l.n+1)*l.days/l.stays
	length := min(pick(r, lengths), to-from)
	l.start = l.begins.Add(from + r.IntN(to-from-length+1))
	l.end = l.start.Add(length)
	if length == 1 && chance(r, 25) {
		l.end = l.start // back on the same day: it is one day all the same
	}
	day := l.start.Add(-pick(r, leads))
	if l.start.After(c.today) && !day.Before(c.today) {
		day = c.today.Add(-1 - r.IntN(30)) // it is known by now
	}
	l.made = later(l.made, c.desk(r, day)) // never before the one before, so that the lines can be merged
	l.n++
	return true
}

// lines are a heap of the lines whose next stays are known: the first is the
// one whose contract was made first.
type lines []*line

func (c *Company) lines() *lines {
	var all lines
	for i := range c.plans {
		if l := c.line(i); l.next(c) {
			all = append(all, l)
		}
	}
	heap.Init(&all)
	return &all
}

func (ls lines) Len() int      { return len(ls) }
func (ls lines) Swap(i, j int) { ls[i], ls[j] = ls[j], ls[i] }

func (ls lines) Less(i, j int) bool {
	a, b := ls[i], ls[j]
	return b.made.After(a.made) || a.made == b.made && a.car < b.car
}

// Push adds a line.
func (ls *lines) Push(l any) { *ls = append(*ls, l.(*line)) }

// Pop removes the last line.
func (ls *lines) Pop() any {
	all := *ls
	*ls = all[:len(all)-1]
	return all[len(all)-1]
}
