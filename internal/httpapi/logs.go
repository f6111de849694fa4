package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"reflect"
	"strings"

	"cartracker/internal/fault"
	"cartracker/internal/record"
)

// A levelBody says from where on this instance logs.
type levelBody struct {
	Level string `json:"level" enum:"debug,info,warn,error" doc:"The least that is logged."`
}

var (
	levelShape = newShape(reflect.TypeFor[levelBody](), nil, true)
	levels     = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}
)

func (a *API) logRoutes() {
	r := route{
		method: http.MethodPut, path: "/api/log-level", tag: "Operations", summary: "Change from where on this instance logs, until it is started anew",
		access: record.AdminOnly, body: reflect.TypeFor[levelBody](), answer: reflect.TypeFor[success[levelBody]](),
	}
	register(a, r, a.setLogLevel)
}

// setLogLevel changes the level once the audit log has it. The others go on as
// they are: an instance is told by whoever can ask it alone.
func (a *API) setLogLevel(ctx context.Context, _ *struct{}) (reply, error) {
	var in levelBody
	if err := levelShape.fill(askedOf(ctx).body, "", &in); err != nil {
		return reply{}, err
	}
	level, known := levels[in.Level]
	var bad fault.Fields
	bad.Check(known, "level", "must be debug, info, warn or error")
	if err := bad.Err(); err != nil {
		return reply{}, err
	}
	before := strings.ToLower(a.LogLevel.Level().String())
	err := a.Identity.Do(ctx, func(context.Context) (record.Entry, error) {
		did := "changed the log level of one instance from " + before + " to " + in.Level
		return record.Entry{Action: record.Update, Resource: "log-level", Description: did}, nil
	})
	if err != nil {
		return reply{}, err
	}
	a.LogLevel.Set(level)
	return jsonReply(http.StatusOK, success[levelBody]{Success: true, Data: in, Message: "changed on this instance only, until it is started anew"})
}
