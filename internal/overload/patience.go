package overload

import (
	"context"
	"errors"
	"time"
)

// tries is how often a place is asked for patiently. Between two tries are the
// seconds that a refusal tells.
const tries = 8

type patientKey struct{}

// Patiently returns a context in which Pass, when it is refused, asks again some
// times before it gives up, as the client would: for an answer of which a part
// has been sent, so that the rest of it cannot be asked for.
func Patiently(ctx context.Context) context.Context {
	return context.WithValue(ctx, patientKey{}, true)
}

// insist is Enter, patiently where ctx says so.
func (g *Gate) insist(ctx context.Context, c Class) (leave func(), err error) {
	patient, _ := ctx.Value(patientKey{}).(bool)
	for n := 1; ; n++ {
		leave, err = g.Enter(ctx, c)
		r, refused := errors.AsType[*Refusal](err)
		if !refused || !patient || n == tries {
			return leave, err
		}
		select {
		case <-time.After(r.fault.RetryAfter):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
