package jobs

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"cartracker/internal/observe"
)

// origin is what a job remembers of the span in which it was queued, among
// River's metadata.
type origin struct {
	Traceparent string `json:"traceparent,omitempty"`
	Tracestate  string `json:"tracestate,omitempty"`
}

// insert queues a job in the transaction of ctx, as a part of what ctx belongs
// to: so is what is done when the job is worked, by whichever instance.
func (q *Queue) insert(ctx context.Context, args river.JobArgs, o *river.InsertOpts) (err error) {
	ctx, span := observe.Start(ctx, observe.Producer, "queue "+args.Kind())
	defer func() { span.End(err) }()
	if l, kept := observe.LinkOf(ctx); kept {
		if o.Metadata, err = json.Marshal(origin{l.Traceparent(), l.State}); err != nil {
			return err
		}
	}
	return q.client.insert(ctx, args, o)
}

// traced works a job as a part of the trace in which it was queued, if that is kept.
func (q *Queue) traced(ctx context.Context, row *rivertype.JobRow, work func(context.Context) error) (err error) {
	var from origin
	_ = json.Unmarshal(row.Metadata, &from) // what cannot be read is from nowhere
	l, follow := observe.ParseLink(from.Traceparent, from.Tracestate)
	ctx, span := observe.Begin(ctx, q.Tracer, observe.Consumer, row.Kind, l, follow)
	span.Text("cartracker.queue", row.Queue)
	span.Number("cartracker.attempt", attempts(row))
	defer func() {
		if _, later := errors.AsType[*rivertype.JobSnoozeError](err); later { // it did not have its turn
			span.Text("error.type", "snoozed")
			span.End(nil)
			return
		}
		span.End(err)
	}()
	return work(ctx)
}
