package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"cartracker/internal/mail"
	"cartracker/internal/observe"
	"cartracker/internal/part"
)

// longestBackoff bounds the time between two attempts.
const longestBackoff = time.Hour

// failures decides what becomes of a job that failed: it is tried again, later
// each time, until its attempts are used up.
type failures struct{ *Queue }

var (
	_ river.ErrorHandler      = failures{}
	_ river.ClientRetryPolicy = failures{}
)

// HandleError decides about a job that returned an error. One of a kind that
// this program does not know is left to those that do.
func (f failures) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	_, strange := errors.AsType[*rivertype.UnknownJobKindError](err)
	_, refused := errors.AsType[*mail.Refused](err)
	over := !strange && (refused || attempts(job) >= f.Attempts)
	j := mailOf(job)
	told := []any{"kind", job.Kind, "id", j.ID, "user", j.User, "attempt", attempts(job), "err", err}
	switch {
	case refused:
		slog.WarnContext(ctx, "a mail was refused for good, and is given up", told...)
	case over:
		slog.WarnContext(ctx, "a job failed too often, and is given up", told...)
	default:
		slog.WarnContext(ctx, "a job failed, and is tried again", told...)
	}
	if !strange { // its kind may be any text
		f.tell(job.Kind, over)
	}
	if over {
		f.Report.Tell(ctx, observe.Trouble{Source: observe.InJob, Place: job.Kind, Err: err})
	}
	return f.decide(ctx, j.ID, over)
}

// HandlePanic decides about a job whose worker panicked.
func (f failures) HandlePanic(ctx context.Context, job *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	j, err := mailOf(job), &part.Panic{Value: value, Stack: trace}
	slog.ErrorContext(ctx, "a job panicked", "kind", job.Kind, "id", j.ID, "user", j.User, "attempt", attempts(job), "err", err, observe.StackKey, trace)
	f.Report.Tell(ctx, observe.Trouble{Source: observe.InJob, Place: job.Kind, Err: err})
	over := attempts(job) >= f.Attempts
	f.tell(job.Kind, over)
	return f.decide(ctx, j.ID, over)
}

// tell says what becomes of a job that failed.
func (f failures) tell(kind string, over bool) {
	if f.Broke != nil {
		f.Broke(kind, over)
	}
}

// decide gives a job up if it is over, and the link with it that nobody has:
// it would only keep the user from being sent another one.
func (f failures) decide(ctx context.Context, id string, over bool) *river.ErrorHandlerResult {
	if over && id != "" {
		if err := f.Identity.Withdraw(context.WithoutCancel(ctx), id); err != nil {
			slog.WarnContext(ctx, "the link of a mail that is given up could not be deleted", "id", id, "err", err)
		}
	}
	return &river.ErrorHandlerResult{SetCancelled: over}
}

// NextRetry returns when a job that failed is tried again: after twice as long
// as the last time, give or take a fifth, so that not all come at once.
func (f failures) NextRetry(job *rivertype.JobRow) time.Time {
	wait := f.Backoff
	for n := 1; n < attempts(job) && wait < longestBackoff; n++ {
		wait *= 2
	}
	wait = min(wait, longestBackoff)
	return time.Now().Add(wait*4/5 + rand.N(wait*2/5+1))
}

// attempts returns how many attempts of a job count, the one that runs
// included: not those that ended because the program did.
func attempts(job *rivertype.JobRow) int {
	var m struct {
		Rescues int `json:"river:rescue_count"`
	}
	_ = json.Unmarshal(job.Metadata, &m) // without it there were none
	return job.Attempt - m.Rescues
}
