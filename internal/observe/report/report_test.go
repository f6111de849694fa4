package report_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cartracker/internal/fault"
	"cartracker/internal/machinetest"
	"cartracker/internal/observe"
	"cartracker/internal/observe/report"
	"cartracker/internal/observe/report/reporttest"
	"cartracker/internal/observe/trace"
	"cartracker/internal/part"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logged keeps what is logged until the test ends.
func logged(t *testing.T) *machinetest.Text {
	before, out := slog.Default(), &machinetest.Text{}
	slog.SetDefault(observe.NewLogger(out, "text", new(slog.LevelVar), nil))
	t.Cleanup(func() { slog.SetDefault(before) })
	return out
}

func open(t *testing.T, s *reporttest.Sink) *report.Client {
	t.Helper()
	c, err := report.New(report.Config{DSN: s.DSN, Environment: "test", Release: "v1.2.3", Instance: "desk-1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { flush(t, c) })
	return c
}

func flush(t *testing.T, c *report.Client) {
	t.Helper()
	if err := c.Flush(context.Background()); err != nil {
		t.Error(err)
	}
}

type customError struct{}

func (customError) Error() string { return "zq7 with password=desk-lamp" }

func explode() { panic(fmt.Errorf("zq7 went wrong: %w", customError{})) }

type keepsNothing struct{}

func (keepsNothing) Begin(observe.Kind, string, observe.Link, bool) observe.Recorder { return nil }

func TestEvent(t *testing.T) {
	s := reporttest.New(t)
	c := open(t, s)
	from, _ := observe.ParseLink("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "")
	ctx, _ := observe.Begin(observe.WithRequestID(t.Context(), "request-1"), keepsNothing{}, observe.Server, "GET", from, false)
	c.Report(ctx, observe.Trouble{
		Source: observe.InRequest, Place: "/api/cars/{car}", Method: "GET", User: observe.User{ID: "u1", Username: "emir", Role: "employee"},
		Err: part.Guard(func() error { explode(); return nil }),
	})
	c.Report(ctx, observe.Trouble{Source: observe.InProgram, Err: fmt.Errorf("feed: %w (%w)", fault.New(fault.Unavailable, "away", "away"), customError{})})
	all := s.Wait(2)
	e := all[0]
	if e.Transaction != "GET /api/cars/{car}" || e.Tags.Place != "/api/cars/{car}" || e.Tags.Method != "GET" || e.Tags.Kind != "request" || e.Tags.RequestID != "request-1" || e.Tags.TraceID != from.TraceID() {
		t.Errorf("where: %+v", e)
	}
	if e.Level != "error" || e.Environment != "test" || e.Release != "v1.2.3" || e.ServerName != "desk-1" || len(e.EventID) != 32 || time.Since(e.Timestamp) > time.Minute {
		t.Errorf("what of: %+v", e)
	}
	if e.User.ID != "u1" || e.User.Username != "emir" || e.User.Data.Role != "employee" {
		t.Errorf("who: %+v", e.User)
	}
	x := e.Exception[0]
	if x.Type != "panic: report_test.customError" || x.Value != "panic: zq7 went wrong: zq7 with password=[hidden]" {
		t.Errorf("what: %+v", x)
	}
	frames := x.Stacktrace.Frames
	if last := frames[len(frames)-1]; last.Function != "explode" || last.Module != "cartracker/internal/observe/report_test" || last.Filename != last.Module+"/report_test.go" || last.Lineno == 0 || !last.InApp {
		t.Errorf("the panic was in %+v", last)
	}
	if frames[0].InApp || frames[0].Module != "testing" || frames[0].Filename != "testing/testing.go" {
		t.Errorf("the first was %+v", frames[0])
	}
	e = all[1]
	frames = e.Exception[0].Stacktrace.Frames
	if last := frames[len(frames)-1]; e.Level != "fatal" || e.Exception[0].Type != "report_test.customError" || last.Function != "TestEvent" {
		t.Errorf("an error in the program: %+v in %+v", e, last)
	}
	if e.Transaction != "" || e.Tags.Place != "" || e.User.ID != "" || e.Tags.LeftOut != "" {
		t.Errorf("it has what it cannot have: %+v", e)
	}
}

// A nilError panics when it is asked what it is.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

func TestOddErrors(t *testing.T) {
	s := reporttest.New(t)
	c := open(t, s)
	c.Report(t.Context(), observe.Trouble{Source: observe.InJob, Place: "mail", Err: (*nilError)(nil)})
	c.Report(t.Context(), observe.Trouble{Source: observe.InJob, Place: "mail"}) // nothing at all
	c.Report(t.Context(), observe.Trouble{Source: observe.InJob, Place: "mail", Err: errors.New(strings.Repeat("ž ", 100_000))})
	c.Report(t.Context(), observe.Trouble{Source: observe.InJob, Place: "mail", Err: &part.Panic{Value: 7, Stack: "no stack\n\t\n\n)\n\tx"}})
	for i, e := range s.Wait(4) {
		if x := e.Exception[0]; x.Type == "" || x.Value == "" || len(x.Value) > 3<<10 {
			t.Errorf("%d: %+v", i, x)
		}
	}
}

func TestGroups(t *testing.T) {
	g, now := report.NewGroups(), time.Now()
	one := observe.Trouble{Source: observe.InRequest, Place: "/a", Method: "GET", Err: io.EOF}
	other := one
	other.Place = "/b"
	for i := range report.MaxAlike + 7 {
		if _, ok := g.Take(one, now); ok != (i < report.MaxAlike) {
			t.Errorf("number %d is told: %t", i+1, ok)
		}
	}
	if missed, ok := g.Take(other, now); !ok || missed != 0 {
		t.Errorf("another group: %d %t", missed, ok)
	}
	if _, ok := g.Take(one, now.Add(report.Minute-1)); ok {
		t.Error("told before the minute is over")
	}
	if missed, ok := g.Take(one, now.Add(report.Minute)); !ok || missed != 8 {
		t.Errorf("after a minute %d, not 8, were left out: %t", missed, ok)
	}
	if missed, ok := g.Take(one, now.Add(report.Minute)); !ok || missed != 0 {
		t.Errorf("and then %d: %t", missed, ok)
	}
}

var errAway = fault.New(fault.Unavailable, "away", "away")

// An outage is told once, wherever it is met and for as long as it is.
func TestOutage(t *testing.T) {
	g, now := report.NewGroups(), time.Now()
	told := 0
	for i := range 100 {
		err := []error{fmt.Errorf("%w (%w)", errAway, io.EOF), fmt.Errorf("%w (%w)", errAway, customError{})}[i%2]
		if _, ok := g.Take(observe.Trouble{Source: observe.InRequest, Place: fmt.Sprint("/", i%7), Err: err, Outage: true}, now); ok {
			told++
		}
		now = now.Add(report.Quiet - 1)
	}
	if told != 1 {
		t.Errorf("an outage is told %d times", told)
	}
	now = now.Add(1)
	if missed, ok := g.Take(observe.Trouble{Err: errAway, Outage: true}, now); !ok || missed != 99 {
		t.Errorf("the next one: %d %t", missed, ok)
	}
}

func TestGroupsAreBounded(t *testing.T) {
	g, now := report.NewGroups(), time.Now()
	for i := range 3 * report.MaxGroups {
		if _, ok := g.Take(observe.Trouble{Place: fmt.Sprint(i), Err: io.EOF}, now); ok != (i < report.MaxGroups) {
			t.Fatalf("group %d: %t", i, ok)
		}
	}
	if _, ok := g.Take(observe.Trouble{Place: "0", Err: io.EOF}, now); !ok {
		t.Error("a known group is refused")
	}
	if _, ok := g.Take(observe.Trouble{Place: "new", Err: io.EOF}, now.Add(report.Quiet)); !ok {
		t.Error("old groups are not forgotten")
	}
}

// Whatever the sink does, whoever reports goes on at once, and the end of the
// program waits for 2 s at most.
func TestBadSinks(t *testing.T) {
	for name, lie := range map[string]http.HandlerFunc{
		"hangs":        reporttest.Hang,
		"garbage":      reporttest.Garbage,
		"nonsense":     reporttest.Answer(200, "", strings.Repeat("<nonsense>", 100_000)),
		"500":          reporttest.Answer(500, "", "no"),
		"429":          reporttest.Answer(429, "Retry-After: 3600", ""),
		"a redirect":   reporttest.Answer(307, "Location: /elsewhere", ""),
		"it is closed": nil,
	} {
		t.Run(name, func(t *testing.T) {
			out := logged(t)
			s := reporttest.New(t)
			s.Lie(lie)
			if lie == nil {
				s.Close()
			}
			c := open(t, s)
			began := time.Now()
			for i := range 3 * report.MaxQueue {
				c.Report(t.Context(), observe.Trouble{Source: observe.InJob, Place: fmt.Sprint(i), Err: io.EOF})
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("reporting took %s", took)
			}
			began = time.Now()
			flush(t, c)
			if took := time.Since(began); took > report.LastWords+time.Second {
				t.Errorf("the end took %s", took)
			}
			c.Report(t.Context(), observe.Trouble{Source: observe.InJob, Err: io.EOF}) // after the end it does nothing
			told := out.String()
			if strings.Count(told, "reports of errors cannot be sent") != 1 && name != "nonsense" || strings.Contains(told, reporttest.Key) || strings.Contains(told, "/7") {
				t.Errorf("the log has\n%s", told)
			}
			if n := len(s.Raw()); name == "429" && n > 8<<10 {
				t.Errorf("after it asked for a pause it got more: %d bytes", n)
			}
		})
	}
}

// While the sink hangs, more than the queue holds is left out, and is counted.
func TestFullQueue(t *testing.T) {
	logged(t)
	s := reporttest.New(t)
	free := make(chan struct{})
	s.Lie(func(http.ResponseWriter, *http.Request) { <-free })
	c := open(t, s)
	tell := func(place string) {
		c.Report(t.Context(), observe.Trouble{Source: observe.InJob, Place: place, Err: io.EOF})
	}
	tell("first")
	s.WaitAsked(1) // it hangs
	for i := range report.MaxQueue {
		tell(fmt.Sprint(i))
	}
	tell("late")
	tell("late")
	s.Lie(nil)
	close(free)
	s.Wait(report.MaxQueue)
	tell("late")
	all := s.Wait(report.MaxQueue + 1)
	if last := all[len(all)-1]; last.Tags.Place != "late" || last.Tags.LeftOut != "2" {
		t.Errorf("the last is %+v", last.Tags)
	}
}

func TestPause(t *testing.T) {
	for after, want := range map[string]time.Duration{"": time.Minute, "x": time.Minute, "-1": time.Minute, "7": 7 * time.Second, "0": 0, "999999": time.Hour, "2147483647": time.Hour} {
		if got := report.Pause(after); got != want {
			t.Errorf("Retry-After: %s: %s, not %s", after, got, want)
		}
	}
}

func TestBadDSN(t *testing.T) {
	if c, err := report.New(report.Config{DSN: "https://sentry.example.com/1"}); err == nil {
		flush(t, c)
		t.Error("an address without a key is taken")
	}
}

// A trace is sent with its parts, and of it what the program says.
func TestTrace(t *testing.T) {
	s := reporttest.New(t)
	c := open(t, s)
	tracer, err := trace.Open(trace.Config{Gather: c.Trace, Share: 1})
	if err != nil {
		t.Fatal(err)
	}
	from, _ := observe.ParseLink("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "")
	ctx, whole := observe.Begin(t.Context(), tracer, observe.Server, "GET", from, true)
	whole.Rename("GET /api/cars/{car}")
	whole.Text("user.id", "u1")
	whole.Text("cartracker.request.id", "request-1")
	within, part := observe.Start(ctx, observe.Internal, "transaction")
	_, query := observe.Start(within, observe.Client, "SELECT")
	query.Text("db.system.name", "sqlite")
	query.Text("db.query.text", "SELECT id FROM cars WHERE id = ?")
	query.Number("rows", 7)
	query.End(errors.New("zq7 secret"))
	part.End(nil)
	_, late := observe.Start(ctx, observe.Internal, "late")
	c.Report(ctx, observe.Trouble{Source: observe.InRequest, Err: customError{}})
	whole.End(nil)
	late.End(nil)
	one := s.WaitTraces(1)[0]
	if one.Type != "transaction" || one.Transaction != "GET /api/cars/{car}" || one.Info.Source != "route" || one.User.ID != "u1" || one.Tags.RequestID != "request-1" ||
		one.Environment != "test" || one.Release != "v1.2.3" || one.ServerName != "desk-1" || one.Ended.Before(one.Began) || len(one.Spans) != 2 {
		t.Errorf("%+v", one)
	}
	top := one.Contexts.Trace
	if top.TraceID != from.TraceID() || top.Parent != "00f067aa0ba902b7" || top.Op != "http.server" || top.Status != "ok" {
		t.Errorf("the first: %+v", top)
	}
	q, p := one.Spans[0], one.Spans[1]
	if p.Parent != top.SpanID || p.Op != "function" || p.Description != "transaction" || p.Status != "ok" {
		t.Errorf("its part: %+v", p)
	}
	if q.Parent != p.SpanID || q.TraceID != top.TraceID || q.Op != "db.sql.query" || q.Description != "SELECT id FROM cars WHERE id = ?" || q.Status != "internal_error" || q.Data["rows"] != 7.0 || q.Data["db.query.text"] != nil {
		t.Errorf("the query: %+v", q)
	}
	if e := s.Wait(1)[0]; e.Contexts.Trace.TraceID != top.TraceID || e.Contexts.Trace.SpanID != top.SpanID {
		t.Errorf("the error is in %+v", e.Contexts)
	}
	if strings.Contains(string(s.Raw()), "zq7 secret") {
		t.Error("the text of an error is in a trace")
	}
	if err := tracer.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// Traces that cannot be sent keep nobody waiting, and no error either.
func TestTracesWaitForNobody(t *testing.T) {
	s := reporttest.New(t)
	s.Lie(reporttest.Hang)
	c := open(t, s)
	began := time.Now()
	for range 10 * report.MaxQueue {
		c.Trace(observe.Done{Name: "GET /api/cars"}, nil)
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("it took %s", took)
	}
	c.Report(t.Context(), observe.Trouble{Source: observe.InJob, Err: customError{}})
	s.WaitAsked(2)
	if raw := string(s.Raw()); !strings.Contains(raw, `"type":"event"`) || !strings.Contains(raw, `"type":"transaction"`) {
		t.Errorf("what was asked: %s", raw)
	}
}
