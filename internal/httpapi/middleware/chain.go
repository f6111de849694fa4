// Package middleware is what every request passes on its way to its route,
// whatever the route is.
package middleware

import (
	"net/http"

	"cartracker/internal/observe"
	"cartracker/internal/record"
)

// A Fail answers a request with an error.
type Fail func(http.ResponseWriter, *http.Request, error)

// A Middleware wraps a handler.
type Middleware func(http.Handler) http.Handler

// Chain wraps h so that a request passes the first of all first.
func Chain(h http.Handler, all ...Middleware) http.Handler {
	for i := len(all) - 1; i >= 0; i-- {
		h = all[i](h)
	}
	return h
}

// A watched response remembers to whom it answers what.
type watched struct {
	http.ResponseWriter
	id, ip string // of the request
	trace  string // its id, if that is kept
	method string
	route  string
	waits  bool          // until there is something to tell
	person record.Person // who sends it
	report observe.Report
	long   bool // takes its time, and nobody wonders
	status int
	bytes  int
}

// watch returns w as one that remembers.
func watch(w http.ResponseWriter) *watched {
	if answer, ok := w.(*watched); ok {
		return answer
	}
	return &watched{ResponseWriter: w}
}

func (w *watched) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(b)
	w.bytes += n
	return n, err
}

// Unwrap gives http.ResponseController the connection's own writer.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }
