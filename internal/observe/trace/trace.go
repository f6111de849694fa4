// Package trace keeps traces and sends them to a collector, as OpenTelemetry
// defines both (OTLP over HTTP). What the collector does, or does not, delays
// nobody: what cannot be sent is dropped.
package trace

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	otel "go.opentelemetry.io/otel/trace"

	"cartracker/internal/observe"
)

const (
	mostWaiting = 4096            // spans that wait to be sent
	mostAtOnce  = 512             // in one message
	sendEvery   = 2 * time.Second // or as soon as there are mostAtOnce
	sendTime    = 5 * time.Second // for one message, with all attempts
	closeTime   = 2 * time.Second // for what is left at the end
	mostSpans   = 1000            // that one trace has here: a file of records would have a million
	mostText    = 2048            // bytes of an attribute
	mostNotes   = 32              // attributes of a span
)

// A Config says where traces go, which ones, and whose they are.
type Config struct {
	Endpoint    string            // of a collector, without /v1/traces; "": there is none
	Headers     map[string]string // for the collector; secret
	Gather      observe.Gatherer  // told of each trace; nil: nobody is
	Share       float64           // of traces that begin here which are kept, 0 to 1
	Version     string
	Environment string
	Instance    string // no other running program has it
}

// A Tracer is the observe.Tracer.
type Tracer struct {
	share    float64
	gather   observe.Gatherer
	tracer   otel.Tracer
	provider *sdk.TracerProvider
	out      *outlet // nil without a collector
}

var _ observe.Tracer = (*Tracer)(nil)

// Open returns a Tracer, which Close ends. It does not ask the collector anything.
func Open(c Config) (*Tracer, error) {
	about := resource.NewSchemaless(
		attribute.String("service.name", "cartracker"),
		attribute.String("service.version", c.Version),
		attribute.String("service.instance.id", c.Instance),
		attribute.String("deployment.environment.name", c.Environment),
	)
	// All is said here, so that nothing is taken from variables that are no
	// settings of ours, but what OTEL_RESOURCE_ATTRIBUTES adds to the resource. What
	// is kept is decided before a span is made.
	options := []sdk.TracerProviderOption{
		sdk.WithResource(about),
		sdk.WithSampler(sdk.AlwaysSample()),
		sdk.WithRawSpanLimits(sdk.SpanLimits{AttributeValueLengthLimit: mostText, AttributeCountLimit: mostNotes}),
	}
	t := &Tracer{share: c.Share, gather: c.Gather}
	if c.Endpoint != "" {
		var err error
		if t.out, err = newOutlet(c); err != nil {
			return nil, err
		}
		options = append(options, sdk.WithBatcher(t.out, sdk.WithMaxQueueSize(mostWaiting), sdk.WithMaxExportBatchSize(mostAtOnce),
			sdk.WithBatchTimeout(sendEvery), sdk.WithExportTimeout(sendTime)))
	}
	t.provider = sdk.NewTracerProvider(options...)
	t.tracer = t.provider.Tracer("cartracker")
	return t, nil
}

// Close sends what is left, for two seconds at most. Spans that end later are dropped.
func (t *Tracer) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTime)
	defer cancel()
	_ = t.provider.Shutdown(ctx) // the outlet logs what was lost
	if t.out != nil {
		t.out.cut() // a message that hangs
		<-t.out.closed
	}
	return nil
}

// Begin begins what this program does in a trace.
func (t *Tracer) Begin(kind observe.Kind, name string, from observe.Link, follow bool) observe.Recorder {
	keep := from.Sampled
	if !follow || !from.IsSet() {
		// Not by the id of the trace, which somebody else may have chosen.
		keep = rand.Float64() < t.share
	}
	if !keep {
		return nil
	}
	ctx := context.Background()
	if from.IsSet() {
		ctx = otel.ContextWithRemoteSpanContext(ctx, contextOf(from))
	}
	s := &span{whole: &whole{tracer: t.tracer, gather: t.gather}, kind: kind, first: true}
	_, s.own = t.tracer.Start(ctx, name, otel.WithSpanKind(kinds[kind]))
	s.whole.id = s.own.SpanContext().TraceID().String()
	return s
}

func contextOf(l observe.Link) otel.SpanContext {
	state, _ := otel.ParseTraceState(l.State) // what is malformed is left out
	c := otel.SpanContextConfig{TraceID: l.Trace, SpanID: l.Span, TraceState: state, Remote: true}
	if l.Sampled {
		c.TraceFlags = otel.FlagsSampled
	}
	return otel.NewSpanContext(c)
}

var kinds = map[observe.Kind]otel.SpanKind{
	observe.Internal: otel.SpanKindInternal, observe.Server: otel.SpanKindServer, observe.Client: otel.SpanKindClient,
	observe.Producer: otel.SpanKindProducer, observe.Consumer: otel.SpanKindConsumer,
}

// A whole is what all spans have in common that a trace has here.
type whole struct {
	tracer otel.Tracer
	id     string
	spans  atomic.Int64 // besides the first
	gather observe.Gatherer

	mu    sync.Mutex
	parts []observe.Done // that have ended
}

// A span is the observe.Recorder.
type span struct {
	*whole
	own   otel.Span
	kind  observe.Kind
	first bool
}

// Begin begins a part of the span.
func (s *span) Begin(kind observe.Kind, name string) observe.Recorder {
	if s.spans.Add(1) >= mostSpans {
		return nil
	}
	_, own := s.tracer.Start(otel.ContextWithSpan(context.Background(), s.own), name, otel.WithSpanKind(kinds[kind]))
	return &span{whole: s.whole, own: own, kind: kind}
}

func (s *span) Rename(name string)         { s.own.SetName(name) }
func (s *span) Text(key, value string)     { s.own.SetAttributes(attribute.String(key, value)) }
func (s *span) Number(key string, n int64) { s.own.SetAttributes(attribute.Int64(key, n)) }
func (s *span) Fail()                      { s.own.SetStatus(codes.Error, "") }
func (s *span) TraceID() string            { return s.id }

func (s *span) End() {
	if n := s.spans.Load(); s.first && n >= mostSpans {
		s.Number("cartracker.spans.beyond", n-mostSpans+1)
	}
	s.own.End()
	if s.gather != nil {
		s.ended()
	}
}

// ended keeps a part, and tells of all when the first span has ended. What ends
// later is left out.
func (s *span) ended() {
	d := s.done()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.first {
		s.parts = append(s.parts, d)
		return
	}
	s.gather(d, s.parts)
	s.parts = nil
}

func (s *span) done() observe.Done {
	own := s.own.(sdk.ReadOnlySpan) // as all are that are kept
	d := observe.Done{
		Link: s.Link(), Parent: own.Parent().SpanID(), Kind: s.kind, Name: own.Name(), Began: own.StartTime(), Ended: own.EndTime(),
		Notes: map[string]any{}, Failed: own.Status().Code == codes.Error,
	}
	for _, a := range own.Attributes() {
		d.Notes[string(a.Key)] = a.Value.AsInterface()
	}
	return d
}

func (s *span) Link() observe.Link {
	c := s.own.SpanContext()
	return observe.Link{Trace: c.TraceID(), Span: c.SpanID(), Sampled: true, State: c.TraceState().String()}
}
