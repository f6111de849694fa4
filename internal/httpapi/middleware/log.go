package middleware

import (
	"log/slog"
	"net/http"
	"time"

	"cartracker/internal/observe"
)

// Log writes one line for each request: a warning if the program failed, or if
// it took longer than slow, unless that is 0. The query is left out, and the
// path too but for who looks for errors: they may name people.
func Log(slow time.Duration) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			began, answer := time.Now(), watch(w)
			defer func() { answer.log(r, time.Since(began), slow) }()
			next.ServeHTTP(answer, r)
		})
	}
}

func (w *watched) log(r *http.Request, took, slow time.Duration) {
	level, message := slog.LevelInfo, "request"
	if w.status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	if slow > 0 && took >= slow && !w.long {
		level, message = slog.LevelWarn, "slow request"
	}
	ctx, log := r.Context(), slog.Default()
	if !log.Enabled(ctx, level) {
		return
	}
	var room [9]slog.Attr
	attrs := append(room[:0], slog.String("method", r.Method), slog.String("route", w.route), slog.Int("status", w.status),
		slog.Int("bytes", w.bytes), slog.Float64("ms", float64(took.Microseconds())/1000))
	if id := w.person.ID; id != "" {
		attrs = append(attrs, slog.String("userId", string(id)))
	}
	if cache := w.cache(); cache != "" {
		attrs = append(attrs, slog.String("cache", cache))
	}
	if log.Enabled(ctx, slog.LevelDebug) {
		attrs = append(attrs, slog.String("path", r.URL.Path))
	}
	log.LogAttrs(observe.WithRequestID(ctx, w.id), level, message, attrs...)
}

// cache tells what became of looking for the answer among those that are kept;
// "" if nobody did.
func (w *watched) cache() string {
	if v := w.Header()["X-Cache"]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// NoteRoute tells which route takes the request that w answers.
func NoteRoute(w http.ResponseWriter, route string) { watch(w).route = route }

// NoteLong tells that the request that w answers may take long: it sends or
// receives a file, or waits for something to happen.
func NoteLong(w http.ResponseWriter) { watch(w).long = true }
