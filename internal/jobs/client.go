package jobs

import (
	"context"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// A client is River's, whatever its transactions are.
type client interface {
	// These work in the transaction of ctx.
	insert(ctx context.Context, args river.JobArgs, o *river.InsertOpts) error
	complete(ctx context.Context, job *rivertype.JobRow) (*rivertype.JobRow, error)
	revive(ctx context.Context, id int64) error
	cancel(ctx context.Context, id int64) (*rivertype.JobRow, error)
	deleteMany(context.Context, *river.JobDeleteManyParams) (int, error)
	pause(ctx context.Context, queue string) error
	resume(ctx context.Context, queue string) error

	Start(context.Context) error
	Stopped() <-chan struct{}
	JobList(context.Context, *river.JobListParams) (*river.JobListResult, error)
	Subscribe(...river.EventKind) (<-chan *river.Event, func())
	QueueGet(ctx context.Context, name string) (*rivertype.Queue, error)
}

// A base is the database in which jobs are kept: T is how its driver sees a
// transaction.
type base[T any] struct {
	driver riverdriver.Driver[T]
	within func(ctx context.Context, do func(T) error) error
}

func (b base[T]) client(c *river.Config) (client, error) {
	r, err := river.NewClient(b.driver, c)
	return clientOf[T]{r, b}, err
}

type clientOf[T any] struct {
	*river.Client[T]
	base base[T]
}

func (c clientOf[T]) insert(ctx context.Context, args river.JobArgs, o *river.InsertOpts) error {
	return c.base.within(ctx, func(tx T) error {
		_, err := c.InsertTx(ctx, tx, args, o)
		return err
	})
}

func (c clientOf[T]) revive(ctx context.Context, id int64) error {
	return c.base.within(ctx, func(tx T) error {
		_, err := c.JobRetryTx(ctx, tx, id)
		return err
	})
}

// anything are the arguments of a job that nobody looks at.
type anything struct{}

func (anything) Kind() string { return "anything" }

func (c clientOf[T]) complete(ctx context.Context, job *rivertype.JobRow) (row *rivertype.JobRow, err error) {
	err = c.base.within(ctx, func(tx T) error {
		done, err := river.JobCompleteTx[riverdriver.Driver[T]](ctx, tx, &river.Job[anything]{JobRow: job})
		if err == nil {
			row = done.JobRow
		}
		return err
	})
	return row, err
}

func (c clientOf[T]) cancel(ctx context.Context, id int64) (row *rivertype.JobRow, err error) {
	err = c.base.within(ctx, func(tx T) error {
		row, err = c.JobCancelTx(ctx, tx, id)
		return err
	})
	return row, err
}

func (c clientOf[T]) deleteMany(ctx context.Context, p *river.JobDeleteManyParams) (n int, err error) {
	err = c.base.within(ctx, func(tx T) error {
		gone, err := c.JobDeleteManyTx(ctx, tx, p)
		if err == nil {
			n = len(gone.Jobs)
		}
		return err
	})
	return n, err
}

func (c clientOf[T]) pause(ctx context.Context, queue string) error {
	return c.base.within(ctx, func(tx T) error { return c.QueuePauseTx(ctx, tx, queue, nil) })
}

func (c clientOf[T]) resume(ctx context.Context, queue string) error {
	return c.base.within(ctx, func(tx T) error { return c.QueueResumeTx(ctx, tx, queue, nil) })
}
