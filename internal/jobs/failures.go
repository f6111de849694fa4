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

// HandleError decides about a job that returned an error.
func (f failures) HandleError(ctx context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	refused, forGood := errors.AsType[*mail.Refused](err)
	over := forGood || attempts(job) >= f.Attempts
	told := []any{"kind", job.Kind, "id", mailOf(job).ID, "attempt", attempts(job), "err", err}
	switch {
	case forGood:
		slog.WarnContext(ctx, "a mail was refused for good, and is given up", append(told, "answer", refused.Answer)...)
	case over:
		slog.WarnContext(ctx, "a job failed too often, and is given up", told...)
	default:
		slog.WarnContext(ctx, "a job failed, and is tried again", told...)
	}
	return &river.ErrorHandlerResult{SetCancelled: over}
}

// HandlePanic decides about a job whose worker panicked.
func (f failures) HandlePanic(ctx context.Context, job *rivertype.JobRow, value any, trace string) *river.ErrorHandlerResult {
	slog.ErrorContext(ctx, "a job panicked", "kind", job.Kind, "id", mailOf(job).ID, "attempt", attempts(job), "panic", value, "stack", trace)
	return &river.ErrorHandlerResult{SetCancelled: attempts(job) >= f.Attempts}
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
