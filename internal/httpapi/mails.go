package httpapi

import (
	"context"
	"net/http"
	"reflect"

	"cartracker/internal/mail"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// A MailQueue is what becomes of mails, for admins to look at and to mend.
type MailQueue interface {
	Stats(context.Context) (mail.Stats, error)
	// List returns the mails in a state, or all of them, the newest first.
	List(context.Context, mail.State, page.Query) (page.Of[mail.Job], error)
	// Retry lets a mail that failed be tried again.
	Retry(ctx context.Context, id string) (mail.Job, error)
	// PurgeFailed forgets the mails that failed, and returns how many.
	PurgeFailed(context.Context) (int, error)
	Pause(context.Context) error
	Resume(context.Context) error
}

type mailsQuery struct {
	State mail.State `query:"state" enum:"waiting,active,delayed,completed,failed" doc:"All of them unless told otherwise."`
	page.Query
}

type removed struct {
	Removed int `json:"removed"`
}

func (a *API) mailRoutes() {
	at := func(method, path, summary string, answer reflect.Type) route {
		return route{
			method: method, path: "/api/email-queue" + path, tag: "Mail", summary: summary, access: record.AdminOnly, answer: answer,
		}
	}
	register(a, at("GET", "/stats", "Count the mails that are on their way", reflect.TypeFor[success[mail.Stats]]()),
		func(ctx context.Context, _ *struct{}) (reply, error) { return one(a.Mails.Stats(ctx)) })
	list(a, at("", "/jobs", "List the mails that are on their way, sent or given up", nil),
		func(ctx context.Context, q mailsQuery) (page.Of[mail.Job], error) {
			return a.Mails.List(ctx, q.State, q.Query)
		})
	r := at("POST", "/jobs/{id}/retry", "Let a mail that failed be tried again", reflect.TypeFor[success[mail.Job]]())
	r.errors = []int{http.StatusNotFound, http.StatusConflict}
	register(a, r, func(ctx context.Context, p *IDPath) (reply, error) {
		id, err := p.ref()
		if err != nil {
			return reply{}, err
		}
		return one(a.Mails.Retry(ctx, id))
	})
	register(a, at("DELETE", "/failed", "Forget the mails that failed", reflect.TypeFor[success[removed]]()),
		func(ctx context.Context, _ *struct{}) (reply, error) {
			n, err := a.Mails.PurgeFailed(ctx)
			return one(removed{n}, err)
		})
	done := reflect.TypeFor[success[*struct{}]]()
	register(a, at("POST", "/pause", "Stop sending mails, on all instances", done), a.mailControl("paused", func(ctx context.Context) error { return a.Mails.Pause(ctx) }))
	register(a, at("POST", "/resume", "Send mails again", done), a.mailControl("sending mails again", func(ctx context.Context) error { return a.Mails.Resume(ctx) }))
}

func (a *API) mailControl(message string, do func(context.Context) error) func(context.Context, *struct{}) (reply, error) {
	return func(ctx context.Context, _ *struct{}) (reply, error) {
		if err := do(ctx); err != nil {
			return reply{}, err
		}
		return nothing(message)
	}
}
