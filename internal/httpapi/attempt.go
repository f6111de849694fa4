package httpapi

import (
	"context"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/ratelimit"
	"cartracker/internal/record"
)

var errNoTurn = &fault.Error{
	Kind: fault.Unavailable, Code: "overloaded", Message: "too many sign in at the same time; try again in a moment", RetryAfter: time.Second,
}

// An attempt is a try to sign in, or to prove a password or a code.
type attempt struct {
	account func(context.Context) (string, error) // whose it is; nil if nobody knows before
	failed  func(error) bool                      // tells failures from other errors of try
	try     func(context.Context) error
	certain bool // no guess can succeed: only those that fail are refused
}

// attempt makes an attempt, unless too many have failed from the same address,
// or for the same account: of an account, ten times as many over all addresses.
func (a *API) attempt(ctx context.Context, t attempt) error {
	here := ratelimit.Key{Rule: a.Limits.Auth, Who: record.CallerOf(ctx).Network()}
	header := askedOf(ctx).writer.Header()
	err, refused := a.counted(ctx, t.failed, here, func(ctx context.Context) error {
		if t.account == nil || here.Rule.Off() {
			return t.try(ctx)
		}
		who, err := t.account(ctx)
		if err != nil {
			return err
		}
		all := ratelimit.Key{Rule: here.Rule.Times(10), Who: a.Fingerprint([]byte(who))}
		all.Rule.Name += "-account"
		err, refused := a.counted(ctx, t.failed, all, t.try)
		if refused != nil {
			return refused
		}
		return err
	})
	if refused != nil && t.certain {
		*askedOf(ctx).tried = true
		if err = t.try(ctx); err != nil && t.failed(err) {
			err = refused
		}
	} else if refused != nil {
		err = refused
	}
	if !here.Rule.Off() {
		a.tellLimit(header, here.Rule, a.Limiter.Peek(context.WithoutCancel(ctx), here.Rule, here.Who))
	}
	return err
}

// counted makes a try that counts for a key if it fails, or refuses it.
func (a *API) counted(ctx context.Context, failed func(error) bool, k ratelimit.Key, try func(context.Context) error) (err, refused error) {
	done, state, ok := a.Attempts.Begin(ctx, k)
	if !k.Rule.Off() {
		a.Metrics.Limited(k.Rule.Name, ok, state.Shared)
	}
	switch {
	case !ok && state.Remaining() > 0:
		return nil, errNoTurn
	case !ok:
		return nil, errTooMany(state)
	}
	*askedOf(ctx).tried = true
	err = try(ctx)
	done(err != nil && failed(err))
	return err, nil
}
