package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"cartracker/internal/ident"
	"cartracker/internal/identity"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

// An occasion is one time at which something is done: the moment that is due,
// or the start of a program. Jobs of a kind with the same occasion are one, so
// that of several instances one does it.
type occasion struct {
	Of string `json:"occasion" river:"unique"`
}

// What is done once a day.
type (
	lookExpiring occasion
	lookExpired  occasion
)

func (lookExpiring) Kind() string { return "look-expiring" }
func (lookExpired) Kind() string  { return "look-expired" }

// A day is something that is done every day at an hour of the business.
type day struct {
	args func(occasion) river.JobArgs
	at   schedule
	add  func(*river.Workers)
}

// daily returns what is done every day.
func (q *Queue) daily() []day {
	at := func(hour int) schedule { return schedule{hour, q.Env.Zone} }
	return []day{
		{func(o occasion) river.JobArgs { return lookExpiring(o) }, at(9), func(all *river.Workers) {
			addLook[lookExpiring](all, q, "contracts end soon", q.tellExpiring)
		}},
		{func(o occasion) river.JobArgs { return lookExpired(o) }, at(10), func(all *river.Workers) {
			addLook[lookExpired](all, q, "contracts have ended", q.tellExpired)
		}},
	}
}

func addLook[A river.JobArgs](all *river.Workers, q *Queue, what string, do func(context.Context) (int, error)) {
	river.AddWorker(all, river.WorkFunc(func(ctx context.Context, _ *river.Job[A]) error {
		n, err := do(asProgram(ctx))
		if n > 0 {
			slog.InfoContext(ctx, what+": the admins are told", "contracts", n)
		}
		return outcome(ctx, err)
	}))
}

// tellExpiring queues a mail to each admin for each contract that ends soon.
func (q *Queue) tellExpiring(ctx context.Context) (int, error) {
	return q.tellAdmins(ctx, q.Rental.TellEnding, func(j mailJob) river.JobArgs { return contractExpiring(j) })
}

// tellExpired does the same for each contract that has ended.
func (q *Queue) tellExpired(ctx context.Context) (int, error) {
	return q.tellAdmins(ctx, q.Rental.TellEnded, func(j mailJob) river.JobArgs { return contractExpired(j) })
}

// tellAdmins queues the mails in the transaction in which a contract is marked
// as told: so each is queued once, whoever looks at the same time.
func (q *Queue) tellAdmins(ctx context.Context, each func(context.Context, func(context.Context, rental.Contract) error) (int, error), args func(mailJob) river.JobArgs) (int, error) {
	f := identity.Filter{Role: record.Admin, Active: "true", Query: page.Query{Limit: page.MaxLimit}}
	admins, err := q.Identity.List(record.Fresh(ctx), f)
	if err != nil {
		return 0, err
	}
	return each(ctx, func(ctx context.Context, c rental.Contract) error {
		for _, a := range admins.Items {
			if err := q.mail(ctx, args(mailJob{ID: ident.New[string](), User: a.ID, Contract: c.ID, End: c.EndDate.String()})); err != nil {
				return err
			}
		}
		return nil
	})
}

// A schedule is an hour of each day, as the clocks of the business show it.
type schedule struct {
	hour int
	zone *time.Location
}

var _ river.PeriodicSchedule = schedule{}

// Next returns the first such moment after t.
func (s schedule) Next(t time.Time) time.Time {
	next := s.on(t.In(s.zone), 0)
	if !next.After(t) {
		next = s.on(t.In(s.zone), 1)
	}
	return next
}

// last returns the last such moment that is not after t.
func (s schedule) last(t time.Time) time.Time {
	last := s.on(t.In(s.zone), 0)
	if last.After(t) {
		last = s.on(t.In(s.zone), -1)
	}
	return last
}

func (s schedule) on(day time.Time, later int) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day()+later, s.hour, 0, 0, 0, s.zone)
}

// periodic returns what River does at its time. The one of all instances that
// leads does it, and when it begins to lead what was due last as well: another
// one may have died before it did it.
func (q *Queue) periodic() (all []*river.PeriodicJob) {
	for _, d := range q.days {
		due := func() (river.JobArgs, *river.InsertOpts) {
			return d.args(occasion{d.at.last(q.Env.Now().Time()).UTC().Format(time.RFC3339)}), once
		}
		all = append(all, river.NewPeriodicJob(d.at, due, &river.PeriodicJobOpts{RunOnStart: true}))
	}
	return all
}

var once = &river.InsertOpts{Queue: dayQueue, MaxAttempts: manyAttempts, UniqueOpts: river.UniqueOpts{ByArgs: true}}

// lookNow does what is done every day when a program starts: it may have been
// off when it was time.
func (q *Queue) lookNow(ctx context.Context) {
	start := occasion{"start " + ident.New[string]()}
	err := q.Env.InTx(ctx, func(ctx context.Context) error {
		for _, d := range q.days {
			if err := q.client.insert(ctx, d.args(start), once); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && ctx.Err() == nil {
		slog.WarnContext(ctx, "contracts that end are looked for when it is time, and not at this start", "err", err)
	}
}
