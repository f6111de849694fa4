package jobs

import (
	"context"
	"encoding/json"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"cartracker/internal/mail"
)

// moved is a job as it stood in another database.
type moved struct{ *rivertype.JobRow }

// Kind returns the kind of the job.
func (m moved) Kind() string { return m.JobRow.Kind }

// MarshalJSON returns its arguments.
func (m moved) MarshalJSON() ([]byte, error) { return json.RawMessage(m.EncodedArgs).MarshalJSON() }

// Take queues what is not finished in the queue of another database, in the
// transaction of ctx, and returns how much that is. What is over stays behind,
// mails that failed as well, of which it returns the number.
func (q *Queue) Take(ctx context.Context, from *Queue) (n, failed int, err error) {
	if failed, err = from.count(ctx, mail.Failed); err != nil {
		return 0, 0, err
	}
	paused, err := from.paused(ctx)
	if err == nil && paused {
		if err = q.Log.AddQueue(ctx, mailQueue, time.Now()); err == nil {
			err = q.client.pause(ctx, mailQueue)
		}
	}
	if err != nil {
		return 0, 0, err
	}
	n, err = q.takeUnfinished(ctx, from)
	return n, failed, err
}

func (q *Queue) takeUnfinished(ctx context.Context, from *Queue) (n int, err error) {
	for last := int64(0); ; {
		p := river.NewJobListParams().States(unfinished...).OrderBy(river.JobListOrderByID, river.SortOrderAsc).First(manyJobs)
		found, err := from.look.JobList(ctx, p.Where("id > @last", river.NamedArgs{"last": last}))
		if err != nil {
			return n, err
		}
		for _, row := range found.Jobs {
			o := &river.InsertOpts{Queue: row.Queue, MaxAttempts: manyAttempts, ScheduledAt: row.ScheduledAt}
			if err := q.client.insert(ctx, moved{row}, o); err != nil {
				return n, err
			}
			last = row.ID
			n++
		}
		if len(found.Jobs) < manyJobs {
			return n, nil
		}
	}
}
