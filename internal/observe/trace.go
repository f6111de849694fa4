package observe

import "context"

type traceKey struct{}

// WithTraceID returns a context of the trace with this id.
func WithTraceID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, traceKey{}, id)
}

// TraceID returns the id of the trace that ctx is in, "" for none.
func TraceID(ctx context.Context) string {
	id, _ := ctx.Value(traceKey{}).(string)
	return id
}
