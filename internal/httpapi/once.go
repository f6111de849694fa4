package httpapi

import (
	"context"
	"net/http"
	"strings"

	"cartracker/internal/fault"
	"cartracker/internal/record"
)

// A Replayer does what has an Idempotency-Key once.
type Replayer interface {
	Once(context.Context, record.Replay, func(context.Context) (record.Answer, error)) (a record.Answer, again bool, err error)
}

var errKey = fault.New(fault.Malformed, "bad_request", "Idempotency-Key must have 1 to 255 visible characters")

// once does what a request asks for, or answers what was answered to the same
// request before, if it has an Idempotency-Key.
func (a *API) once(ctx context.Context, r route, do func(context.Context) (reply, error)) (reply, error) {
	q := askedOf(ctx)
	name, err := key(q.Header)
	if err != nil || name == "" {
		return orDo(ctx, err, a.placed(do))
	}
	replay := record.Replay{
		Caller: string(record.CallerOf(ctx).ID), Route: r.method + " " + r.path,
		Name: name, Fingerprint: a.Fingerprint(q.body),
	}
	answer, again, err := a.Replays.Once(ctx, replay, func(ctx context.Context) (record.Answer, error) {
		rep, err := do(ctx)
		return record.Answer{Status: rep.status, Location: rep.location, Body: rep.body}, err
	})
	return reply{status: answer.Status, location: answer.Location, body: answer.Body, replayed: again}, err
}

func orDo(ctx context.Context, err error, do func(context.Context) (reply, error)) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	return do(ctx)
}

// key returns the Idempotency-Key of a request, quoted or bare; "" if there is none.
func key(h http.Header) (string, error) {
	values := h.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	k := values[0]
	if len(k) >= 2 && k[0] == '"' && k[len(k)-1] == '"' {
		k = k[1 : len(k)-1]
	}
	bad := strings.IndexFunc(k, func(r rune) bool { return r <= ' ' || r > '~' })
	if len(values) > 1 || k == "" || len(k) > 255 || bad >= 0 {
		return "", errKey
	}
	return k, nil
}
