package jobs

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"cartracker/internal/date"
	"cartracker/internal/mail"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// states are River's, for each of ours.
var states = map[mail.State][]rivertype.JobState{
	mail.Waiting:   {rivertype.JobStateAvailable},
	mail.Active:    {rivertype.JobStateRunning},
	mail.Delayed:   {rivertype.JobStateRetryable, rivertype.JobStateScheduled, rivertype.JobStatePending},
	mail.Completed: {rivertype.JobStateCompleted},
	mail.Failed:    {rivertype.JobStateCancelled, rivertype.JobStateDiscarded},
}

const (
	// overdue is after how long a mail that was not sent shows that something is wrong.
	overdue = 5 * time.Minute
	// lately is for how long mails that failed show it, unless more were sent.
	lately = 5 * time.Minute
)

// Stats returns how many mails are where.
func (q *Queue) Stats(ctx context.Context) (s mail.Stats, err error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return s, err
	}
	counts, err := q.Log.Counts(record.Fresh(ctx), mailQueue, time.Now())
	if err != nil {
		return s, err
	}
	for to, state := range map[*int]mail.State{&s.Waiting: mail.Waiting, &s.Active: mail.Active, &s.Delayed: mail.Delayed, &s.Completed: mail.Completed, &s.Failed: mail.Failed} {
		for _, of := range states[state] {
			*to += counts[string(of)]
		}
		s.Total += *to
	}
	if s.Paused, err = q.paused(ctx); err != nil {
		return s, err
	}
	late, err := q.late(ctx)
	if err != nil {
		return s, err
	}
	sent, err := q.recent(ctx, mail.Completed)
	if err != nil {
		return s, err
	}
	failed, err := q.recent(ctx, mail.Failed)
	s.Healthy = !s.Paused && !late && failed <= sent
	return s, err
}

func (q *Queue) paused(ctx context.Context) (bool, error) {
	found, err := q.look.QueueGet(ctx, mailQueue)
	if errors.Is(err, rivertype.ErrNotFound) {
		return false, nil
	}
	return err == nil && found.PausedAt != nil, err
}

// late reports whether the oldest mail that is not sent yet is too old.
func (q *Queue) late(ctx context.Context) (bool, error) {
	oldest := river.NewJobListParams().Queues(mailQueue).States(unfinished...).OrderBy(river.JobListOrderByID, river.SortOrderAsc).First(1)
	found, err := q.look.JobList(ctx, oldest)
	if err != nil || len(found.Jobs) == 0 {
		return false, err
	}
	return time.Since(found.Jobs[0].CreatedAt) > overdue, nil
}

// recent returns how many of the last hundred mails came to a state lately.
func (q *Queue) recent(ctx context.Context, s mail.State) (n int, err error) {
	const some = 100
	found, err := q.look.JobList(ctx, mails(s, time.Now()).OrderBy(river.JobListOrderByFinalizedAt, river.SortOrderDesc).First(some))
	if err != nil {
		return 0, err
	}
	for _, row := range found.Jobs {
		if row.FinalizedAt != nil && time.Since(*row.FinalizedAt) < lately {
			n++
		}
	}
	return n, nil
}

// mails selects those in a state, or all. River has those that come again soon
// among those that wait.
func mails(s mail.State, now time.Time) *river.JobListParams {
	p := river.NewJobListParams().Queues(mailQueue)
	at := river.NamedArgs{"now": now.UTC()}
	switch s {
	case "":
		return p.States(rivertype.JobStates()...)
	case mail.Waiting:
		return p.States(states[s]...).Where("scheduled_at <= @now", at)
	case mail.Delayed:
		return p.States(slices.Concat(states[mail.Waiting], states[s])...).Where("scheduled_at > @now", at)
	}
	return p.States(states[s]...)
}

// usual is how many mails a page has that names no number.
const usual = 200

// List returns the mails in a state, or all of them, the newest first.
func (q *Queue) List(ctx context.Context, s mail.State, at page.Query) (out page.Of[mail.Job], err error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return out, err
	}
	limit, offset, err := at.Bounds(usual)
	if err != nil {
		return out, err
	}
	p := mails(s, time.Now())
	if at.Cursor != "" {
		before, err := strconv.ParseInt(at.Cursor, 10, 64)
		if err != nil {
			return out, page.ErrQuery.Say("cursor: is not one of this list")
		}
		p = p.Where("id < @before", river.NamedArgs{"before": before})
	}
	found, err := q.look.JobList(ctx, p.OrderBy(river.JobListOrderByID, river.SortOrderDesc).First(min(offset+limit+1, manyJobs)))
	if err != nil {
		return out, err
	}
	n, err := q.count(ctx, s)
	if err != nil {
		return out, err
	}
	rows := found.Jobs[min(offset, len(found.Jobs)):]
	out = page.Of[mail.Job]{Items: make([]mail.Job, 0, len(rows)), Limit: limit, Total: min(n, page.MaxRow), AtLeast: n > page.MaxRow}
	out.More = len(rows) > limit
	if at.Cursor == "" {
		out.Page = max(at.Page, 1)
		out.More = n > offset+limit
	}
	for _, row := range rows[:min(limit, len(rows))] {
		out.Items = append(out.Items, q.view(row))
		if out.More {
			out.Next = strconv.FormatInt(row.ID, 10)
		}
	}
	return out, nil
}

// count returns how many mails are in a state, or in all.
func (q *Queue) count(ctx context.Context, s mail.State) (n int, err error) {
	counts, err := q.Log.Counts(record.Fresh(ctx), mailQueue, time.Now())
	for ours, theirs := range states {
		for _, state := range theirs {
			if s == "" || s == ours {
				n += counts[string(state)]
			}
		}
	}
	return n, err
}

// view is what an admin sees of a job.
func (q *Queue) view(row *rivertype.JobRow) mail.Job {
	args := mailOf(row)
	j := mail.Job{
		ID: args.ID, Kind: row.Kind, State: stateOf(row), Attempts: max(attempts(row), 0), MaxAttempts: q.Attempts,
		UserID: text(string(args.User)), ContractID: text(string(args.Contract)),
		CreatedAt: date.At(row.CreatedAt), DueAt: date.At(row.ScheduledAt), AttemptedAt: moment(row.AttemptedAt), FinishedAt: moment(row.FinalizedAt),
	}
	if n := len(row.Errors); n > 0 {
		j.LastError = text(row.Errors[n-1].Error)
	}
	return j
}

func stateOf(row *rivertype.JobRow) mail.State {
	if row.State == rivertype.JobStateAvailable && row.ScheduledAt.After(time.Now()) {
		return mail.Delayed
	}
	for ours, theirs := range states {
		if slices.Contains(theirs, row.State) {
			return ours
		}
	}
	return mail.Waiting
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func moment(t *time.Time) *date.Moment {
	if t == nil {
		return nil
	}
	m := date.At(*t)
	return &m
}
