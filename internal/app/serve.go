package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"cartracker/internal/cli"
	"cartracker/internal/config"
	"cartracker/internal/part"
)

// tidyEvery is the time between two looks for what is over.
const tidyEvery = 10 * time.Minute

// Serve runs the program until ctx is done, then lets the requests and jobs
// under way finish. It calls ready, if not nil, with the address once it accepts
// connections.
func (p Program) Serve(ctx context.Context, c *config.Config, t cli.Terminal, ready func(addr string)) error {
	l, err := p.begin(ctx, c, t)
	if err != nil {
		return early(ctx, err)
	}
	if err := l.listen(ctx, c, t); err != nil {
		return early(ctx, l.abandon(ctx, err))
	}
	if ready != nil {
		ready(l.front.ln.Addr().String())
	}
	return l.run(ctx)
}

// listen gives a life what it needs to serve.
func (l *life) listen(ctx context.Context, c *config.Config, t cli.Terminal) error {
	office, version := l.office, l.program.Version
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
	announce(t.Err, c, l.made, code, t.ErrTerminal)
	l.front = newFront(ln, c.Window, office.Handler(l.watch.Health), l.watch)
	l.countFigures(c)
	office.board.introduce(ln.Addr().(*net.TCPAddr).Port)
	l.parts = append(l.parts, part.Part{Name: "status", Run: office.board.Run})
	l.parts = append(l.parts, part.Part{Name: "tidying", Run: office.tidy}, part.Part{Name: "sockets", Run: office.Realtime.Run})
	if backups := office.schedule(c, version); backups != nil {
		l.parts = append(l.parts, part.Part{Name: "backups", Run: backups})
	}
	if l.works = !c.NoWorkers; l.works {
		office.tellMail(c)
	}
	return nil
}

// Work works jobs until ctx is done, beside programs that serve without.
func (p Program) Work(ctx context.Context, c *config.Config, t cli.Terminal) error {
	if strings.HasSuffix(c.BaseURL, ":0") {
		return errors.New("BASE_URL must be set for a worker with PORT=0: links in mails would have no port")
	}
	l, err := p.begin(ctx, c, t)
	if err != nil {
		return early(ctx, err)
	}
	l.office.tellMail(c)
	l.works = true
	l.office.board.health = l.watch.Health
	if l.link != nil {
		l.office.board.introduce(0)
		l.parts = append(l.parts, part.Part{Name: "instances", Run: l.office.board.peers.Run})
	}
	fmt.Fprintf(t.Err, "%s works jobs\n  data: %s\n", c.AppName, where(c, l.made))
	return l.run(ctx)
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
