package trace

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

const (
	firstPause   = 500 * time.Millisecond // before a second attempt
	longestPause = 2 * time.Second
	mostAnswer   = 64 << 10    // bytes that a collector may answer
	tellEvery    = time.Minute // how often the log is told that a collector is away
)

// An outlet sends spans to a collector. It returns no errors, which
// OpenTelemetry would print by itself, but logs them, seldom.
type outlet struct {
	to       *otlptrace.Exporter
	client   *http.Client
	end      context.Context // of all that is under way
	cut      context.CancelFunc
	closed   chan struct{}
	once     sync.Once
	withheld *strings.Replacer // takes the headers out of what is logged

	// The batcher sends one message after the other, so nobody else uses these.
	lost int       // spans, since it was logged
	told time.Time // when that was; zero if the collector takes them
}

func newOutlet(c Config) (*outlet, error) {
	at, err := url.JoinPath(c.Endpoint, "v1/traces")
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	client := &http.Client{
		Transport: transport, Timeout: sendTime,
		// Elsewhere the headers are nobody's.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	to := otlptracehttp.NewUnstarted(
		otlptracehttp.WithEndpointURL(at), otlptracehttp.WithHeaders(c.Headers), otlptracehttp.WithHTTPClient(client),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression), otlptracehttp.WithMaxResponseSize(mostAnswer),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: firstPause, MaxInterval: longestPause, MaxElapsedTime: sendTime}),
	)
	if err := to.Start(context.Background()); err != nil { // which asks nobody
		return nil, err
	}
	o := &outlet{to: to, client: client, closed: make(chan struct{}), withheld: withholding(c.Headers)}
	o.end, o.cut = context.WithCancel(context.Background())
	return o, nil
}

func withholding(headers map[string]string) *strings.Replacer {
	var pairs []string
	for _, value := range headers {
		for _, word := range strings.Fields(value) {
			pairs = append(pairs, word, "***")
		}
	}
	return strings.NewReplacer(pairs...)
}

var _ sdk.SpanExporter = (*outlet)(nil)

// ExportSpans sends spans, or drops them.
func (o *outlet) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	if o.end.Err() != nil { // there was time enough
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(o.end, cancel)()
	o.note(o.to.ExportSpans(ctx, spans), len(spans))
	return nil
}

// note logs that the collector is away, or is there again.
func (o *outlet) note(err error, n int) {
	switch {
	case err == nil && !o.told.IsZero():
		slog.Info("traces are taken again")
		o.told, o.lost = time.Time{}, 0
	case err != nil:
		if o.lost += n; time.Since(o.told) >= tellEvery {
			slog.Warn("traces could not be sent and are dropped", "spans", o.lost, "err", o.withheld.Replace(err.Error()))
			o.told, o.lost = time.Now(), 0
		}
	}
}

// Shutdown ends the connections, when nothing is sent any more.
func (o *outlet) Shutdown(ctx context.Context) error {
	o.once.Do(func() {
		_ = o.to.Shutdown(ctx) // only a context that is done
		o.client.CloseIdleConnections()
		close(o.closed)
	})
	return nil
}
