// Package tracetest is a collector of traces for a test: a server that takes
// OTLP over HTTP, or does what a test wants it to do instead.
package tracetest

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// A Span is one that arrived.
type Span struct {
	Trace, ID, Parent string // hexadecimal; no parent: ""
	Name              string
	Kind              string // SERVER and the like
	State             string
	Failed            bool
	Note              map[string]string // attributes
	About             map[string]string // who sent it
}

// A Sink is a collector on 127.0.0.1. It is stopped when its test ends.
type Sink struct {
	*httptest.Server

	mu     sync.Mutex
	answer http.HandlerFunc // in place of taking spans; nil
	spans  []Span
	raw    bytes.Buffer // everything that came, headers too
}

// New starts a Sink.
func New(t testing.TB) *Sink {
	s := &Sink{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// Instead lets the sink answer so from now on; nil: as it should.
func (s *Sink) Instead(answer http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *Sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	if err := s.take(r); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
	}
}

func (s *Sink) take(r *http.Request) error {
	if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, "/v1/traces") || r.Header.Get("Content-Type") != "application/x-protobuf" {
		return fmt.Errorf("not a message with traces: %s %s %s", r.Method, r.URL, r.Header.Get("Content-Type"))
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		body = unpacked
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var message collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(raw, &message); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = r.Header.Write(&s.raw) // a buffer takes all
	s.raw.Write(raw)
	for _, from := range message.ResourceSpans {
		for _, scope := range from.ScopeSpans {
			for _, v := range scope.Spans {
				s.spans = append(s.spans, spanOf(v, from.Resource.Attributes))
			}
		}
	}
	return nil
}

func spanOf(v *otlp.Span, about []*common.KeyValue) Span {
	return Span{
		Trace: hex.EncodeToString(v.TraceId), ID: hex.EncodeToString(v.SpanId), Parent: hex.EncodeToString(v.ParentSpanId),
		Name: v.Name, Kind: strings.TrimPrefix(v.Kind.String(), "SPAN_KIND_"), State: v.TraceState,
		Failed: v.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR, Note: notes(v.Attributes), About: notes(about),
	}
}

func notes(all []*common.KeyValue) map[string]string {
	out := map[string]string{}
	for _, a := range all {
		switch v := a.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			out[a.Key] = v.StringValue
		case *common.AnyValue_IntValue:
			out[a.Key] = fmt.Sprint(v.IntValue)
		default:
			out[a.Key] = a.Value.String()
		}
	}
	return out
}

// Spans returns all that arrived.
func (s *Sink) Spans() []Span {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.spans)
}

// Raw returns everything that came, byte by byte.
func (s *Sink) Raw() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw.String()
}
