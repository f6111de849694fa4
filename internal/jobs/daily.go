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
	at   times
	add  func(*river.Workers)
}

// times are when something is due.
type times interface {
	last(t time.Time) time.Time // the last such moment that is not after t
}

// daily returns what is done every day.
func (q *Queue) daily() []day {
	at := func(hour int) times { return schedule{hour, q.Env.Zone} }
	return []day{
		{func(o occasion) river.JobArgs { return lookExpiring(o) }, at(9), func(all *river.Workers) {
			addLook[lookExpiring](all, "contracts end soon", q.tellExpiring)
		}},
		{func(o occasion) river.JobArgs { return lookExpired(o) }, at(10), func(all *river.Workers) {
			addLook[lookExpired](all, "contracts have ended", q.tellExpired)
		}},
	}
}

// lookTime is how long it may take to look through all contracts.
const lookTime = 10 * time.Minute

// A looker does what is done once a day.
type looker[A river.JobArgs] struct {
	river.WorkerDefaults[A]
	what string
	do   func(context.Context) (int, error)
}

func addLook[A river.JobArgs](all *river.Workers, what string, do func(context.Context) (int, error)) {
	river.AddWorker(all, &looker[A]{what: what, do: do})
}

// Timeout returns how long it may take.
func (l *looker[A]) Timeout(*river.Job[A]) time.Duration { return lookTime }

// Work looks, and tells the admins of what it finds.
func (l *looker[A]) Work(ctx context.Context, _ *river.Job[A]) error {
	n, err := l.do(asProgram(ctx))
	if n > 0 {
		slog.InfoContext(ctx, l.what+": the admins are told", "contracts", n)
	}
	return outcome(ctx, err)
}

// tellExpiring queues a mail to each admin for each contract that ends soon.
func (q *Queue) tellExpiring(ctx context.Context) (int, error) {
	return q.tellAdmins(ctx, q.Rental.TellEnding, record.ContractExpiring, func(j mailJob) river.JobArgs { return contractExpiring(j) })
}

// tellExpired does the same for each contract that has ended.
func (q *Queue) tellExpired(ctx context.Context) (int, error) {
	return q.tellAdmins(ctx, q.Rental.TellEnded, record.ContractExpired, func(j mailJob) river.JobArgs { return contractExpired(j) })
}

// tellAdmins queues the mails and writes the notifications in the transaction in
// which a contract is marked as told: so each is there once, whoever looks at
// the same time.
func (q *Queue) tellAdmins(ctx context.Context, each func(context.Context, func(context.Context, rental.Contract) error) (int, error), of record.NoticeType, args func(mailJob) river.JobArgs) (int, error) {
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
		return q.Announce(ctx, *c.Notice(of))
	})
}

// A schedule is an hour of each day, as the clocks of the business show it.
type schedule struct {
	hour int
	zone *time.Location
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

// dueEvery is how often is looked whether something is due.
const dueEvery = 5 * time.Second

// keepDays queues what is due, as soon as it is, and at the start of a program
// whatever is done every day: it may have been off when it was time.
func (q *Queue) keepDays(ctx context.Context) {
	t := time.NewTicker(q.dueEvery)
	defer t.Stop()
	done := make([]time.Time, len(q.days))
	for i, d := range q.days {
		if now := q.Env.Now().Time(); q.queueDay(ctx, d, "start "+ident.New[string]()) {
			done[i] = d.at.last(now)
		} // else what was due last is queued as soon as that succeeds
	}
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		for i, d := range q.days {
			due := d.at.last(q.Env.Now().Time())
			if due.After(done[i]) && q.queueDay(ctx, d, due.UTC().Format(time.RFC3339)) {
				done[i] = due
			}
		}
	}
}

// queueDay queues what is done on an occasion. Of several instances that do, one does it.
func (q *Queue) queueDay(ctx context.Context, d day, of string) bool {
	o := &river.InsertOpts{Queue: dayQueue, MaxAttempts: manyAttempts, UniqueOpts: river.UniqueOpts{ByArgs: true}}
	args := d.args(occasion{of})
	err := q.Env.InTx(ctx, func(ctx context.Context) error { return q.insert(ctx, args, o) })
	if err != nil && ctx.Err() == nil {
		slog.WarnContext(ctx, "what is due could not be queued", "kind", args.Kind(), "occasion", of, "err", err)
	}
	return err == nil
}
