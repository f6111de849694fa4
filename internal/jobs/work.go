package jobs

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"cartracker/internal/fault"
	"cartracker/internal/identity"
	"cartracker/internal/mail"
	"cartracker/internal/record"
)

const (
	notNow     = time.Second            // after which a mail that did not have its turn comes again
	markAgain  = 200 * time.Millisecond // after which a mail that was taken is marked again as done
	markSeldom = 2 * time.Second        // the longest time between that
)

// A mailWorker sends mails.
type mailWorker struct {
	*Queue
	taken *taken
}

// workers returns what works each kind of job.
func (q *Queue) workers() *river.Workers {
	all := river.NewWorkers()
	w := &mailWorker{Queue: q, taken: &taken{ids: map[string]time.Time{}}}
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
		return w.done(ctx, row, j.ID, j.User)
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
	m, err := w.Templates.Message(j.ID, l.Letter)
	if err != nil {
		return err
	}
	if ok, err := w.turn(ctx); !ok {
		return err
	}
	err = w.Sender.Send(ctx, m, func() error { return w.accepted(ctx, row, j.ID, l.user) })
	return outcome(ctx, mail.Redact(err, l.token)) // a server may quote what it refuses
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
func (w *mailWorker) accepted(ctx context.Context, row *rivertype.JobRow, id string, user record.UserID) error {
	w.taken.add(id, time.Now())
	for wait := markAgain; ; wait = min(2*wait, markSeldom) {
		err := w.done(ctx, row, id, user)
		if err == nil {
			return nil
		}
		if wait == markAgain {
			slog.WarnContext(ctx, "a mail was sent, and its job cannot be marked as done yet", "kind", row.Kind, "id", id, "err", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return err
		}
	}
}

// done marks a job as done. One that does not run any more for the database,
// since somebody thought that its worker had died, will come again, and is remembered.
func (w *mailWorker) done(ctx context.Context, row *rivertype.JobRow, id string, user record.UserID) error {
	var now *rivertype.JobRow
	err := w.Env.InTx(ctx, func(ctx context.Context) (err error) {
		now, err = w.client.complete(ctx, row)
		return err
	})
	if err != nil && !errors.Is(err, rivertype.ErrNotFound) { // somebody has deleted it
		return err
	}
	if err == nil && now.State != rivertype.JobStateCompleted {
		slog.WarnContext(ctx, "a mail was sent, and its job is done once more", "kind", row.Kind, "id", id, "user", user)
		return nil
	}
	w.taken.remove(id)
	slog.InfoContext(ctx, "a mail was sent", "kind", row.Kind, "id", id, "user", user, "attempt", attempts(row))
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

// takenLife is after how long nobody asks for a mail again that was taken.
const takenLife = 24 * time.Hour

// taken are the mails that a server has taken and whose jobs are not marked as
// done, with when that was.
type taken struct {
	mu  sync.Mutex
	ids map[string]time.Time
}

func (t *taken) has(id string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, ok := t.ids[id]
	return ok
}

func (t *taken) add(id string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	maps.DeleteFunc(t.ids, func(_ string, at time.Time) bool { return now.Sub(at) > takenLife })
	t.ids[id] = now
}

func (t *taken) remove(id string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.ids, id)
}
