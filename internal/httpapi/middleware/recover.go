package middleware

import (
	"log/slog"
	"net/http"
	"runtime/debug"

	"cartracker/internal/observe"
	"cartracker/internal/part"
)

// Recover makes a panic a logged 500, and cuts off an answer that had begun. It
// is reported by fail, or here if that cannot answer any more.
func Recover(fail Fail) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := watch(w)
			defer func() {
				v := recover()
				if v == nil {
					return
				}
				if v == http.ErrAbortHandler {
					panic(v)
				}
				r = As(r, Visitor(answer, r))
				err := &part.Panic{Value: v, Stack: string(debug.Stack())}
				slog.ErrorContext(r.Context(), "panic", "err", err, observe.StackKey, err.Stack)
				if answer.status != 0 {
					Tell(r.Context(), answer, err, false)
					panic(http.ErrAbortHandler)
				}
				fail(answer, r, err)
			}()
			next.ServeHTTP(answer, r)
		})
	}
}
