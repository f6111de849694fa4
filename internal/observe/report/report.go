// Package report sends errors to whoever collects them, by the protocol of
// Sentry. What an event may have is a closed list, made here from nothing
// (event.go): of the library come the types of the protocol and its encoding,
// and none of what it would find out by itself.
package report

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/getsentry/sentry-go"

	"cartracker/internal/observe"
	"cartracker/internal/part"
)

const (
	maxQueue  = 100             // events that wait to be sent
	maxTraces = 20              // the same of traces, which may have a thousand spans
	lastWords = 2 * time.Second // what is left may be sent when the program ends
)

// A Config says where reports go, and what they are from.
type Config struct {
	DSN         string // has a key
	Environment string
	Release     string // the version of the program
	Instance    string // the name of the machine
}

// A Client sends reports in the background.
type Client struct {
	config Config
	groups groups
	events *line
	traces *line              // which keep no error waiting
	cancel context.CancelFunc // of what is being sent

	mu     sync.RWMutex
	closed bool
}

// A line is what is sent one after the other.
type line struct {
	sink  sink
	queue chan *sentry.Event
	ended chan struct{} // closed once nothing is sent any more
}

// New returns a client. It sends until Flush.
func New(c Config) (*Client, error) {
	dsn, err := sentry.NewDsn(c.DSN)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	agent := agent + "/" + c.Release
	return &Client{
		config: c, cancel: cancel, groups: groups{all: map[group]*tally{}},
		events: newLine(ctx, "reports of errors", maxQueue, dsn, agent), traces: newLine(ctx, "traces", maxTraces, dsn, agent),
	}, nil
}

func newLine(ctx context.Context, what string, room int, dsn *sentry.Dsn, agent string) *line {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns = 1
	l := &line{
		queue: make(chan *sentry.Event, room), ended: make(chan struct{}),
		sink: sink{what: what, dsn: dsn, agent: agent, transport: transport, client: http.Client{
			Transport: transport, Timeout: sendTimeout,
			// The key goes to nobody else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}},
	}
	go l.send(ctx)
	return l
}

// Report queues what there is to tell of t. It is an observe.Report: it waits
// for nobody, and leaves out what there is too much of.
func (c *Client) Report(ctx context.Context, t observe.Trouble) {
	err := part.Guard(func() error { // whatever an error is made of
		c.report(ctx, t)
		return nil
	})
	if err != nil {
		slog.WarnContext(ctx, "an error could not be reported", "err", err)
	}
}

func (c *Client) report(ctx context.Context, t observe.Trouble) {
	trace := stackOf(t.Err)
	g := groupOf(t, trace)
	missed, ok := c.groups.take(g, time.Now())
	if !ok {
		return
	}
	if !c.put(c.events, c.config.event(ctx, t, trace, g, missed)) {
		c.groups.miss(g, missed+1)
	}
}

// put queues an event, unless there is no room for it or no more time.
func (c *Client) put(l *line, e *sentry.Event) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		return false
	}
	select {
	case l.queue <- e:
		return true
	default:
		return false
	}
}

// send sends what is queued until the queue is closed.
func (l *line) send(ctx context.Context) {
	defer close(l.ended)
	for e := range l.queue {
		l.sink.send(ctx, e)
	}
	l.sink.transport.CloseIdleConnections()
}

// Flush sends what is queued, for 2 s at most or until ctx is done, and ends the
// client. That not all was sent is no error of the program.
func (c *Client) Flush(ctx context.Context) error {
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.events.queue)
		close(c.traces.queue)
	}
	c.mu.Unlock()
	limit := time.AfterFunc(lastWords, c.cancel)
	defer limit.Stop()
	defer context.AfterFunc(ctx, c.cancel)()
	<-c.events.ended
	<-c.traces.ended
	c.cancel()
	return nil
}
