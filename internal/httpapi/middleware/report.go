package middleware

import (
	"context"
	"net/http"

	"cartracker/internal/observe"
	"cartracker/internal/record"
)

// Report lets report be told what goes wrong with requests.
func Report(report observe.Report) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := watch(w)
			answer.method, answer.report = r.Method, report
			next.ServeHTTP(answer, r)
		})
	}
}

// NotePerson tells Report who sends the request that w answers.
func NotePerson(w http.ResponseWriter, p record.Person) { watch(w).person = p }

// Tell reports what went wrong with the request that w answers. Outage is what
// all requests meet until it is over.
func Tell(ctx context.Context, w http.ResponseWriter, err error, outage bool) {
	a := watch(w)
	a.report.Tell(ctx, observe.Trouble{
		Source: observe.InRequest, Place: a.route, Method: a.method, Err: err, Outage: outage,
		User: observe.User{ID: string(a.person.ID), Username: a.person.Username, Role: string(a.person.Role)},
	})
}
