package middleware

import (
	"log/slog"
	"net/http"
	"time"

	"cartracker/internal/observe"
)

// Log writes one line for each request. The query is left out: it may name people.
func Log(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, answer := time.Now(), watch(w)
		defer func() {
			if !slog.Default().Enabled(r.Context(), slog.LevelInfo) {
				return
			}
			ctx := observe.WithRequestID(r.Context(), answer.id)
			slog.LogAttrs(ctx, slog.LevelInfo, "request", slog.String("method", r.Method), slog.String("path", r.URL.Path),
				slog.String("route", answer.route), slog.Int("status", answer.status), slog.Int("bytes", answer.bytes),
				slog.Float64("ms", float64(time.Since(began).Microseconds())/1000))
		}()
		next.ServeHTTP(answer, r)
	})
}

// NoteRoute tells Log which route takes the request that w answers.
func NoteRoute(w http.ResponseWriter, route string) { watch(w).route = route }
