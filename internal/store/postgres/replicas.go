package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"cartracker/internal/store"
)

const (
	// Any role may ask this. What is flushed is what replicas can have; a
	// commit is acknowledged after that. The end of the log itself may lie
	// behind the head of a page that nothing was written on yet.
	look = `SELECT CAST(CASE WHEN r.here THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END - '0/0' AS BIGINT), r.here,
		(SELECT CAST(system_identifier AS TEXT) FROM pg_control_system()),
		(SELECT CAST(oid AS TEXT) FROM pg_database WHERE datname = current_database()),
		CASE WHEN r.here THEN '' ELSE left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) END,
		` + itself + `
		FROM (SELECT pg_is_in_recovery() AS here) r`
	// itself tells one server from all others, and from itself before a restart.
	itself  = `concat_ws(' ', EXTRACT(EPOCH FROM pg_postmaster_start_time()), inet_server_addr(), inet_server_port())`
	written = `SELECT CAST(pg_current_wal_insert_lsn() - '0/0' AS BIGINT)`

	// watchLife is after how long a connection to look at a server is made
	// anew, in case its name means another one now.
	watchLife = 5 * time.Second
	// watchConnect is for each address: the next one may be the right one.
	watchConnect = time.Second
)

// Replicate returns the replicas at these addresses of the database that c
// opens, to be read from by store.DB.ReadFrom. The rest of c is for the pool of
// each. Nothing is connected yet.
func Replicate(c Config, urls []string) (store.Replication, error) {
	var confs []*pgx.ConnConfig
	for i, url := range append([]string{c.URL}, urls...) {
		conf, err := watcher(url)
		if err != nil {
			return store.Replication{}, fmt.Errorf("DATABASE_REPLICA_URLS: number %d: %w", i, err)
		}
		confs = append(confs, conf)
	}
	out := store.Replication{
		Primary: single(confs[0]), Look: look, Written: written, Lost: lost,
		Refused: func(err error) bool { return hasCode(err, "28", "3D000") },
		Slow:    func(err error) bool { return hasCode(err, "57014") },
	}
	for i, conf := range confs[1:] {
		own := c
		own.URL = urls[i]
		out.Replicas = append(out.Replicas, store.Server{
			Name:  address(conf.Host, conf.Port),
			Heir:  slices.Contains(several(confs[0]), address(conf.Host, conf.Port)),
			Watch: single(conf),
			Open:  func(ctx context.Context, found string) (*store.ReadPool, error) { return opened(ctx, own, found) },
		})
	}
	return out, nil
}

// errElsewhere says that an address leads to more servers than the one that is looked at.
var errElsewhere = errors.New("the address leads to another server than the one that is looked at")

// only refuses connections to another server.
func only(server string) func(context.Context, *pgx.Conn) error {
	return func(ctx context.Context, conn *pgx.Conn) error {
		var here string
		if err := conn.QueryRow(ctx, "SELECT "+itself).Scan(&here); err != nil {
			return err
		}
		if here != server {
			return errElsewhere
		}
		return nil
	}
}

func address(host string, port uint16) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// several returns the addresses of the servers that conf names, none if it
// names only one.
func several(conf *pgx.ConnConfig) []string {
	all := []string{address(conf.Host, conf.Port)}
	for _, other := range conf.Fallbacks { // the same host without TLS may be one
		if a := address(other.Host, other.Port); !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	if len(all) == 1 {
		return nil
	}
	return all
}

func opened(ctx context.Context, c Config, server string) (*store.ReadPool, error) {
	c.server = server
	p, err := pool(ctx, c)
	if err != nil {
		return nil, err
	}
	return &store.ReadPool{DB: stdlib.OpenDBFromPool(p), Use: func() store.Pool { return state(p) }, Free: p.Close}, nil
}

func watcher(url string) (*pgx.ConnConfig, error) {
	conf, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the address of the database is malformed") // err quotes it
	}
	if conf.ConnectTimeout == 0 {
		conf.ConnectTimeout = watchConnect
	}
	return conf, nil
}

func single(conf *pgx.ConnConfig) *sql.DB {
	db := stdlib.OpenDB(*conf)
	db.SetMaxOpenConns(1)
	db.SetConnMaxLifetime(watchLife)
	return db
}

// lost reports whether the connection or the server is gone.
func lost(err error) bool {
	if hasCode(err, "08", "57P") {
		return true
	}
	if _, ok := errors.AsType[*pgconn.PgError](err); ok {
		return false
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || pgconn.SafeToRetry(err)
}
