package jobs

import (
	"context"
	"time"

	"cartracker/internal/mail"
)

// A Depth is how much is in the queue.
type Depth struct {
	Jobs   map[string]map[mail.State]int // by queue
	Oldest time.Duration                 // for how long the job is due that waits longest; 0 if none waits
	Paused bool                          // no mails are sent until somebody resumes that
}

// Depth counts the jobs of all queues, for those who watch over the program: no
// caller is asked for.
func (q *Queue) Depth(ctx context.Context) (d Depth, err error) {
	now := time.Now()
	d.Jobs = map[string]map[mail.State]int{}
	for _, queue := range []string{mailQueue, dayQueue} {
		counts, err := q.Log.Counts(ctx, queue, now)
		if err != nil {
			return d, err
		}
		d.Jobs[queue] = map[mail.State]int{}
		for ours, theirs := range states {
			for _, state := range theirs {
				d.Jobs[queue][ours] += counts[string(state)]
			}
		}
	}
	if d.Paused, err = q.paused(ctx); err != nil {
		return d, err
	}
	due, err := q.Log.Oldest(ctx, now)
	if !due.IsZero() {
		d.Oldest = max(now.Sub(due), 0)
	}
	return d, err
}
