// Package reporttest has a server that takes reports of errors as Sentry does,
// keeps all that it was sent, and can be told to be a bad one.
package reporttest

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"
	"time"
)

// Key and Secret are in the address of every sink.
const (
	Key    = "canaryKey5f0e7c2d9b1a4863"
	Secret = "canarySecret8a2b6d4f1c9e7053"
)

// Patience is how long Wait waits.
const Patience = 30 * time.Second

// A Sink is the server.
type Sink struct {
	DSN string

	t      testing.TB
	server *httptest.Server

	mu     sync.Mutex
	lie    http.HandlerFunc // answers instead; nil: as it should
	raw    []byte           // all requests, with what was packed
	events []Event
	traces []Trace
	came   chan struct{} // closed and replaced with each request
	asked  int           // requests
}

// An Event is what a program may send of an error, and nothing else.
type Event struct {
	EventID     string    `json:"event_id"`
	Timestamp   time.Time `json:"timestamp"`
	Platform    string    `json:"platform"`
	Level       string    `json:"level"`
	Environment string    `json:"environment"`
	Release     string    `json:"release"`
	ServerName  string    `json:"server_name"`
	Transaction string    `json:"transaction"`
	Fingerprint []string  `json:"fingerprint"`
	SDK         struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	} `json:"sdk"`
	User struct {
		ID       string `json:"id"`
		Username string `json:"username"`
		Data     struct {
			Role string `json:"role"`
		} `json:"data"`
	} `json:"user"`
	Tags struct {
		Kind      string `json:"kind"`
		Place     string `json:"place"`
		Method    string `json:"method"`
		RequestID string `json:"requestId"`
		TraceID   string `json:"traceId"`
		LeftOut   string `json:"leftOut"`
	} `json:"tags"`
	Contexts struct {
		Trace struct {
			TraceID string `json:"trace_id"`
			SpanID  string `json:"span_id"`
		} `json:"trace"`
	} `json:"contexts"`
	Exception []Exception `json:"exception"`
}

// A Trace is what a program may send of what it did, and nothing else.
type Trace struct {
	Type        string    `json:"type"`
	EventID     string    `json:"event_id"`
	Began       time.Time `json:"start_timestamp"`
	Ended       time.Time `json:"timestamp"`
	Platform    string    `json:"platform"`
	Environment string    `json:"environment"`
	Release     string    `json:"release"`
	ServerName  string    `json:"server_name"`
	Transaction string    `json:"transaction"`
	Info        struct {
		Source string `json:"source"`
	} `json:"transaction_info"`
	SDK struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	} `json:"sdk"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	Tags struct {
		RequestID string `json:"requestId"`
	} `json:"tags"`
	Contexts struct {
		Trace Span `json:"trace"`
	} `json:"contexts"`
	Spans []Span `json:"spans"`
}

// A Span is a part of a trace, or all of it.
type Span struct {
	TraceID     string         `json:"trace_id"`
	SpanID      string         `json:"span_id"`
	Parent      string         `json:"parent_span_id"`
	Op          string         `json:"op"`
	Description string         `json:"description"`
	Status      string         `json:"status"`
	Began       time.Time      `json:"start_timestamp"`
	Ended       time.Time      `json:"timestamp"`
	Data        map[string]any `json:"data"`
}

// An Exception is what went wrong, and where.
type Exception struct {
	Type       string `json:"type"`
	Value      string `json:"value"`
	Stacktrace struct {
		Frames []Frame `json:"frames"`
	} `json:"stacktrace"`
}

// A Frame is a function that was running.
type Frame struct {
	Module   string `json:"module"`
	Function string `json:"function"`
	Filename string `json:"filename"`
	Lineno   int    `json:"lineno"`
	InApp    bool   `json:"in_app"`
}

// New starts a sink, which runs until the test ends.
func New(t testing.TB) *Sink {
	s := &Sink{t: t, came: make(chan struct{})}
	s.server = httptest.NewServer(http.HandlerFunc(s.serve))
	s.DSN = strings.Replace(s.server.URL, "://", "://"+Key+":"+Secret+"@", 1) + "/7"
	t.Cleanup(s.Close)
	return s
}

// Close lets the sink be away from now on.
func (s *Sink) Close() {
	s.server.CloseClientConnections()
	s.server.Close()
}

// Lie lets the sink answer by h instead of taking what comes; by nil it is good again.
func (s *Sink) Lie(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lie = h
}

// Hang is a lie: no answer, for as long as the client waits for it.
func Hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Answer returns a lie: this status, with a header "Name: value" if that is not "".
func Answer(status int, header, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		if name, value, ok := strings.Cut(header, ": "); ok {
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// Garbage is a lie: bytes that are no HTTP.
func Garbage(w http.ResponseWriter, _ *http.Request) {
	if conn, _, err := w.(http.Hijacker).Hijack(); err == nil {
		_, _ = conn.Write(bytes.Repeat([]byte("\x00\xff{no"), 1000))
		conn.Close()
	}
}

func (s *Sink) serve(w http.ResponseWriter, r *http.Request) {
	auth := r.Header.Get("X-Sentry-Auth")
	r.Header.Del("X-Sentry-Auth") // the one place where the key has to be
	raw, err := httputil.DumpRequest(r, true)
	came, plain, readErr := read(r, auth)
	s.mu.Lock()
	lie := s.lie
	s.raw = append(append(s.raw, raw...), plain...)
	s.asked++
	if err = errors.Join(err, readErr); err != nil {
		s.t.Errorf("a request that is none: %v\n%s", err, raw)
	} else if lie == nil {
		s.events, s.traces = append(s.events, came.events...), append(s.traces, came.traces...)
	}
	close(s.came)
	s.came = make(chan struct{})
	s.mu.Unlock()
	if lie != nil {
		lie(w, r)
		return
	}
	fmt.Fprintf(w, `{"id":%q}`, came.id)
}

// What came in a request: an event or a trace.
type parcel struct {
	id     string
	events []Event
	traces []Trace
}

// read reads a request, and returns what was in it and the bytes that were
// packed, if they were.
func read(r *http.Request, auth string) (e parcel, plain []byte, err error) {
	if r.Method != http.MethodPost || r.URL.Path != "/api/7/envelope/" || !strings.HasSuffix(auth, ", sentry_key="+Key+", sentry_secret="+Secret) {
		return e, nil, fmt.Errorf("%s %s with X-Sentry-Auth %q", r.Method, r.URL, auth)
	}
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		if body, err = gzip.NewReader(r.Body); err != nil {
			return e, nil, err
		}
	}
	plain, err = io.ReadAll(body)
	if err != nil {
		return e, nil, err
	}
	e, err = parse(bufio.NewReader(bytes.NewReader(plain)))
	return e, plain, err
}

// parse reads an envelope: a line about it, one about what is in it, and that.
func parse(in *bufio.Reader) (p parcel, err error) {
	var head struct {
		EventID string    `json:"event_id"`
		SentAt  time.Time `json:"sent_at"`
	}
	var item struct {
		Type   string `json:"type"`
		Length int    `json:"length"`
	}
	for _, into := range []any{&head, &item} {
		line, err := in.ReadBytes('\n')
		if err == nil {
			err = strict(line, into)
		}
		if err != nil {
			return p, err
		}
	}
	body := make([]byte, item.Length)
	if _, err := io.ReadFull(in, body); err != nil {
		return p, err
	}
	switch item.Type {
	case "event":
		p.events = make([]Event, 1)
		err = strict(body, &p.events[0])
		p.id = p.events[0].EventID
	case "transaction":
		p.traces = make([]Trace, 1)
		err = strict(body, &p.traces[0])
		p.id = p.traces[0].EventID
	}
	if err != nil {
		return p, err
	}
	if rest, err := io.ReadAll(in); err != nil || strings.TrimSpace(string(rest)) != "" || p.id == "" || head.EventID != p.id || head.SentAt.IsZero() {
		return p, fmt.Errorf("an envelope with %q for %q of %s, and %q behind it (%w)", item.Type, head.EventID, head.SentAt, rest, err)
	}
	return p, nil
}

// strict refuses fields that it does not know.
func strict(b []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(into)
}

// Wait returns the events once there are at least n.
func (s *Sink) Wait(n int) []Event {
	s.t.Helper()
	s.until(fmt.Sprintf("%d events", n), func() bool { return len(s.events) >= n })
	return s.Events()
}

// WaitTraces returns the traces once there are at least n.
func (s *Sink) WaitTraces(n int) []Trace {
	s.t.Helper()
	s.until(fmt.Sprintf("%d traces", n), func() bool { return len(s.traces) >= n })
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Trace(nil), s.traces...)
}

// WaitAsked waits until there were at least n requests, whatever became of them.
func (s *Sink) WaitAsked(n int) {
	s.t.Helper()
	s.until(fmt.Sprintf("%d requests", n), func() bool { return s.asked >= n })
}

func (s *Sink) until(what string, done func() bool) {
	s.t.Helper()
	limit := time.After(Patience)
	for {
		s.mu.Lock()
		ok, came := done(), s.came
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-came:
		case <-limit:
			s.t.Fatalf("no %s came, but %+v", what, s.Events())
		}
	}
}

// Events returns what came so far.
func (s *Sink) Events() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Event(nil), s.events...)
}

// Raw returns every byte that came so far, headers and all but the one that has
// the key. What was packed is there as it was before as well.
func (s *Sink) Raw() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]byte(nil), s.raw...)
}
