package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"cartracker/internal/part"
)

// A server that stops in the middle of everything, or a network that lets
// packets vanish, is away after 1.4 seconds of silence, so that everybody who
// waits is told within two. That is not counted by the clock but in looks: one
// process that is starved or suspended looks as much less often, and does not
// take its own absence for the server's.
const (
	askEvery    = 300 * time.Millisecond
	retryEvery  = 100 * time.Millisecond // after a question that failed
	askLimit    = time.Second            // for an answer, and for a connection to each address
	listenEvery = 100 * time.Millisecond
	mostSilent  = 14 // looks in a row
)

// errMoved says that a server is no longer one of the kind that
// target_session_attrs in the address asks for.
var errMoved = errors.New("the server is not the primary any more")

// A pulse notices when a server does not answer any more, and when it does
// again. It asks on a connection of its own, so that a pool whose connections
// are all in use does not look like a server that is away; and as long as
// anything comes over the lines of others, the server lives.
type pulse struct {
	lines *lines // of all others
	own   *lines
	conf  *pgconn.Config
	pool  *pgxpool.Pool

	server  string // that answered last, and since when it runs
	answers atomic.Int64
	reason  atomic.Pointer[error] // why the last question failed; nil if it did not
	doubt   chan struct{}         // somebody met a server that takes no writes
}

func newPulse(p *pgxpool.Pool, others *lines, conf *pgconn.Config) *pulse {
	own := &lines{}
	conf.ConnectTimeout = askLimit
	conf.DialFunc, conf.LookupFunc = own.over(conf.DialFunc), own.named(conf.LookupFunc, askLimit)
	return &pulse{lines: others, own: own, conf: conf, pool: p, doubt: make(chan struct{}, 1)}
}

// Run feels the pulse until ctx is done.
func (p *pulse) Run(ctx context.Context) error {
	p.lines.mend()
	return part.Together(ctx, part.Quietly(p.ask), part.Quietly(p.listen))
}

// suspect lets the pulse look for the primary anew, because a server refused to
// write. It never blocks.
func (p *pulse) suspect() {
	select {
	case p.doubt <- struct{}{}:
	default: // it will look
	}
}

// away reports whether an error means that the server is away, or that it is no
// primary: then the pulse looks for that.
func (p *pulse) away(err error) bool {
	if hasCode(err, "25006") { // it takes no writes
		p.suspect()
		return true
	}
	return away(err)
}

// listen cuts the lines when it has been silent for too long.
func (p *pulse) listen(ctx context.Context) {
	looks := time.NewTicker(listenEvery)
	defer looks.Stop()
	var known int64
	for silent := 0; ; {
		select {
		case <-ctx.Done():
			return
		case <-looks.C:
		}
		answers := p.answers.Load()
		answered := answers != known
		known = answers
		switch heard := p.lines.heard.Swap(false); {
		case p.lines.isCut() && answered:
			p.lines.mend()
			slog.InfoContext(ctx, "PostgreSQL answers again")
			silent = 0
		case answered || heard:
			silent = 0
		default:
			if silent++; silent == mostSilent {
				p.declare(ctx)
			}
		}
	}
}

// declare says that the server is away.
func (p *pulse) declare(ctx context.Context) {
	p.lines.cut()
	p.pool.Reset()
	err := errCut
	if reason := p.reason.Load(); reason != nil {
		err = *reason
	}
	slog.WarnContext(ctx, "PostgreSQL is away; requests that need it are refused until it is back", "err", err)
}

// ask asks again and again.
func (p *pulse) ask(ctx context.Context) {
	var conn *pgconn.PgConn
	defer func() { p.drop(conn) }()
	var err error
	for moved := false; ; {
		conn, err = p.once(ctx, conn)
		pause := askEvery
		switch {
		case err == nil && moved: // what the pool has leads to a server that takes no writes
			p.pool.Reset()
			moved = false
			fallthrough
		case err == nil || answered(err):
			p.reason.Store(nil)
			p.answers.Add(1)
		default:
			moved = moved || errors.Is(err, errMoved)
			p.reason.Store(&err)
			pause = retryEvery
		}
		select {
		case <-ctx.Done():
			return
		case <-p.doubt:
			p.drop(conn)
			conn, moved = nil, true
		case <-time.After(pause):
		}
	}
}

// once asks on a connection, or connects if there is none, which is an answer
// too. It returns the connection if that can be used again.
func (p *pulse) once(ctx context.Context, conn *pgconn.PgConn) (*pgconn.PgConn, error) {
	if conn == nil {
		p.own.mend()
		made, err := pgconn.ConnectConfig(ctx, p.conf)
		if err != nil {
			p.own.cut() // what the driver still does for it
			return nil, err
		}
		conn = made
	}
	limited, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	if err := p.question(limited, conn); err != nil {
		p.drop(conn)
		return nil, err
	}
	return conn, nil
}

// question asks for a sign of life, and whether the server still is what the
// address asks for, and the same one as before: connections to another lead
// nowhere, and nobody would tell those who wait for an answer on them.
func (p *pulse) question(ctx context.Context, conn *pgconn.PgConn) error {
	if p.conf.ValidateConnect != nil {
		if err := p.conf.ValidateConnect(ctx, conn); err != nil && !conn.IsClosed() {
			return fmt.Errorf("%w (%w)", errMoved, err)
		} else if err != nil {
			return err
		}
	}
	res, err := conn.Exec(ctx, "SELECT EXTRACT(EPOCH FROM pg_postmaster_start_time())").ReadAll()
	if err != nil {
		return err
	}
	server := string(res[0].Rows[0][0])
	if p.server != "" && p.server != server {
		p.lines.renew()
		p.pool.Reset()
		slog.InfoContext(ctx, "PostgreSQL was started anew, or another server has taken over: all connections are made anew")
	}
	p.server = server
	return nil
}

// drop ends the pulse's connection, also one that hangs.
func (p *pulse) drop(conn *pgconn.PgConn) {
	if conn != nil && !conn.IsClosed() {
		limited, cancel := context.WithTimeout(context.Background(), retryEvery)
		defer cancel()
		_ = conn.Close(limited) // it is given up anyway
	}
	p.own.cut()
	if conn != nil {
		<-conn.CleanupDone()
	}
}

// answered reports whether an error is the answer of a server that lives but
// does not let the pulse in. One that starts or stops does not count (57P).
func answered(err error) bool {
	_, told := errors.AsType[*pgconn.PgError](err)
	return told && !hasCode(err, "57P") && !errors.Is(err, errMoved)
}
