package report

import (
	"strings"

	"github.com/getsentry/sentry-go"

	"cartracker/internal/ident"
	"cartracker/internal/observe"
)

// Trace queues what the program did in a trace. It is an observe.Gatherer. If
// there is too much to be sent it is left out, and nobody misses it.
func (c *Client) Trace(first observe.Done, parts []observe.Done) {
	c.put(c.traces, c.config.transaction(first, parts))
}

// transaction returns all that is sent of a trace: words of the program, ids and
// times.
func (c Config) transaction(first observe.Done, parts []observe.Done) *sentry.Event {
	user, _ := first.Notes["user.id"].(string)
	request, _ := first.Notes["cartracker.request.id"].(string)
	e := &sentry.Event{
		Type:            "transaction",
		EventID:         sentry.EventID(strings.ReplaceAll(ident.New[string](), "-", "")),
		Timestamp:       first.Ended.UTC(),
		StartTime:       first.Began.UTC(),
		Platform:        "go",
		Environment:     c.Environment,
		Release:         c.Release,
		ServerName:      c.Instance,
		Sdk:             sentry.SdkInfo{Name: agent, Version: c.Release},
		Transaction:     first.Name,
		TransactionInfo: &sentry.TransactionInfo{Source: sentry.SourceRoute},
		User:            sentry.User{ID: user},
		Tags:            map[string]string{},
		Contexts: map[string]sentry.Context{"trace": sentry.TraceContext{
			TraceID: sentry.TraceID(first.Trace), SpanID: sentry.SpanID(first.Span), ParentSpanID: sentry.SpanID(first.Parent),
			Op: operation(first), Status: status(first), Data: first.Notes,
		}.Map()},
	}
	if request != "" {
		e.Tags["requestId"] = request
	}
	for _, p := range parts {
		text := p.Name
		if query, ok := p.Notes["db.query.text"].(string); ok {
			text = query
			delete(p.Notes, "db.query.text") // it need not be sent twice: Sentry takes 1 MiB of a trace
		}
		e.Spans = append(e.Spans, &sentry.Span{
			TraceID: sentry.TraceID(p.Trace), SpanID: sentry.SpanID(p.Span), ParentSpanID: sentry.SpanID(p.Parent),
			Op: operation(p), Description: text, Status: status(p), StartTime: p.Began.UTC(), EndTime: p.Ended.UTC(), Data: p.Notes,
		})
	}
	return e
}

// operation is what Sentry sorts spans by:
// https://develop.sentry.dev/sdk/telemetry/traces/span-operations/
func operation(d observe.Done) string {
	system, _ := d.Notes["db.system.name"].(string)
	switch {
	case system == "redis":
		return "db.redis"
	case system != "":
		return "db.sql.query"
	}
	return map[observe.Kind]string{
		observe.Internal: "function", observe.Server: "http.server", observe.Client: "client", observe.Producer: "queue.publish", observe.Consumer: "queue.process",
	}[d.Kind]
}

func status(d observe.Done) sentry.SpanStatus {
	if d.Failed {
		return sentry.SpanStatusInternalError
	}
	return sentry.SpanStatusOK
}
