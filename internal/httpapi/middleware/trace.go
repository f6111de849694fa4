package middleware

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"

	"cartracker/internal/observe"
)

// known are the methods that may stand in the name of a span.
var known = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

// Trace keeps what happens in a request, if t wants to. The request belongs to
// the trace that it names (W3C Trace Context); but only one of these proxies
// decides whether that is kept, and may note more. It stands behind Visit; t may
// be nil.
func Trace(t observe.Tracer, proxies []netip.Prefix) Middleware {
	return func(next http.Handler) http.Handler {
		if t == nil {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			from, answer := linkOf(r), watch(w)
			ours := from.IsSet() && trusted(proxies, address(r.RemoteAddr))
			if !ours {
				from.State = ""
			}
			ctx, span := observe.Begin(r.Context(), t, observe.Server, r.Method, from, ours)
			if span.Kept() {
				r = r.WithContext(ctx)
				if l, kept := observe.LinkOf(ctx); kept {
					answer.trace = l.TraceID()
				}
				defer describe(span, r.Method, answer)
			}
			next.ServeHTTP(answer, r)
		})
	}
}

// linkOf returns the span that a request names. Who names two names none.
func linkOf(r *http.Request) observe.Link {
	parents, states := r.Header["Traceparent"], r.Header["Tracestate"]
	if len(parents) != 1 {
		return observe.Link{}
	}
	state := ""
	if len(states) == 1 {
		state = states[0]
	}
	l, _ := observe.ParseLink(parents[0], state)
	return l
}

// describe ends the span of a request, as OpenTelemetry describes those of
// servers. Path and query are left out: they may name people.
func describe(span observe.Span, method string, w *watched) {
	if !slices.Contains(known, method) {
		method = "_OTHER"
	}
	name := method
	if w.route != "" {
		name += " " + w.route
		span.Text("http.route", w.route)
	}
	span.Rename(name)
	span.Text("http.request.method", method)
	span.Text("cartracker.request.id", w.id)
	if id := w.person.ID; id != "" {
		span.Text("user.id", string(id))
	}
	if cache := w.cache(); cache != "" {
		span.Text("cartracker.cache", cache)
	}
	if w.status != 0 {
		span.Number("http.response.status_code", w.status)
		span.Number("http.response.body.size", w.bytes)
	}
	if w.status >= http.StatusInternalServerError {
		span.Fail(strconv.Itoa(w.status))
	}
	span.End(nil)
}
