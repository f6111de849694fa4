package httpapi

import (
	"context"

	"cartracker/internal/audit"
	"cartracker/internal/record"
)

func (a *API) auditRoutes() {
	at := func(path, summary string) route {
		return route{path: "/api/audit-logs" + path, tag: "Audit log", summary: summary, access: record.AdminOnly}
	}
	list(a, at("", "List who did what"), a.Audit.List)
	show[IDPath](a, at("/{id}", "Show one entry"), func(ctx context.Context, id string) (audit.Log, error) {
		return a.Audit.Get(ctx, audit.LogID(id))
	})
}
