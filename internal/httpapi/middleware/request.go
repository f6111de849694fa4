package middleware

import (
	"net/http"
	"regexp"

	"cartracker/internal/ident"
	"cartracker/internal/observe"
)

var requestID = regexp.MustCompile(`^[A-Za-z0-9_-]{8,64}$`)

// RequestID takes the id that a request brings, if it is a plain one, or makes
// one, answers it, and puts it into the context and so into every log line.
func RequestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get("X-Request-Id")
		if !requestID.MatchString(id) {
			id = ident.New[string]()
		}
		w.Header().Set("X-Request-Id", id)
		next.ServeHTTP(w, r.WithContext(observe.WithRequestID(r.Context(), id)))
	})
}
