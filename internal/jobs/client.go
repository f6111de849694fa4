package jobs

import (
	"context"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// A client is River's, whatever its transactions are.
type client interface {
	// insert, complete and revive work in the transaction of ctx.
	insert(ctx context.Context, args river.JobArgs, o *river.InsertOpts) error
	complete(ctx context.Context, job *rivertype.JobRow) error
	revive(ctx context.Context, id int64) error

	Start(context.Context) error
	Stopped() <-chan struct{}
	ID() string
	JobList(context.Context, *river.JobListParams) (*river.JobListResult, error)
	JobCancel(ctx context.Context, id int64) (*rivertype.JobRow, error)
	JobDeleteMany(context.Context, *river.JobDeleteManyParams) (*river.JobDeleteManyResult, error)
	QueueGet(ctx context.Context, name string) (*rivertype.Queue, error)
	QueuePause(ctx context.Context, name string, o *river.QueuePauseOpts) error
	QueueResume(ctx context.Context, name string, o *river.QueuePauseOpts) error
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

func (c clientOf[T]) complete(ctx context.Context, job *rivertype.JobRow) error {
	return c.base.within(ctx, func(tx T) error {
		_, err := river.JobCompleteTx[riverdriver.Driver[T]](ctx, tx, &river.Job[anything]{JobRow: job})
		return err
	})
}
