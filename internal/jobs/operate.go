package jobs

import (
	"context"
	"errors"
	"strings"

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
	errOver      = fault.New(fault.Conflict, "job_over", "the mail is sent or given up already")
)

// find returns the job of a mail.
func (q *Queue) find(ctx context.Context, id string) (*rivertype.JobRow, error) {
	p := mails("").Where("args ->> 'id' = @id", river.NamedArgs{"id": strings.ToLower(id)}).First(1)
	found, err := q.client.JobList(ctx, p)
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
	if s := stateOf(row.State); s != mail.Failed && s != mail.Delayed {
		return mail.Job{}, errNotFailed
	}
	err = q.Env.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		return q.entry(record.Update, id, "let a mail be tried again"), q.again(ctx, row)
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

func (q *Queue) again(ctx context.Context, row *rivertype.JobRow) error {
	if err := q.client.revive(ctx, row.ID); err != nil {
		return err
	}
	return q.Log.SetAttempt(ctx, row.ID, row.Attempt-attempts(row))
}

// RetryFailed lets all mails that failed be tried again, and returns how many.
func (q *Queue) RetryFailed(ctx context.Context) (n int, err error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return 0, err
	}
	found, err := q.client.JobList(ctx, mails(mail.Failed).OrderBy(river.JobListOrderByID, river.SortOrderAsc).First(manyJobs))
	if err != nil || len(found.Jobs) == 0 {
		return 0, err
	}
	err = q.Env.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		for _, row := range found.Jobs {
			if err := q.again(ctx, row); err != nil {
				return record.Entry{}, err
			}
		}
		return q.entry(record.Update, "", "let all mails that failed be tried again"), nil
	})
	return len(found.Jobs), err
}

// manyJobs is how many are looked at or deleted at once.
const manyJobs = 10_000

// Cancel gives a mail up that is not sent yet.
func (q *Queue) Cancel(ctx context.Context, id string) (mail.Job, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return mail.Job{}, err
	}
	row, err := q.find(ctx, id)
	if err != nil {
		return mail.Job{}, err
	}
	if s := stateOf(row.State); s == mail.Failed || s == mail.Completed {
		return mail.Job{}, errOver
	}
	if row, err = q.client.JobCancel(ctx, row.ID); err != nil {
		return mail.Job{}, err
	}
	return q.view(row), q.note(ctx, record.Update, id, "cancelled a mail")
}

// PurgeFailed forgets all mails that failed, and returns how many.
func (q *Queue) PurgeFailed(ctx context.Context) (n int, err error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return 0, err
	}
	for {
		gone, err := q.client.JobDeleteMany(ctx, river.NewJobDeleteManyParams().Queues(mailQueue).States(states[mail.Failed]...).First(manyJobs))
		if err != nil {
			return n, err
		}
		n += len(gone.Jobs)
		if len(gone.Jobs) < manyJobs {
			return n, q.note(ctx, record.Delete, "", "deleted the mails that failed")
		}
	}
}

// Pause keeps all instances from sending mails; those on the way are sent.
func (q *Queue) Pause(ctx context.Context) error {
	return q.control(ctx, q.client.QueuePause, "paused the sending of mails")
}

// Resume lets mails be sent again.
func (q *Queue) Resume(ctx context.Context) error {
	return q.control(ctx, q.client.QueueResume, "resumed the sending of mails")
}

func (q *Queue) control(ctx context.Context, do func(context.Context, string, *river.QueuePauseOpts) error, description string) error {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return err
	}
	if err := q.Log.AddQueue(ctx, mailQueue); err != nil { // workers do when they begin
		return err
	}
	if err := do(ctx, mailQueue, nil); err != nil {
		return err
	}
	return q.note(ctx, record.Update, "", description)
}

// note leaves an entry in the journal.
func (q *Queue) note(ctx context.Context, a record.Action, id, description string) error {
	return q.Env.Do(ctx, func(context.Context) (record.Entry, error) { return q.entry(a, id, description), nil })
}

func (q *Queue) entry(a record.Action, id, description string) record.Entry {
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
