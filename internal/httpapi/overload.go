package httpapi

import (
	"context"
	"errors"
	"net/http"

	"cartracker/internal/overload"
)

// class is how important requests to a route are when not all can be served.
func (r route) class() overload.Class {
	switch {
	case r.idle:
		return overload.None
	case r.load != overload.None:
		return r.load
	case r.method == http.MethodGet:
		return overload.Read
	}
	return overload.Write
}

// placed returns a handler that has a place at the database from its first
// query to its last.
func (a *API) placed(handle func(context.Context) (reply, error)) func(context.Context) (reply, error) {
	return func(ctx context.Context) (reply, error) {
		ctx, leave, err := a.Gate.Pass(ctx)
		if err != nil {
			return reply{}, err
		}
		defer leave()
		return handle(ctx)
	}
}

// refused reports whether there was no place for a request.
func refused(err error) bool {
	_, ok := errors.AsType[*overload.Refusal](err)
	return ok
}
