package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"cartracker/internal/part"
)

const (
	headerTimeout = 5 * time.Second
	readTimeout   = 20 * time.Second // headers and body; the body alone has 15 s
	writeTimeout  = 60 * time.Second
	idleTimeout   = 60 * time.Second
	// net/http allows 4 KiB more than it is told.
	maxHeader = 16<<10 - 4<<10
	// cutTime is for requests that were cut off to notice that, and to take back
	// what they have begun while there is still a database.
	cutTime = 3 * time.Second
)

// A front is what takes requests.
type front struct {
	server  *http.Server
	ln      net.Listener
	window  time.Duration // connections are still accepted when it stops
	door    door
	watch   *watch
	serving sync.WaitGroup
	ending  atomic.Bool  // the listener is being closed
	open    atomic.Int64 // connections
}

func newFront(ln net.Listener, window time.Duration, h http.Handler, w *watch) *front {
	f := &front{ln: ln, window: window, watch: w}
	f.server = newServer(f.door.before(h))
	f.server.ConnState = f.count
	return f
}

func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		DisableGeneralOptionsHandler: true, // it answers OPTIONS * past our handler
		ErrorLog:                     slog.NewLogLogger(slog.Default().Handler(), slog.LevelDebug),
	}
}

// serve accepts connections until the listener is closed, and tells failed if it
// ends otherwise.
func (f *front) serve(ctx context.Context, failed func(context.Context, error)) {
	f.serving.Go(func() {
		err := part.Guard(func() error { return f.server.Serve(f.ln) })
		if !f.ending.Load() {
			failed(ctx, fmt.Errorf("connections: %w", err))
		}
	})
}

// unready lets those who ask whether requests should come here send them
// elsewhere, and every client leave with its next answer.
func (f *front) unready() error {
	f.watch.stopping.Store(true)
	f.door.closing.Store(true)
	return nil
}

// refuse accepts no connections any more. Those that there are stay, and those
// that wait to be accepted are served: a proxy may have sent a POST over one, and
// does not send it again when it is cut off.
func (f *front) refuse() error {
	f.ending.Store(true)
	late, err := lastCall(f.ln)
	err = errors.Join(err, f.ln.Close())
	f.serving.Wait()
	_ = f.server.Serve(&queue{Listener: f.ln, waiting: late}) // ends with net.ErrClosed when all are let in
	if errors.Is(err, net.ErrClosed) {                        // it has failed before, and that is known
		return nil
	}
	return err
}

// drain waits for the requests under way, and then cuts off what is left. It
// does without Shutdown, from which on net/http closes a connection once it has
// read the request that came over it, unanswered.
//
// To close idle connections does the same to a POST that comes in that moment.
// But there are none: in the window a proxy has used them and was asked to leave,
// or has closed them itself, as nginx does if its keepalive_timeout is shorter.
func (f *front) drain(within time.Duration) error {
	f.server.SetKeepAlivesEnabled(false)
	if f.left(within) {
		return f.server.Close()
	}
	err := errors.Join(fmt.Errorf("requests did not finish in %s", within), f.server.Close())
	f.left(cutTime)
	return err
}

// left waits until no connection is open, and reports whether it came to that.
func (f *front) left(within time.Duration) bool {
	limit, again := time.NewTimer(within), time.NewTicker(5*time.Millisecond)
	defer limit.Stop()
	defer again.Stop()
	for f.open.Load() > 0 {
		select {
		case <-again.C:
		case <-limit.C:
			return false
		}
	}
	return true
}

// count knows how many connections are open. Websockets have taken over theirs,
// and are none of the server's.
func (f *front) count(_ net.Conn, s http.ConnState) {
	switch s {
	case http.StateNew:
		f.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		f.open.Add(-1)
	}
}

// A queue is a listener that has connections already, and takes no others.
type queue struct {
	net.Listener
	waiting []net.Conn
}

// Accept lets the next one in.
func (q *queue) Accept() (net.Conn, error) {
	if len(q.waiting) == 0 {
		return nil, net.ErrClosed
	}
	next := q.waiting[0]
	q.waiting = q.waiting[1:]
	return next, nil
}
