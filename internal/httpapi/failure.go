package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"cartracker/internal/fault"
	"cartracker/internal/httpapi/middleware"
	"cartracker/internal/observe"
	"cartracker/internal/page"
)

var statuses = map[fault.Kind]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Malformed:       http.StatusBadRequest,
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Stale:           http.StatusPreconditionFailed,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.Unsupported:     http.StatusUnsupportedMediaType,
	fault.Exhausted:       http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
}

// A Failure is the envelope of every answer that is an error.
type Failure struct {
	Authenticated *bool         `json:"authenticated,omitempty" doc:"false, from session-check only"`
	Success       bool          `json:"success"`
	Code          string        `json:"code" doc:"Stable and machine-readable."`
	Message       string        `json:"message" doc:"For a person."`
	Errors        []fault.Field `json:"errors,omitempty" doc:"Every wrong field, with status 422."`
	RequestID     string        `json:"requestId"`
	RetryAfter    int           `json:"retryAfter,omitempty" doc:"Seconds, with 429 and 503."`

	status int
}

// Error makes a Failure what huma returns.
func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// GetStatus returns the HTTP status.
func (f *Failure) GetStatus() int { return f.status }

// ContentType is that of every answer.
func (f *Failure) ContentType(string) string { return "application/json" }

// errAway is what the database's store says when it cannot be reached.
var errAway = fault.New(fault.Unavailable, "database_away", "")

// failureOf is failureTo for the request that a handler's context belongs to.
func failureOf(ctx context.Context, err error) *Failure {
	return failureTo(ctx, askedOf(ctx).writer, err)
}

// failureTo is the only place in the program where an error becomes an HTTP
// status: that of the request that w answers. What nobody may be told is logged
// and reported here, but not what the client has caused, or an overload.
func failureTo(ctx context.Context, w http.ResponseWriter, err error) *Failure {
	f := fault.Of(err)
	switch {
	case errors.Is(err, context.Canceled):
		slog.InfoContext(ctx, "the client went away", "err", err)
	case refused(err): // the gate tells the log once for all of them
	case f.Kind == fault.Internal:
		slog.ErrorContext(ctx, "request failed", "err", err)
		middleware.Tell(ctx, w, err, false)
	case f.Kind == fault.Unavailable:
		slog.WarnContext(ctx, "request refused", "code", f.Code, "err", err)
		if errors.Is(err, errAway) {
			middleware.Tell(ctx, w, err, true)
		}
	}
	out := &Failure{
		Code: f.Code, Message: f.Message, Errors: f.Fields, RequestID: observe.RequestID(ctx), status: statuses[f.Kind],
	}
	if f.Kind == fault.Unavailable || f.Kind == fault.Exhausted {
		out.RetryAfter = max(1, int(math.Ceil(f.RetryAfter.Seconds())))
	}
	return out
}

func (f *Failure) reply() reply {
	r, err := jsonReply(f.status, f)
	if err != nil { // a Failure is text and numbers
		return reply{status: http.StatusInternalServerError}
	}
	r.retry = f.RetryAfter
	return r
}

// fail answers a request with an error.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	failureTo(r.Context(), w, err).reply().write(w, r)
}

var hooks sync.Once

// setHooks makes huma answer with our envelope, and take arrays for never null.
func setHooks() {
	huma.DefaultArrayNullable = false
	huma.NewError = func(status int, message string, _ ...error) huma.StatusError {
		return &Failure{status: status, Message: message} // for the document only
	}
	huma.NewErrorWithContext = func(hc huma.Context, status int, message string, errs ...error) huma.StatusError {
		hc.SetHeader("Cache-Control", "no-store") // as reply does
		return humaFailure(hc.Context(), status, message, errs)
	}
}

// humaFailure is huma's own error as one of ours. huma reads path and query
// only: whatever it refuses there is a malformed request.
func humaFailure(ctx context.Context, status int, message string, errs []error) *Failure {
	var problems []string
	for _, err := range errs {
		if d, ok := err.(*huma.ErrorDetail); ok {
			_, name, _ := strings.Cut(d.Location, ".")
			problems = append(problems, name+": "+d.Message) // never its Value
		}
	}
	if len(problems) == 0 {
		return failureOf(ctx, fmt.Errorf("huma: %d %s", status, message))
	}
	return failureOf(ctx, page.ErrQuery.Say(strings.Join(problems, "; ")))
}
