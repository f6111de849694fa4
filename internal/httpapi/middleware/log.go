package middleware

import (
	"context"
	"log/slog"
	"net/http"
	"time"
)

type routeKey struct{}

// Log writes one line for each request. The query is left out: it may name people.
func Log(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, answer, route := time.Now(), &watched{ResponseWriter: w}, new(string)
		r = r.WithContext(context.WithValue(r.Context(), routeKey{}, route))
		defer func() {
			slog.InfoContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "route", *route,
				"status", answer.status, "bytes", answer.bytes, "ms", float64(time.Since(began).Microseconds())/1000)
		}()
		next.ServeHTTP(answer, r)
	})
}

// NoteRoute tells Log which route takes a request.
func NoteRoute(r *http.Request, pattern string) {
	if route, ok := r.Context().Value(routeKey{}).(*string); ok {
		*route = pattern
	}
}
