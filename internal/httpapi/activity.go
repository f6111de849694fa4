package httpapi

import (
	"context"
	"net/http"
	"reflect"

	"cartracker/internal/record"
)

func (a *API) activityRoutes() {
	at := func(path, summary string) route {
		return route{path: "/api/activity" + path, tag: "Activity", summary: summary, access: record.Staff}
	}
	list(a, at("/users-status", "List the active users, and whether they are there"), a.Identity.Statuses)
	r := at("/online", "Tell who has the program open")
	r.method, r.answer = http.MethodGet, reflect.TypeFor[success[[]record.UserID]]()
	register(a, r, func(ctx context.Context, _ *struct{}) (reply, error) { return one(a.Identity.Online(ctx)) })
}
