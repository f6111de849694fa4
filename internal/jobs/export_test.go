package jobs

import "time"

// everySecond is due each second of the queue's own clock, which a test may
// move faster than the machine's.
type everySecond struct{}

func (everySecond) last(t time.Time) time.Time { return t.Truncate(time.Second) }

// Quicken makes what is done every day be due each second, and looked for this
// often. It is called before Run.
func (q *Queue) Quicken(every time.Duration) {
	q.dueEvery = every
	for i := range q.days {
		q.days[i].at = everySecond{}
	}
}
