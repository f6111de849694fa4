package httpapi

import (
	"context"
	"net/http"
	"reflect"

	"cartracker/internal/notifications"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

type recentQuery struct {
	notifications.Filter
	Days int `query:"days" minimum:"1" maximum:"90" default:"7" doc:"How many times 24 hours back."`
}

type unreadCount struct {
	Count int `json:"count"`
}

type affected struct {
	Affected int `json:"affected"`
}

type sent struct {
	Sent int `json:"sent" doc:"To how many users."`
}

var messageShape = newShape(reflect.TypeFor[notifications.Draft](), nil, true)

func (a *API) notificationRoutes() {
	s := a.Notifications
	at := func(path, summary string) route {
		return route{path: "/api/notifications" + path, tag: "Notifications", summary: summary, access: record.SignedIn}
	}
	list(a, at("", "List the own notifications"), s.List)
	list(a, at("/unread", "List those that are not seen yet"), s.Unread)
	list(a, at("/recent", "List those of the last days"), func(ctx context.Context, q recentQuery) (page.Of[notifications.Notification], error) {
		return s.Recent(ctx, q.Days, q.Filter)
	})
	r := at("/unread/count", "Count those that are not seen yet")
	r.method, r.answer = http.MethodGet, reflect.TypeFor[success[unreadCount]]()
	register(a, r, func(ctx context.Context, _ *struct{}) (reply, error) {
		n, err := s.UnreadCount(ctx)
		return one(unreadCount{n}, err)
	})
	r = at("/{id}/seen", "Mark one as seen")
	r.method, r.answer = http.MethodPatch, reflect.TypeFor[success[notifications.Notification]]()
	register(a, r, func(ctx context.Context, p *IDPath) (reply, error) {
		id, err := p.ref()
		if err != nil {
			return reply{}, err
		}
		return one(s.Seen(ctx, notifications.ID(id)))
	})
	r = at("/mark-all-seen", "Mark all as seen")
	r.method, r.answer = http.MethodPatch, reflect.TypeFor[success[affected]]()
	register(a, r, func(ctx context.Context, _ *struct{}) (reply, error) {
		n, err := s.MarkAllSeen(ctx)
		return one(affected{n}, err)
	})
	r = at("/{id}", "Delete one")
	r.method, r.answer = http.MethodDelete, reflect.TypeFor[success[*struct{}]]()
	register(a, r, func(ctx context.Context, p *IDPath) (reply, error) {
		id, err := p.ref()
		if err != nil {
			return reply{}, err
		}
		if err := s.Delete(ctx, notifications.ID(id)); err != nil {
			return reply{}, err
		}
		return nothing("deleted")
	})
	a.sendRoute(at("", "Send a message to a user, or to all of a role"))
}

// sendRoute adds the route that writes into the inboxes of others, which are
// not where it can be read.
func (a *API) sendRoute(r route) {
	r.access, r.method, r.status, r.keyed, r.apart = record.Staff, http.MethodPost, http.StatusCreated, true, true
	r.body, r.answer = reflect.TypeFor[notifications.Draft](), reflect.TypeFor[success[sent]]()
	register(a, r, func(ctx context.Context, _ *struct{}) (reply, error) {
		return a.once(ctx, r, func(ctx context.Context) (reply, error) {
			n, err := a.Notifications.Send(ctx, func(d *notifications.Draft) error {
				return messageShape.fill(askedOf(ctx).body, "", d)
			})
			if err != nil {
				return reply{}, err
			}
			rep, err := data(http.StatusCreated, sent{n})
			rep.location = r.path
			return rep, err
		})
	})
}
