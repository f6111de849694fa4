package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"cartracker/internal/cli"
	"cartracker/internal/config"
	"cartracker/internal/observe"
	"cartracker/internal/observe/report"
	"cartracker/internal/observe/trace"
	"cartracker/internal/part"
	"cartracker/internal/redis"
)

// A life is what a program has open for as long as it runs.
type life struct {
	program Program
	office  *Office
	made    bool                          // the database is new
	link    *redis.Link                   // nil without Redis
	traces  *trace.Tracer                 // nil: none are kept
	reports *report.Client                // nil without SENTRY_DSN
	report  observe.Report                // tells it
	words   []func(context.Context) error // the last: what was measured is sent off
	parts   []part.Part
	works   bool     // jobs are worked here
	front   *front   // nil if it does not serve
	private *private // nil if nobody looks
	watch   *watch

	crew    crew // the parts
	workers crew // what works jobs
	broken  chan struct{}
	step    atomic.Value // a string: what is being stopped

	mu   sync.Mutex
	errs []error
}

// begin opens what a program needs for as long as it runs.
func (p Program) begin(ctx context.Context, c *config.Config, t cli.Terminal) (*life, error) {
	level := new(slog.LevelVar)
	level.Set(c.Level)
	burst := observe.NewBurst(c.Burst)
	slog.SetDefault(observe.NewLogger(t.Err, c.LogFormat, level, burst))
	tuneMemory(c)
	l := &life{program: p, broken: make(chan struct{}, 1), words: slices.Clone(p.words)}
	l.crew.failed, l.workers.failed = l.fail, l.fail
	if err := l.open(ctx, c); err != nil {
		return nil, l.abandon(ctx, err)
	}
	l.report = l.office.board.noting(l.report)
	l.office.ReportTo(l.report)
	if p.opened != nil {
		p.opened(l.office)
	}
	l.watch = l.office.watch(p.Version)
	l.parts = append(append(l.office.Parts(), p.more...), part.Part{Name: "health", Run: l.watch.Run})
	if err := l.openPrivate(ctx, c); err != nil {
		return nil, l.abandon(ctx, err)
	}
	l.office.API.LogLevel = level
	if burst != nil {
		l.parts = append(l.parts, part.Part{Name: "log", Run: burst.Run})
	}
	return l, nil
}

// open opens what outlasts the parts.
func (l *life) open(ctx context.Context, c *config.Config) (err error) {
	if err := l.openReports(c); err != nil {
		return err
	}
	if l.link, err = openLink(ctx, c); err != nil {
		return err
	}
	if l.office, l.made, err = openOffice(ctx, c, l.link, l.program.Version); err != nil {
		return err
	}
	if err = l.office.Replicate(ctx, c); err != nil {
		return err
	}
	return l.keepTraces(c)
}

// early returns the error of a program that did not come to run: none if it was
// told to stop before that, for then this is what came of it.
func early(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		return err
	}
	slog.InfoContext(ctx, "stopped before it had started", "err", err)
	return nil
}

// abandon closes what was opened by a program that does not come to run, and
// reports why, unless it was told to stop.
func (l *life) abandon(ctx context.Context, err error) error {
	if ctx.Err() == nil {
		l.report.Tell(ctx, observe.Trouble{Source: observe.InProgram, Err: err})
	}
	err = observe.Scrubbed(errors.Join(err, l.close()))
	if l.reports != nil {
		err = errors.Join(err, l.reports.Flush(context.WithoutCancel(ctx)))
	}
	return err
}

// close closes the office and its link.
func (l *life) close() (err error) {
	if l.private != nil {
		err = l.private.ln.Close()
	}
	if l.office != nil {
		err = errors.Join(err, l.office.Close())
	}
	if l.link != nil {
		l.link.Close()
	}
	if l.traces != nil {
		err = errors.Join(err, l.traces.Close(context.Background()))
	}
	return err
}

// run lives until ctx is done or a part fails, and then stops in order.
func (l *life) run(ctx context.Context) error {
	toParts, stopParts := context.WithCancel(context.WithoutCancel(ctx))
	defer stopParts()
	toWork, stopWork := context.WithCancel(ctx)
	defer stopWork()
	if l.program.Emergency != nil {
		l.program.Emergency.watch(l.unended)
	}
	if l.private != nil {
		l.private.serve(toParts)
	}
	for _, p := range l.parts {
		l.crew.start(toParts, p)
	}
	if l.works {
		l.workers.start(toWork, part.Part{Name: "jobs", Run: l.office.Jobs.Run})
	}
	if l.front != nil {
		l.front.serve(toParts, l.fail)
	}
	why := "told to"
	select {
	case <-ctx.Done():
	case <-l.broken:
		why = "something that has to run has ended"
	}
	slog.InfoContext(ctx, "stopping", "why", why)
	stopWork()
	l.stop(ctx, stopParts)
	l.mu.Lock()
	defer l.mu.Unlock()
	return observe.Scrubbed(errors.Join(l.errs...)) // it is printed
}

// fail takes note of what went wrong outside of requests and jobs, and lets the
// program stop. Whoever is told of it may take time: that the program stops is no
// reason not to.
func (l *life) fail(ctx context.Context, err error) {
	ctx = context.WithoutCancel(ctx)
	attrs := []any{"err", err}
	if p, ok := errors.AsType[*part.Panic](err); ok {
		attrs = append(attrs, observe.StackKey, p.Stack)
	}
	slog.ErrorContext(ctx, "the program cannot go on, or not stop as it should", attrs...)
	l.report.Tell(ctx, observe.Trouble{Source: observe.InProgram, Err: err})
	if told := l.program.told; told != nil {
		told(ctx, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errs = append(l.errs, err)
	select {
	case l.broken <- struct{}{}:
	default: // it is known already
	}
}

// unended tells for the log what has not ended.
func (l *life) unended() []any {
	step, _ := l.step.Load().(string)
	attrs := []any{"step", step, "jobs", l.office.Jobs.Running(), "parts", append(l.workers.names(), l.crew.names()...)}
	if l.front != nil {
		attrs = append(attrs, "requests", l.front.door.inside.Load(), "sockets", l.office.Realtime.Connected())
	}
	return attrs
}
