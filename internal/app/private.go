package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"sync"
	"time"

	"cartracker/internal/config"
	"cartracker/internal/part"
)

// scrapeTime is for an answer under way when the program ends.
const scrapeTime = time.Second

// A private is what serves those who look after the program, and nobody else:
// it asks for no password.
type private struct {
	server  *http.Server
	ln      net.Listener
	serving sync.WaitGroup
}

// openPrivate listens where those come who look after the program. Where nobody
// asked for that, as on a machine with several instances, the program does without.
func (l *life) openPrivate(ctx context.Context, c *config.Config) error {
	if c.Metrics.Addr == "" {
		return nil
	}
	ln, err := net.Listen("tcp", c.Metrics.Addr)
	switch {
	case err != nil && c.Metrics.Given:
		return fmt.Errorf("METRICS_ADDR: %w", err)
	case err != nil:
		slog.WarnContext(ctx, "metrics are not served: the usual address cannot be had; set METRICS_ADDR to another one, or to off", "err", err)
		return nil
	}
	slog.InfoContext(ctx, "metrics are served", "address", ln.Addr().String())
	l.private = &private{ln: ln, server: newServer(l.office.privately(isLocal(ln.Addr())))}
	l.countFigures(c)
	return nil
}

// countFigures lets figures be counted, once.
func (l *life) countFigures(c *config.Config) {
	if l.office.board.figures == nil {
		l.office.board.figures = newFigures(l.office, c.Currency)
		l.parts = append(l.parts, part.Part{Name: "figures", Run: l.office.board.figures.Run})
	}
}

func isLocal(a net.Addr) bool {
	addr, err := netip.ParseAddrPort(a.String())
	return err == nil && addr.Addr().IsLoopback()
}

// privately returns what is served there. On the machine itself no name of
// another host may lead there, as a web page that somebody has open may try.
func (o *Office) privately(local bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", o.Metrics.Handler())
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if local && !isLocalHost(r.Host) {
			http.Error(w, "this is served to this machine only", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// isLocalHost reports whether a Host header is an address or localhost.
func isLocalHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	_, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil
}

// serve answers until close. That it should end before is no reason to end the
// program.
func (p *private) serve(ctx context.Context) {
	p.serving.Go(func() {
		if err := part.Guard(func() error { return p.server.Serve(p.ln) }); !errors.Is(err, http.ErrServerClosed) {
			slog.ErrorContext(ctx, "metrics are no longer served", "err", err)
		}
	})
}

// close lets an answer under way finish, and cuts off what takes long.
func (p *private) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), scrapeTime)
	defer cancel()
	err := p.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) { // a profile, which nobody waits for
		err = p.server.Close()
	}
	p.serving.Wait()
	return err
}
