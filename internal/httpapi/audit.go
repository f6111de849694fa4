package httpapi

import (
	"context"
	"io"
	"net/http"
	"reflect"

	"cartracker/internal/audit"
	"cartracker/internal/overload"
	"cartracker/internal/record"
	"cartracker/internal/transfer"
)

func (a *API) auditRoutes() {
	at := func(path, summary string) route {
		return route{path: "/api/audit-logs" + path, tag: "Audit log", summary: summary, access: record.AdminOnly}
	}
	list(a, at("", "List who did what"), a.Audit.List)
	export := at("/export", "Export who did what, the oldest first")
	export.method, export.kind, export.load, export.apart = http.MethodGet, "text/csv", overload.Report, true
	register(a, export, a.exportAudit)
	r := at("/statistics", "Count who did what")
	r.method, r.answer, r.load = http.MethodGet, reflect.TypeFor[success[audit.Statistics]](), overload.Report
	register(a, r, func(ctx context.Context, f *audit.Selection) (reply, error) { return one(a.Audit.Statistics(ctx, *f)) })
	show[IDPath](a, at("/{id}", "Show one entry"), func(ctx context.Context, id string) (audit.Log, error) {
		return a.Audit.Get(ctx, audit.LogID(id))
	})
}

// exportQuery selects entries as a list does, but all of them.
type exportQuery struct {
	audit.Selection
	Format string `query:"format" enum:"csv,json" default:"csv"`
}

func (a *API) exportAudit(ctx context.Context, q *exportQuery) (reply, error) {
	s := &stream{kind: "text/csv; charset=utf-8", file: "audit.csv"}
	if q.Format == string(transfer.JSON) {
		s.kind, s.file = "application/json; charset=utf-8", "audit.json"
	}
	s.write = func(w io.Writer) error {
		_, leave, err := a.Gate.Pass(ctx)
		if err != nil {
			return err
		}
		leave() // each page asks for a place of its own: the client may take minutes to read what is between
		return a.Transfer.ExportAudit(overload.Patiently(ctx), q.Selection, transfer.Format(q.Format), w)
	}
	return reply{stream: s}, nil
}
