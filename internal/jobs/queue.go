// Package jobs does what must happen around records but would be too slow in
// a request: it sends mails, and looks every day at which contracts end. What is
// to be done is kept in the database, queued in the transaction of the change it
// belongs to, and worked by any instance.
package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"

	"cartracker/internal/identity"
	"cartracker/internal/mail"
	"cartracker/internal/observe"
	"cartracker/internal/part"
	"cartracker/internal/ratelimit"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

const (
	mailQueue = "mail"
	dayQueue  = "day" // what is done once a day

	// rescueAfter is how long after the timeout of a job its worker counts as
	// dead. The look that finds it is taken every 30 s.
	rescueAfter = 15 * time.Second
	softStop    = 20 * time.Second       // running jobs may finish
	pollEvery   = 500 * time.Millisecond // River tells workers of new jobs, but not of each
	startAgain  = time.Second
	trimEvery   = time.Minute
)

var errStopped = errors.New("jobs are worked no more, though nobody said so")

// Settings bound what is done, how fast, and how long it is remembered.
type Settings struct {
	Attempts         int           // of a mail, until it is given up
	Backoff          time.Duration // before the second attempt; it doubles with each
	Concurrency      int           // mails on the way at the same time in this process
	Patience         time.Duration // how long a mail waits for its turn before it goes back into the queue
	Timeout          time.Duration // of one attempt
	FetchEvery       time.Duration // the shortest time between two looks for work
	KeepCompleted    int           // how many of those that are done are remembered
	KeepCompletedFor time.Duration // and for how long
	KeepFailed       int           // how many of those that are given up are remembered
}

// Links makes the addresses that stand in mails.
type Links interface {
	SetPassword(token string) string
	SignIn() string
}

// A Log keeps what River cannot be asked for by itself.
type Log interface {
	// Counts returns how many jobs of a queue are in each of River's states;
	// those that are available, but not yet at the moment now, count as scheduled.
	Counts(ctx context.Context, queue string, now time.Time) (map[string]int, error)
	// Oldest returns since when the job is due that waits longest; the zero time
	// if none waits at the moment now.
	Oldest(ctx context.Context, now time.Time) (due time.Time, err error)
	// PutBack gives a job that waits the place of its age.
	PutBack(ctx context.Context, id int64) error
	// AddQueue lets there be a queue, if there is none yet.
	AddQueue(ctx context.Context, queue string, now time.Time) error
	// SetAttempt sets how many attempts of a job count, in the transaction of ctx.
	SetAttempt(ctx context.Context, id int64, attempt int) error
	// Try lets do be a part of the transaction of ctx that is undone alone if it fails.
	Try(ctx context.Context, do func(context.Context) error) error
	// Trim deletes all but the last few jobs of a queue that are in one of these
	// of River's states.
	Trim(ctx context.Context, queue string, keep int, states ...string) error
}

// Tools are what jobs are worked with.
type Tools struct {
	Settings
	Env       record.Env
	Identity  *identity.Service
	Rental    *rental.Service
	Log       Log
	Templates *mail.Templates
	Sender    mail.Sender
	Pace      ratelimit.Pace // of mails; nil for as fast as they can be sent
	Links     Links
	Announce  func(context.Context, record.Notice) error // tells the admins, in the transaction of ctx
	AppName   string
	Report    observe.Report // told of jobs that are given up, or panic; nil: nobody is
	// Worked is told of each attempt: its kind, what came of it, and how long it
	// took. Broke is told of those that failed, and whether the job is given up.
	// Both may be nil.
	Worked func(kind, outcome string, took time.Duration)
	Broke  func(kind string, over bool)
	Tracer observe.Tracer // keeps traces; nil: none are kept
}

// What comes of an attempt.
const (
	done     = "done"
	failed   = "failed"
	panicked = "panicked"
	putBack  = "put_back" // it could not even be tried
)

// A Queue keeps jobs, works them, and shows them to admins.
type Queue struct {
	Tools
	client   client // queues, and changes what is queued
	look     client // only looks, and waits for nobody who writes
	open     func(*river.Config) (client, error)
	days     []day
	dueEvery time.Duration
	running  atomic.Int64
}

// Open returns the queue in a database, which is migrated. The second driver
// only reads. Within lets something be done on the transaction of a context, as
// the drivers see it.
func Open[T any](d, reader riverdriver.Driver[T], within func(ctx context.Context, do func(T) error) error, t Tools) (*Queue, error) {
	q := &Queue{Tools: t, open: base[T]{d, within}.client, dueEvery: dueEvery}
	q.days = q.daily()
	var err, readErr error
	q.client, err = q.open(q.looking())
	q.look, readErr = base[T]{reader, within}.client(q.looking())
	return q, errors.Join(err, readErr)
}

// looking is for a client that queues jobs and looks at them.
func (q *Queue) looking() *river.Config {
	return &river.Config{MaxAttempts: manyAttempts, Logger: slog.New(newCalm(slog.Default().Handler())), SkipUnknownJobCheck: true}
}

// working is for one that works them too.
func (q *Queue) working() *river.Config {
	c := q.looking()
	c.Workers, c.SkipUnknownJobCheck = q.workers(), false
	c.Middleware = []rivertype.Middleware{river.WorkerMiddlewareFunc(q.counted), river.WorkerMiddlewareFunc(q.traced)}
	c.Queues = map[string]river.QueueConfig{mailQueue: {MaxWorkers: q.Concurrency}, dayQueue: {MaxWorkers: 1, FetchPollInterval: 30 * time.Second}}
	c.FetchCooldown, c.FetchPollInterval = q.FetchEvery, max(pollEvery, q.FetchEvery)
	c.JobTimeout, c.RescueStuckJobsAfter, c.SoftStopTimeout = q.Timeout, q.Timeout+rescueAfter, softStop
	c.ErrorHandler, c.RetryPolicy = failures{q}, failures{q}
	c.CompletedJobRetentionPeriod = q.KeepCompletedFor
	c.CancelledJobRetentionPeriod, c.DiscardedJobRetentionPeriod = -1, -1 // trim has them
	return c
}

// Run works jobs until ctx is done. Then those that run may finish, for 20 s;
// what has not finished by then goes back into the queue. It does the same, and
// returns an error, when something panics beside the jobs.
func (q *Queue) Run(ctx context.Context) error {
	working, err := q.open(q.working())
	if err != nil {
		return err
	}
	toWork, stop := context.WithCancel(ctx)
	defer stop()
	for err := working.Start(toWork); err != nil; err = working.Start(toWork) {
		slog.WarnContext(ctx, "jobs cannot be worked yet; it is tried again", "err", err)
		select {
		case <-time.After(startAgain):
		case <-ctx.Done():
			return nil
		}
	}
	snoozed, unsubscribe := working.Subscribe(river.EventKindJobSnoozed)
	return part.Together(ctx, part.Quietly(q.keepDays), part.Quietly(q.trim),
		part.Quietly(func(ctx context.Context) { q.putBack(context.WithoutCancel(ctx), snoozed) }),
		func(ctx context.Context) error {
			defer unsubscribe() // which ends putBack
			defer context.AfterFunc(ctx, stop)()
			<-working.Stopped()
			if ctx.Err() == nil {
				return errStopped
			}
			return nil
		})
}

// Running returns how many jobs are worked here now.
func (q *Queue) Running() int { return int(q.running.Load()) }

// counted counts and times a job while it is worked. River keeps what it comes to
// for admins to see, so that is scrubbed.
func (q *Queue) counted(ctx context.Context, job *rivertype.JobRow, work func(context.Context) error) error {
	q.running.Add(1)
	result, began := panicked, time.Now() // unless it comes to its end
	defer func() {
		q.running.Add(-1)
		if q.Worked != nil {
			q.Worked(job.Kind, result, time.Since(began))
		}
		if v := recover(); v != nil {
			panic(scrubbed(v))
		}
	}()
	err := work(ctx)
	result = resultOf(err)
	return observe.Scrubbed(err)
}

func resultOf(err error) string {
	_, snoozed := errors.AsType[*river.JobSnoozeError](err)
	switch {
	case err == nil:
		return done
	case snoozed:
		return putBack
	}
	return failed
}

// scrubbed returns what a panic is about without secrets in its text.
func scrubbed(v any) any {
	if err, ok := v.(error); ok {
		return observe.Scrubbed(err)
	}
	return observe.Scrub(fmt.Sprint(v))
}

// putBack gives mails that did not have their turn the place that they had in
// the queue: River lets them stand behind all others.
func (q *Queue) putBack(ctx context.Context, snoozed <-chan *river.Event) {
	for e := range snoozed {
		if e.Job.Queue != mailQueue {
			continue
		}
		if err := q.Log.PutBack(ctx, e.Job.ID); err != nil {
			slog.WarnContext(ctx, "a mail that waits for its turn has lost its place", "id", mailOf(e.Job).ID, "err", err)
		}
	}
}

// trim forgets now and then what is over for long.
func (q *Queue) trim(ctx context.Context) {
	t := time.NewTicker(trimEvery)
	defer t.Stop()
	for {
		if err := q.trimOnce(ctx); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "old jobs could not be deleted; it is tried again", "err", err)
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
	}
}
