package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"cartracker/internal/cli"
	"cartracker/internal/config"
	"cartracker/internal/observe"
	"cartracker/internal/redis"
)

const (
	headerTimeout = 5 * time.Second
	readTimeout   = 20 * time.Second // headers and body; the body alone has 15 s
	writeTimeout  = 60 * time.Second
	idleTimeout   = 60 * time.Second
	// net/http allows 4 KiB more than it is told.
	maxHeader = 16<<10 - 4<<10

	drainTimeout = 30 * time.Second
	tidyEvery    = 10 * time.Minute
)

// Serve runs the program until ctx is done, then lets the requests and jobs
// under way finish. It calls ready, if not nil, with the address once it accepts
// connections.
func (p Program) Serve(ctx context.Context, c *config.Config, t cli.Terminal, ready func(addr string)) (err error) {
	l, err := p.begin(ctx, c, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	office := l.office
	ln, err := net.Listen("tcp", c.Addr())
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	c.Listening(ln.Addr().(*net.TCPAddr).Port)
	office.API.Origins = c.Origins
	code, err := office.expectSetup(ctx, c)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	w := &watch{ping: office.DB.Ping, lost: office.DB.Lost, link: l.link, now: office.now, began: office.now(), version: p.Version}
	announce(t.Err, c, l.made, code, t.ErrTerminal)
	if ready != nil {
		ready(ln.Addr().String())
	}
	l.parts = append(l.parts, w.Run, office.tidy, office.Realtime.Run)
	if backups := office.schedule(c, p.Version); backups != nil {
		l.parts = append(l.parts, backups)
	}
	if !c.NoWorkers {
		office.tellMail(c)
		l.work = office.Jobs.Run
	}
	return l.run(ctx, newServer(office.Handler(w.Health)), ln, w)
}

// Work works jobs until ctx is done, beside programs that serve without.
func (p Program) Work(ctx context.Context, c *config.Config, t cli.Terminal) (err error) {
	if strings.HasSuffix(c.BaseURL, ":0") {
		return errors.New("BASE_URL must be set for a worker with PORT=0: links in mails would have no port")
	}
	l, err := p.begin(ctx, c, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	l.office.tellMail(c)
	l.work = l.office.Jobs.Run
	fmt.Fprintf(t.Err, "%s works jobs\n  data: %s\n", c.AppName, where(c, l.made))
	return l.run(ctx, nil, nil, nil)
}

// A life is what a program has open for as long as it runs.
type life struct {
	office *Office
	made   bool        // the database is new
	link   *redis.Link // nil without Redis
	parts  []func(context.Context) error
	work   func(context.Context) error // jobs; nil if others work them
}

// begin opens what a program needs for as long as it runs.
func (p Program) begin(ctx context.Context, c *config.Config, t cli.Terminal) (*life, error) {
	level := new(slog.LevelVar)
	level.Set(c.Level)
	slog.SetDefault(observe.NewLogger(t.Err, c.LogFormat, level))
	tuneMemory(c)
	link, err := openLink(ctx, c)
	if err != nil {
		return nil, err
	}
	l := &life{link: link}
	if l.office, l.made, err = openOffice(ctx, c, link, p.Version); err == nil {
		err = l.office.Replicate(ctx, c)
	}
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	l.parts = l.office.Parts()
	return l, nil
}

func (l *life) close() (err error) {
	if l.office != nil {
		err = l.office.Close()
	}
	if l.link != nil {
		l.link.Close()
	}
	return err
}

func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		DisableGeneralOptionsHandler: true, // it answers OPTIONS * past our handler
		ErrorLog:                     slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
}

// run lives until ctx is done. Jobs are begun no more then, and no connection
// is accepted; those under way may finish. The parts that live as long are
// stopped once nothing can need them. A server is not needed.
func (l *life) run(ctx context.Context, srv *http.Server, ln net.Listener, w *watch) error {
	partsCtx, stopParts := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, len(l.parts))
	for _, part := range l.parts {
		go func() { ended <- part(partsCtx) }()
	}
	workCtx, stopWork := context.WithCancel(ctx)
	defer stopWork()
	worked := make(chan error, 1)
	if l.work == nil {
		close(worked)
	} else {
		go func() { worked <- l.work(workCtx) }()
	}
	served := make(chan error, 1)
	if srv != nil {
		go func() { served <- srv.Serve(ln) }()
	}

	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		slog.InfoContext(ctx, "stopping: requests and jobs under way may finish")
		if srv != nil {
			w.stopping.Store(true)
			l.office.Realtime.Close() // polls are requests that would not end by themselves
			err = drain(ctx, srv)
		}
	}
	stopWork()
	err = errors.Join(err, <-worked)
	stopParts()
	for range l.parts {
		err = errors.Join(err, <-ended)
	}
	slog.InfoContext(ctx, "stopped")
	return err
}

func drain(ctx context.Context, srv *http.Server) error {
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTimeout)
	defer cancel()
	if err := srv.Shutdown(limit); err != nil {
		return errors.Join(fmt.Errorf("requests did not finish in %s: %w", drainTimeout, err), srv.Close())
	}
	return nil
}

// leftTime is after how long a folder for parts of an imported file belongs to
// an import that was killed.
const leftTime = 24 * time.Hour

// sweep removes what imports that were killed have left in the folder of the data.
func (o *Office) sweep() error {
	folders, err := filepath.Glob(filepath.Join(o.Transfer.TempDir, "sheet-*"))
	for _, f := range folders {
		if info, statErr := os.Stat(f); statErr == nil && time.Since(info.ModTime()) > leftTime {
			err = errors.Join(err, os.RemoveAll(f))
		}
	}
	return err
}

// tidy deletes now and then what nobody asks for any more.
func (o *Office) tidy(ctx context.Context) error {
	t := time.NewTicker(tidyEvery)
	defer t.Stop()
	for {
		if err := errors.Join(o.DB.Tidy(ctx, o.now()), o.sweep()); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "tidying failed; it is tried again", "err", err)
		}
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// announce tells whoever started the program where it is and what to do next.
func announce(w io.Writer, c *config.Config, made bool, code setupCode, terminal bool) {
	fmt.Fprintf(w, "%s listens on http://%s\n  data: %s\n", c.AppName, c.Addr(), where(c, made))
	if local := "http://" + c.Addr(); c.BaseURL != local {
		fmt.Fprintf(w, "  clients reach it at %s\n", c.BaseURL)
	}
	if isLoopback(c.Host) {
		fmt.Fprintln(w, "  only this computer can reach it; docs/operations.md, \"Open it to your network\", tells how to change that")
	}
	if code.text != "" {
		code.explain(w, c, terminal)
	}
}

func where(c *config.Config, made bool) string {
	if c.Database.Driver == config.SQLite {
		return c.Database.Path + map[bool]string{true: " (new)", false: " (was there)"}[made]
	}
	return "PostgreSQL"
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
