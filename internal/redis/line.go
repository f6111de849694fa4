package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

var errSpent = errors.New("the connection is over")

// A line is one connection. Once it is over it stays so: the client would
// connect again within a call, which would then wait for that.
type line struct {
	client rueidis.Client
	conn   *guard
	gone   chan struct{} // closed when it is over
	once   sync.Once
	keep   func() bool // lets the connection outlive the context it was made with
}

// connect makes a connection and proves with a PING that it works. The
// connection is for subscribing, or else for everything but that.
func connect(ctx context.Context, at address, subscribing bool) (*line, error) {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	c := &line{gone: make(chan struct{}), keep: func() bool { return true }}
	client, err := rueidis.NewClient(options(at, c.dialer(ctx, at, subscribing)))
	c.keep()
	if err != nil {
		if client != nil {
			client.Close()
		}
		if c.conn != nil {
			_ = c.conn.Close()
		}
		return nil, err
	}
	c.client = client
	if !subscribing {
		err = c.ping(ctx, connectLimit)
	}
	if err != nil {
		c.hangUp()
		return nil, err
	}
	return c, nil
}

// options are those of a client that does one thing only: send a command over
// the connection it has and wait for the answer.
func options(at address, dial func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error)) rueidis.ClientOption {
	return rueidis.ClientOption{
		InitAddress:         []string{at.String()},
		Username:            at.user,
		Password:            at.password,
		SelectDB:            at.db,
		ClientName:          "cartracker",
		ClientSetInfo:       []string{}, // sends none
		DialCtxFn:           dial,
		Dialer:              net.Dialer{Timeout: connectLimit, KeepAlive: -1}, // no PING of the client's: Run has its own
		ConnWriteTimeout:    connectLimit,
		PipelineMultiplex:   -1, // one connection
		ForceSingleClient:   true,
		DisableRetry:        true,
		DisableCache:        true,
		AlwaysPipelining:    true, // so that a call that gives up does not close the connection of the others
		RingScaleEachConn:   10,   // 1024 places
		ReadBufferEachConn:  32 << 10,
		WriteBufferEachConn: 32 << 10,
	}
}

// dialer returns what connects, once. The attempt ends with ctx, also while the
// client greets the server.
func (c *line) dialer(ctx context.Context, at address, subscribing bool) func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
	var spent atomic.Bool
	return func(context.Context, string, *net.Dialer, *tls.Config) (net.Conn, error) {
		if spent.Swap(true) {
			return nil, errSpent
		}
		conn, err := dial(ctx, at)
		if err != nil {
			return nil, err
		}
		c.conn = &guard{Conn: conn, subscribing: subscribing, ended: make(chan struct{})}
		c.keep = context.AfterFunc(ctx, func() { _ = conn.Close() })
		return c.conn, nil
	}
}

// dial connects, with keep-alives that notice within half a minute when the
// other machine is gone.
func dial(ctx context.Context, at address) (net.Conn, error) {
	d := net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}
	if !at.encrypted {
		return d.DialContext(ctx, "tcp", at.String())
	}
	secure := tls.Dialer{NetDialer: &d, Config: &tls.Config{MinVersion: tls.VersionTLS12, ServerName: at.host}}
	return secure.DialContext(ctx, "tcp", at.String())
}

// ping asks the server whether it is there and ready to serve.
func (c *line) ping(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	answer, err := c.client.Do(ctx, c.client.B().Ping().Build()).ToString()
	if err == nil && answer != "PONG" {
		return errGarbage
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("no answer within %s", within)
	}
	return err
}

// cut ends the connection, and so whatever is under way on it.
func (c *line) cut() {
	c.once.Do(func() {
		close(c.gone)
		_ = c.conn.Close()
	})
}

// hangUp ends the line for good. The client closes politely, which a server that
// hangs would keep waiting: so the connection goes first.
func (c *line) hangUp() {
	c.cut()
	c.client.Close()
}
