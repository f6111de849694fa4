package trace_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cartracker/internal/fault"
	"cartracker/internal/machinetest"
	"cartracker/internal/observe"
	"cartracker/internal/observe/trace"
	"cartracker/internal/observe/trace/tracetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func open(t *testing.T, url string, share float64) *trace.Tracer {
	t.Helper()
	tr, err := trace.Open(trace.Config{
		Endpoint: url, Share: share, Version: "v1", Environment: "test", Instance: "here",
		Headers: map[string]string{"Authorization": "Bearer hunter2hunter2"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func link(t *testing.T, traceparent, tracestate string) observe.Link {
	t.Helper()
	l, ok := observe.ParseLink(traceparent, tracestate)
	if !ok {
		t.Fatal(traceparent)
	}
	return l
}

// work makes a trace of three spans.
func work(tr observe.Tracer, from observe.Link, follow bool) (id string) {
	ctx, whole := observe.Begin(context.Background(), tr, observe.Server, "GET", from, follow)
	inside, part := observe.Start(ctx, observe.Internal, "transaction")
	_, query := observe.Start(inside, observe.Client, "SELECT")
	query.Text("db.query.text", "SELECT 1")
	query.Number("rows", 7)
	query.End(fault.New(fault.Conflict, "car_taken", "zq7 secret"))
	part.End(errors.New("zq8 secret"))
	whole.Rename("GET /api/cars")
	whole.End(nil)
	return observe.TraceID(ctx)
}

func TestTree(t *testing.T) {
	sink := tracetest.New(t)
	tr := open(t, sink.URL+"/otlp", 1)
	id := work(tr, observe.Link{}, false)
	if err := tr.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	byName := map[string]tracetest.Span{}
	for _, s := range sink.Spans() {
		byName[s.Name] = s
	}
	request, transaction, query := byName["GET /api/cars"], byName["transaction"], byName["SELECT"]
	if len(byName) != 3 || request.Trace != id || transaction.Parent != request.ID || query.Parent != transaction.ID || request.Parent != "" {
		t.Errorf("%+v", byName)
	}
	if request.Kind != "SERVER" || query.Kind != "CLIENT" || query.Note["db.query.text"] != "SELECT 1" || query.Note["rows"] != "7" {
		t.Errorf("%+v %+v", request, query)
	}
	if query.Failed || query.Note["error.type"] != "car_taken" || !transaction.Failed || transaction.Note["error.type"] != "*errors.errorString" {
		t.Errorf("%+v %+v", query, transaction)
	}
	if a := request.About; a["service.name"] != "cartracker" || a["service.version"] != "v1" || a["service.instance.id"] != "here" || a["deployment.environment.name"] != "test" {
		t.Error(a)
	}
	if raw := sink.Raw(); strings.Contains(raw, "secret") || !strings.Contains(raw, "Bearer hunter2hunter2") {
		t.Errorf("%q", raw)
	}
}

// A trace that comes from elsewhere goes on. Who may decide whether it is kept
// does; nobody else can, whichever id they choose.
func TestFromElsewhere(t *testing.T) {
	sink := tracetest.New(t)
	all, none := open(t, sink.URL, 1), open(t, sink.URL, 0)
	sampled, not := link(t, parent, "vendor=7"), link(t, strings.TrimSuffix(parent, "1")+"0", "")
	for what, c := range map[string]struct {
		tracer *trace.Tracer
		from   observe.Link
		follow bool
		kept   bool
	}{
		"followed":                    {none, sampled, true, true},
		"followed and not kept":       {all, not, true, false},
		"not followed":                {none, sampled, false, false},
		"not followed, kept all same": {all, not, false, true},
	} {
		if id := work(c.tracer, c.from, c.follow); id != c.from.TraceID() {
			t.Errorf("%s: the trace is %q", what, id)
		}
		_, span := observe.Begin(t.Context(), c.tracer, observe.Server, "GET", c.from, c.follow)
		_, inside := observe.Start(t.Context(), observe.Internal, "nothing")
		if inside.Kept() {
			t.Errorf("%s: another context is in the trace", what)
		}
		span.End(nil)
	}
	for _, tr := range []*trace.Tracer{all, none} {
		if err := tr.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	for _, s := range sink.Spans() {
		if s.Trace != sampled.TraceID() {
			t.Errorf("%+v", s)
		}
		if s.Name == "GET /api/cars" {
			n++
			if s.Parent != "b7ad6b7169203331" {
				t.Errorf("%+v", s)
			}
		}
	}
	if n != 2 {
		t.Errorf("%d traces are kept, want 2", n)
	}
}

func TestShare(t *testing.T) {
	sink := tracetest.New(t)
	tr := open(t, sink.URL, 0.1)
	defer tr.Close(t.Context())
	outsider := link(t, parent, "")
	for _, from := range []observe.Link{{}, outsider} {
		kept := 0
		for range 10_000 {
			ctx, span := observe.Begin(context.Background(), tr, observe.Server, "GET", from, false)
			if _, ok := observe.LinkOf(ctx); ok {
				kept++
			}
			span.End(nil)
		}
		if kept < 850 || kept > 1150 { // five standard deviations
			t.Errorf("%d of 10,000 are kept, want a tenth", kept)
		}
	}
}

// A trace has room for so many spans, and says how many more there were.
func TestBounded(t *testing.T) {
	sink := tracetest.New(t)
	tr := open(t, sink.URL, 1)
	ctx, whole := observe.Begin(t.Context(), tr, observe.Server, "POST", observe.Link{}, false)
	_, early := observe.Start(ctx, observe.Internal, "transaction")
	for range 4999 {
		_, part := observe.Start(ctx, observe.Client, "INSERT")
		part.End(nil)
	}
	early.End(nil)
	whole.Text("long", strings.Repeat("x", 100_000))
	whole.End(nil)
	if err := tr.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	spans := sink.Spans()
	if len(spans) != 1000 {
		t.Errorf("%d spans arrived, want 1000", len(spans))
	}
	last := spans[len(spans)-1]
	if last.Note["cartracker.spans.beyond"] != "4001" || len(last.Note["long"]) > 2048 {
		t.Errorf("%.200v", last.Note)
	}
	for _, s := range spans[:len(spans)-1] {
		if n := s.Note["cartracker.spans.beyond"]; n != "" {
			t.Errorf("%s has %s spans beyond", s.Name, n)
		}
	}
}

// What the environment says of the program is added, and takes nothing's place.
func TestResourceOfEnvironment(t *testing.T) {
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "host.name=desk,service.name=zq7")
	t.Setenv("OTEL_SERVICE_NAME", "zq8")
	sink := tracetest.New(t)
	tr := open(t, sink.URL, 1)
	work(tr, observe.Link{}, false)
	if err := tr.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a := sink.Spans()[0].About; a["host.name"] != "desk" || a["service.name"] != "cartracker" {
		t.Error(a)
	}
}

// Whatever the collector does, nobody waits for it: spans end at once, Close
// takes two seconds at most, nothing is left behind, and the log is told once,
// without the headers.
func TestCollectorFails(t *testing.T) {
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	for what, c := range map[string]struct {
		url    string
		answer func(w http.ResponseWriter, r *http.Request, end <-chan struct{})
	}{
		"is away": {url: "http://" + gone.Addr().String()},
		"hangs":   {answer: func(w http.ResponseWriter, r *http.Request, end <-chan struct{}) { <-end }},
		"hangs in its answer": {answer: func(w http.ResponseWriter, r *http.Request, end <-chan struct{}) {
			w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
			<-end
		}},
		"quotes what it refuses": {answer: func(w http.ResponseWriter, r *http.Request, end <-chan struct{}) {
			http.Error(w, "refused: "+r.Header.Get("Authorization"), http.StatusUnauthorized)
		}},
		"answers without end": {answer: func(w http.ResponseWriter, r *http.Request, end <-chan struct{}) {
			for range 1 << 10 {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}},
		"answers garbage": {answer: func(w http.ResponseWriter, r *http.Request, end <-chan struct{}) {
			w.Header().Set("Content-Type", "application/x-protobuf")
			fmt.Fprint(w, "\xff\xff not a message")
		}},
		"is busy for ever": {answer: func(w http.ResponseWriter, r *http.Request, end <-chan struct{}) {
			w.Header().Set("Retry-After", "99999999")
			w.WriteHeader(http.StatusServiceUnavailable)
		}},
		"sends somewhere else": {answer: func(w http.ResponseWriter, r *http.Request, end <-chan struct{}) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		}},
		"hangs up": {answer: func(w http.ResponseWriter, r *http.Request, end <-chan struct{}) { panic(http.ErrAbortHandler) }},
	} {
		t.Run(what, func(t *testing.T) {
			var out machinetest.Text
			before := slog.Default()
			slog.SetDefault(observe.NewLogger(&out, "text", new(slog.LevelVar), nil))
			defer slog.SetDefault(before)
			if c.url == "" {
				sink := tracetest.New(t)
				sink.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), 0)
				end := make(chan struct{})
				t.Cleanup(func() { close(end) })
				sink.Instead(func(w http.ResponseWriter, r *http.Request) { c.answer(w, r, end) })
				c.url = sink.URL
			}
			tr := open(t, c.url, 1)
			began := time.Now()
			for range 10_000 { // more than there is room for
				work(tr, observe.Link{}, false)
			}
			if took := time.Since(began); took > 5*time.Second {
				t.Errorf("30,000 spans take %s", took)
			}
			began = time.Now()
			if err := tr.Close(t.Context()); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 2500*time.Millisecond {
				t.Errorf("Close takes %s", took)
			}
			work(tr, observe.Link{}, false) // does nothing
			if n := strings.Count(out.String(), "\n"); n != 1 || !strings.Contains(out.String(), "traces could not be sent") {
				t.Errorf("%d lines in the log: %s", n, &out)
			}
			if strings.Contains(out.String(), "hunter2") {
				t.Errorf("a header is logged: %s", &out)
			}
		})
	}
}

// What is back is told of, and gets what happens from then on.
func TestCollectorComesBack(t *testing.T) {
	var out machinetest.Text
	before := slog.Default()
	slog.SetDefault(observe.NewLogger(&out, "text", new(slog.LevelVar), nil))
	defer slog.SetDefault(before)
	sink := tracetest.New(t)
	refused := make(chan struct{}, 100)
	sink.Instead(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		refused <- struct{}{}
	})
	tr := open(t, sink.URL, 1)
	work(tr, observe.Link{}, false)
	<-refused
	sink.Instead(nil)
	id := work(tr, observe.Link{}, false)
	if err := tr.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, s := range sink.Spans() {
		if s.Trace != id {
			t.Errorf("%+v", s)
		}
	}
	if n := len(sink.Spans()); n != 3 || !strings.Contains(out.String(), "traces are taken again") {
		t.Errorf("%d spans; %s", n, &out)
	}
}

// BenchmarkTrace measures a trace of three spans, of which a share is kept.
func BenchmarkTrace(b *testing.B) {
	sink := tracetest.New(b)
	for _, share := range []float64{0, 0.1, 1} {
		b.Run(fmt.Sprint("share=", share), func(b *testing.B) {
			tr, err := trace.Open(trace.Config{Endpoint: sink.URL, Share: share})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				work(tr, observe.Link{}, false)
			}
			if err := tr.Close(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
