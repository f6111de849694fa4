package middleware

import (
	"net/http"
	"time"

	"cartracker/internal/observe/metrics"
)

// Measure counts each request, and how long its answer took. It comes before
// all that may refuse one or panic.
func Measure(m *metrics.Requests) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			began, answer := time.Now(), watch(w)
			m.Begin()
			whole := false
			defer func() {
				m.End(metrics.Request{
					Route: answer.route, Method: r.Method, Status: answer.final(whole), Waits: answer.waits,
					Took: time.Since(began), Trace: answer.trace,
				})
			}()
			next.ServeHTTP(answer, r)
			whole = true
		})
	}
}

// NoteWait tells that the answer waits until there is something to tell: how long
// it takes says nothing.
func NoteWait(w http.ResponseWriter) {
	answer := watch(w)
	answer.waits, answer.long = true, true
}

// final is the status that the client has seen once the handler has ended. One
// that said nothing is 200 to net/http, unless it panicked: then the connection
// is cut off.
func (w *watched) final(whole bool) int {
	switch {
	case w.status != 0:
		return w.status
	case whole:
		return http.StatusOK
	}
	return http.StatusInternalServerError
}
