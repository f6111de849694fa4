package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"sync"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/record"
)

// A Health is how the program is, as far as it knew a moment ago.
type Health struct {
	Timestamp date.Moment `json:"timestamp"`
	Uptime    float64     `json:"uptime" doc:"In seconds."`
	Version   string      `json:"version"`
	Database  string      `json:"database" enum:"connected,down"`
	Redis     string      `json:"redis" enum:"connected,down,embedded"`
	Unready   string      `json:"-"` // why no requests should come here; "" if they should
}

type healthAnswer struct {
	Status string `json:"status" enum:"ok"`
	Health
}

type readyAnswer struct {
	Status string `json:"status" enum:"ready"`
}

func (a *API) operationsRoutes() {
	at := func(path, summary string, access record.Access, answer reflect.Type) route {
		return route{method: http.MethodGet, path: path, tag: "Operations", summary: summary, access: access, answer: answer, limiter: never, idle: true}
	}
	register(a, at("/health", "Tell how the program is", record.Anyone, reflect.TypeFor[healthAnswer]()),
		func(context.Context, *struct{}) (reply, error) {
			return unkept(jsonReply(http.StatusOK, healthAnswer{"ok", a.Health()}))
		})
	register(a, at("/health/ready", "Tell whether requests should come here", record.Anyone, reflect.TypeFor[readyAnswer]()), a.ready)
	tableAccess := record.AdminOnly
	if a.Development {
		tableAccess = record.Anyone
	}
	register(a, at("/routes", "List all routes", tableAccess, reflect.TypeFor[success[[]Route]]()),
		func(context.Context, *struct{}) (reply, error) { return one(a.Table(), nil) })
	r := at("/openapi.json", "Describe the API (OpenAPI 3.1)", record.Anyone, nil)
	r.kind, r.limiter = "application/vnd.oai.openapi+json", byCaller
	register(a, r, a.describe(r.kind, func() ([]byte, error) { return json.Marshal(a.OpenAPI()) }))
	r = at("/openapi.yaml", "Describe the API (OpenAPI 3.1)", record.Anyone, nil)
	r.kind, r.limiter = "application/vnd.oai.openapi", byCaller
	register(a, r, a.describe(r.kind, func() ([]byte, error) { return a.OpenAPI().YAML() }))
}

// describe answers with a description of the API.
func (a *API) describe(kind string, render func() ([]byte, error)) func(context.Context, *struct{}) (reply, error) {
	once := sync.OnceValues(render) // rendering takes tens of milliseconds, and anybody may ask
	return func(context.Context, *struct{}) (reply, error) {
		body, err := once()
		return reply{status: http.StatusOK, body: body, kind: kind, tagged: true}, err
	}
}

func (a *API) ready(context.Context, *struct{}) (reply, error) {
	if why := a.Health().Unready; why != "" {
		return reply{}, &fault.Error{Kind: fault.Unavailable, Code: "not_ready", Message: why, RetryAfter: 5 * time.Second}
	}
	return unkept(jsonReply(http.StatusOK, readyAnswer{"ready"}))
}

// unkept marks an answer as one that nobody may keep.
func unkept(r reply, err error) (reply, error) {
	r.secret = true
	return r, err
}
