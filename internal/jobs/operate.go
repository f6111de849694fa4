package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"cartracker/internal/fault"
	"cartracker/internal/mail"
	"cartracker/internal/record"
)

// Errors of those who look after the queue.
var (
	ErrNoJob     = fault.New(fault.NotFound, "no_job", "there is no such mail")
	errNotFailed = fault.New(fault.Conflict, "job_not_failed", "only a mail that failed, or waits for another attempt, can be tried again")
	errOver      = fault.New(fault.Conflict, "job_over", "the mail is sent or given up already, or on its way at this moment")
	errAgain     = fault.New(fault.Conflict, "job_replaced", "another mail of this kind to the same person is on its way")
)

// find returns the job of a mail.
func (q *Queue) find(ctx context.Context, id string) (*rivertype.JobRow, error) {
	p := mails("", time.Now()).Where("args ->> 'id' = @id", river.NamedArgs{"id": strings.ToLower(id)}).First(1)
	found, err := q.look.JobList(ctx, p)
	if err != nil {
		return nil, err
	}
	if len(found.Jobs) == 0 {
		return nil, ErrNoJob
	}
	return found.Jobs[0], nil
}

// Retry lets a mail be tried again, with all its attempts.
func (q *Queue) Retry(ctx context.Context, id string) (mail.Job, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return mail.Job{}, err
	}
	row, err := q.find(ctx, id)
	if err != nil {
		return mail.Job{}, err
	}
	if s := stateOf(row); s != mail.Failed && s != mail.Delayed {
		return mail.Job{}, errNotFailed
	}
	err = q.Env.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		return q.entry(1, record.Update, id, "let a mail be tried again"), q.again(ctx, row)
	})
	if err != nil {
		return mail.Job{}, err
	}
	row, err = q.find(ctx, id)
	if err != nil {
		return mail.Job{}, err
	}
	return q.view(row), nil
}

// again lets a job be tried again. If another one stands in its place since,
// that is errAgain, and the transaction goes on.
func (q *Queue) again(ctx context.Context, row *rivertype.JobRow) error {
	err := q.Log.Try(ctx, func(ctx context.Context) error {
		if err := q.client.revive(ctx, row.ID); err != nil {
			return err
		}
		return q.Log.SetAttempt(ctx, row.ID, row.Attempt-attempts(row))
	})
	if fault.Of(err).Kind == fault.Conflict {
		return errAgain
	}
	return err
}

// RetryFailed lets all mails that failed be tried again, and returns how many
// there are, but for those in whose place another one is on its way.
func (q *Queue) RetryFailed(ctx context.Context) (n int, err error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return 0, err
	}
	found, err := q.look.JobList(ctx, mails(mail.Failed, time.Now()).OrderBy(river.JobListOrderByID, river.SortOrderDesc).First(manyJobs))
	if err != nil {
		return 0, err
	}
	err = q.Env.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		n = 0 // the transaction may be tried again
		for _, row := range found.Jobs {
			err := q.again(ctx, row)
			if err != nil && !errors.Is(err, errAgain) {
				return record.Entry{}, err
			}
			if err == nil {
				n++
			}
		}
		return q.entry(n, record.Update, "", fmt.Sprintf("let %d mails that failed be tried again", n)), nil
	})
	return n, err
}

// manyJobs is how many River lists or deletes at once.
const manyJobs = 10_000

// Cancel gives a mail up that is not sent yet, and is not on its way.
func (q *Queue) Cancel(ctx context.Context, id string) (mail.Job, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return mail.Job{}, err
	}
	row, err := q.find(ctx, id)
	if err != nil {
		return mail.Job{}, err
	}
	err = q.Env.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		if s := stateOf(row); s != mail.Waiting && s != mail.Delayed {
			return record.Entry{}, errOver
		}
		if row, err = q.client.cancel(ctx, row.ID); err != nil {
			return record.Entry{}, err
		}
		if stateOf(row) != mail.Failed { // it was begun meanwhile
			return record.Entry{}, errOver
		}
		return q.entry(1, record.Update, id, "cancelled a mail"), nil
	})
	if err != nil {
		return mail.Job{}, err
	}
	return q.view(row), nil
}

// PurgeFailed forgets all mails that failed, and returns how many.
func (q *Queue) PurgeFailed(ctx context.Context) (n int, err error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return 0, err
	}
	err = q.Env.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		for n = 0; ; {
			gone, err := q.client.deleteMany(ctx, river.NewJobDeleteManyParams().Queues(mailQueue).States(states[mail.Failed]...).First(manyJobs))
			if err != nil {
				return record.Entry{}, err
			}
			if n += gone; gone < manyJobs {
				return q.entry(n, record.Delete, "", fmt.Sprintf("deleted %d mails that failed", n)), nil
			}
		}
	})
	return n, err
}

// Pause keeps all instances from sending mails; those on the way are sent.
func (q *Queue) Pause(ctx context.Context) error {
	return q.control(ctx, q.client.pause, "paused the sending of mails")
}

// Resume lets mails be sent again.
func (q *Queue) Resume(ctx context.Context) error {
	return q.control(ctx, q.client.resume, "resumed the sending of mails")
}

func (q *Queue) control(ctx context.Context, do func(context.Context, string) error, description string) error {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return err
	}
	return q.Env.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		if err := q.Log.AddQueue(ctx, mailQueue, time.Now()); err != nil { // workers do when they begin
			return record.Entry{}, err
		}
		return q.entry(1, record.Update, "", description), do(ctx, mailQueue)
	})
}

// entry is what the journal says of n mails; nothing if there are none.
func (q *Queue) entry(n int, a record.Action, id, description string) record.Entry {
	if n == 0 {
		return record.Entry{}
	}
	return record.Entry{Action: a, Resource: "email-queue", ResourceID: id, Description: description}
}

// trimOnce forgets all but the last jobs that are over.
func (q *Queue) trimOnce(ctx context.Context) error {
	var errs []error
	for _, queue := range []string{mailQueue, dayQueue} {
		errs = append(errs,
			q.Log.Trim(ctx, queue, q.KeepCompleted, names(mail.Completed)...),
			q.Log.Trim(ctx, queue, q.KeepFailed, names(mail.Failed)...))
	}
	return errors.Join(errs...)
}

func names(s mail.State) (out []string) {
	for _, theirs := range states[s] {
		out = append(out, string(theirs))
	}
	return out
}
