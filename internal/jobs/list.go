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

// overdue is after how long something that nobody works shows that something is wrong.
const overdue = 5 * time.Minute

// Stats returns how many mails are where.
func (q *Queue) Stats(ctx context.Context) (s mail.Stats, err error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return s, err
	}
	counts, err := q.Log.Counts(record.Fresh(ctx), mailQueue)
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
	s.Healthy = !s.Paused && !late
	return s, err
}

func (q *Queue) paused(ctx context.Context) (bool, error) {
	found, err := q.client.QueueGet(ctx, mailQueue)
	if errors.Is(err, rivertype.ErrNotFound) {
		return false, nil
	}
	return err == nil && found.PausedAt != nil, err
}

// late reports whether the mail that waits longest has been due for too long.
func (q *Queue) late(ctx context.Context) (bool, error) {
	oldest := mails(mail.Waiting).OrderBy(river.JobListOrderByScheduledAt, river.SortOrderAsc).First(1)
	found, err := q.client.JobList(ctx, oldest)
	if err != nil || len(found.Jobs) == 0 {
		return false, err
	}
	return time.Since(found.Jobs[0].ScheduledAt) > overdue, nil
}

func mails(s mail.State) *river.JobListParams {
	p := river.NewJobListParams().Queues(mailQueue)
	if s != "" {
		return p.States(states[s]...)
	}
	return p.States(rivertype.JobStates()...)
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
	p := mails(s)
	if at.Cursor != "" {
		before, err := strconv.ParseInt(at.Cursor, 10, 64)
		if err != nil {
			return out, page.ErrQuery.Say("cursor: is not one of this list")
		}
		p = p.Where("id < @before", river.NamedArgs{"before": before})
	}
	found, err := q.client.JobList(ctx, p.OrderBy(river.JobListOrderByID, river.SortOrderDesc).First(offset+limit+1))
	if err != nil {
		return out, err
	}
	rows := found.Jobs[min(offset, len(found.Jobs)):]
	if out.More = len(rows) > limit; out.More {
		rows = rows[:limit]
		out.Next = strconv.FormatInt(rows[limit-1].ID, 10)
	}
	for _, row := range rows {
		out.Items = append(out.Items, q.view(row))
	}
	if out.Limit = limit; at.Cursor == "" {
		out.Page = max(at.Page, 1)
	}
	n, err := q.count(ctx, s)
	out.Total, out.AtLeast = min(n, page.MaxRow), n > page.MaxRow
	return out, err
}

// count returns how many mails are in a state, or in all.
func (q *Queue) count(ctx context.Context, s mail.State) (n int, err error) {
	counts, err := q.Log.Counts(record.Fresh(ctx), mailQueue)
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
		ID: args.ID, Kind: row.Kind, State: stateOf(row.State), Attempts: max(attempts(row), 0), MaxAttempts: q.Attempts,
		UserID: text(string(args.User)), ContractID: text(string(args.Contract)),
		CreatedAt: date.At(row.CreatedAt), DueAt: date.At(row.ScheduledAt), AttemptedAt: moment(row.AttemptedAt), FinishedAt: moment(row.FinalizedAt),
	}
	if n := len(row.Errors); n > 0 {
		j.LastError = text(row.Errors[n-1].Error)
	}
	return j
}

func stateOf(s rivertype.JobState) mail.State {
	for ours, theirs := range states {
		if slices.Contains(theirs, s) {
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
