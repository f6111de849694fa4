package httpapi

import (
	"context"
	"net/http"
	"reflect"

	"cartracker/internal/audit"
	"cartracker/internal/record"
)

func (a *API) auditRoutes() {
	at := func(path, summary string) route {
		return route{path: "/api/audit-logs" + path, tag: "Audit log", summary: summary, access: record.AdminOnly}
	}
	list(a, at("", "List who did what"), a.Audit.List)
	r := at("/statistics", "Count who did what")
	r.method, r.answer = http.MethodGet, reflect.TypeFor[success[audit.Statistics]]()
	register(a, r, func(ctx context.Context, f *audit.Selection) (reply, error) { return one(a.Audit.Statistics(ctx, *f)) })
	show[IDPath](a, at("/{id}", "Show one entry"), func(ctx context.Context, id string) (audit.Log, error) {
		return a.Audit.Get(ctx, audit.LogID(id))
	})
}
