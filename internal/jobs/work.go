package jobs

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"cartracker/internal/fault"
	"cartracker/internal/identity"
	"cartracker/internal/mail"
)

const (
	notNow    = time.Second            // after which a mail that did not have its turn comes again
	markAgain = 200 * time.Millisecond // after which a mail that was taken is marked again as done
)

// A mailWorker sends mails.
type mailWorker struct {
	*Queue
	taken *taken
}

// workers returns what works each kind of job.
func (q *Queue) workers() *river.Workers {
	all := river.NewWorkers()
	w := &mailWorker{Queue: q, taken: &taken{ids: map[string]bool{}}}
	addMail[credentials](all, w)
	addMail[passwordReset](all, w)
	addMail[contractExpiring](all, w)
	addMail[contractExpired](all, w)
	for _, d := range q.days {
		d.add(all)
	}
	return all
}

func addMail[A interface {
	river.JobArgs
	args() mailJob
}](all *river.Workers, w *mailWorker) {
	river.AddWorker(all, river.WorkFunc(func(ctx context.Context, job *river.Job[A]) error {
		return w.work(ctx, job.JobRow, job.Args.args())
	}))
}

// work sends one mail, and marks its job as done before another mail is sent:
// so a program that is killed sends at most one of them twice.
func (w *mailWorker) work(ctx context.Context, row *rivertype.JobRow, j mailJob) error {
	if w.taken.has(j.ID) {
		return w.done(ctx, row, j)
	}
	l, err := w.letter(ctx, row.Kind, j)
	if errors.Is(err, identity.ErrNoLetter) || errors.Is(err, errNothing) {
		slog.InfoContext(ctx, "a mail is not needed", "kind", row.Kind, "id", j.ID, "user", j.User, "why", err)
		return nil
	}
	if err != nil {
		return outcome(ctx, err)
	}
	l.Kind = row.Kind
	m, err := w.Templates.Message(j.ID, l)
	if err != nil {
		return err
	}
	if ok, err := w.turn(ctx); !ok {
		return err
	}
	return outcome(ctx, w.Sender.Send(ctx, m, func() error { return w.accepted(ctx, row, j) }))
}

// turn waits until this mail may be sent. If that would take too long the job
// goes back into the queue, which is no attempt.
func (w *mailWorker) turn(ctx context.Context) (ok bool, err error) {
	if w.Pace == nil {
		return true, nil
	}
	wait, ok := w.Pace.Next(ctx, w.Patience)
	if !ok {
		return false, river.JobSnooze(notNow)
	}
	select {
	case <-time.After(wait):
		return true, nil
	case <-ctx.Done():
		return false, context.Cause(ctx)
	}
}

// accepted marks the job of a mail that a server has taken as done, and does
// not rest until it is or its time is up. Until then it is remembered here, so
// that it is not sent again when the database was away.
func (w *mailWorker) accepted(ctx context.Context, row *rivertype.JobRow, j mailJob) error {
	w.taken.add(j.ID)
	for {
		err := w.done(ctx, row, j)
		if err == nil {
			return nil
		}
		slog.WarnContext(ctx, "a mail was sent, and its job cannot be marked as done; it is tried again", "kind", row.Kind, "id", j.ID, "err", err)
		select {
		case <-time.After(markAgain):
		case <-ctx.Done():
			return err
		}
	}
}

func (w *mailWorker) done(ctx context.Context, row *rivertype.JobRow, j mailJob) error {
	err := w.Env.InTx(ctx, func(ctx context.Context) error { return w.Queue.client.complete(ctx, row) })
	if err != nil && !errors.Is(err, rivertype.ErrNotFound) { // then it does not run any more for River
		return err
	}
	w.taken.remove(j.ID)
	slog.InfoContext(ctx, "a mail was sent", "kind", row.Kind, "id", j.ID, "user", j.User, "attempt", attempts(row))
	return nil
}

// outcome is what River is told of an attempt. What could not even be tried,
// because there was no turn or the database is away, goes back into the queue.
func outcome(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil: // River has to know that this is why
		return errors.Join(ctx.Err(), err)
	case errors.Is(err, mail.ErrNoTurn), fault.Of(err).Kind == fault.Unavailable:
		return river.JobSnooze(notNow)
	}
	return err
}

// taken are the mails that a server has taken and whose jobs are not marked as done.
type taken struct {
	mu  sync.Mutex
	ids map[string]bool
}

func (t *taken) has(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ids[id]
}

func (t *taken) add(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ids[id] = true
}

func (t *taken) remove(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.ids, id)
}
