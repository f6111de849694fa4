package postgres

import (
	"context"
	"errors"
	"log/slog"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cartracker/internal/store"
)

const (
	reserved = 10 // connections that are left to others
	beside   = 3  // connections of an instance that are not the pool's: for the feed of changes, for the pulse, and to hear of new jobs
)

func pool(ctx context.Context, c Config) (*pgxpool.Pool, error) {
	conf, err := pgxpool.ParseConfig(c.URL)
	if err != nil {
		return nil, errors.New("the address of the database is malformed") // err quotes it
	}
	limitConnecting(conf.ConnConfig)
	most, err := bound(ctx, c, conf.ConnConfig)
	if err != nil {
		return nil, err
	}
	conf.MaxConns = int32(most)
	conf.MinConns = int32(min(c.PoolMin, most))
	conf.MaxConnIdleTime = idleTimeout
	conf.HealthCheckPeriod = checkPoolEvery
	conf.MaxConnLifetime, conf.MaxConnLifetimeJitter = connectionLife, connectionLife/4 // or all that were opened together would end together
	if c.lines != nil {
		conf.ConnConfig.DialFunc = c.lines.over(conf.ConnConfig.DialFunc)
		conf.ConnConfig.LookupFunc = c.lines.named(conf.ConnConfig.LookupFunc, conf.ConnConfig.ConnectTimeout)
		conf.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
			trust(conn.PgConn().Conn())
			return nil
		}
	}
	if c.server != "" {
		conf.AfterConnect = only(c.server)
	}
	conf.ConnConfig.RuntimeParams["client_encoding"] = "UTF8" // or a database of another would take our bytes for its own
	conf.ConnConfig.RuntimeParams["timezone"] = "UTC"
	conf.ConnConfig.RuntimeParams["datestyle"] = "ISO" // of days that a query makes text
	conf.ConnConfig.RuntimeParams["statement_timeout"] = strconv.FormatInt(statementTimeout.Milliseconds(), 10)
	conf.ConnConfig.RuntimeParams["idle_in_transaction_session_timeout"] = strconv.FormatInt(statementTimeout.Milliseconds(), 10)
	var p *pgxpool.Pool
	conf.AfterRelease = func(*pgx.Conn) bool { return int(p.Stat().TotalConns()) <= c.PoolSize }
	p, err = pgxpool.NewWithConfig(ctx, conf)
	return p, err
}

// limitConnecting bounds how long a connection may take to come about, for each
// of the hosts in the address, unless the address says so itself.
func limitConnecting(conf *pgx.ConnConfig) {
	if conf.ConnectTimeout > 0 {
		return
	}
	conf.ConnectTimeout = connectTimeout
	for _, other := range conf.Fallbacks { // the same host without TLS may be one
		if other.Host != conf.Host || other.Port != conf.Port {
			conf.ConnectTimeout = nextHostTimeout
		}
	}
}

// limits asks how many connections there may be of all programs, but for some
// that are left to others, and how many of this role and to this database; NULL
// if there is no such limit. Superusers are not limited.
const limits = `SELECT CAST(current_setting('max_connections') AS INTEGER), CAST(current_setting('max_connections') AS INTEGER)
		- GREATEST($1, CAST(current_setting('superuser_reserved_connections') AS INTEGER) + CAST(COALESCE(current_setting('reserved_connections', TRUE), '0') AS INTEGER)),
	LEAST(CASE WHEN r.rolconnlimit >= 0 AND NOT r.rolsuper THEN r.rolconnlimit END, CASE WHEN d.datconnlimit >= 0 AND NOT r.rolsuper THEN d.datconnlimit END)
	FROM pg_roles r, pg_database d WHERE r.rolname = session_user AND d.datname = current_database()`

// bound returns how many connections the pool may open: what the server has is
// shared by all instances, of which each has some beside its pool.
func bound(ctx context.Context, c Config, conf *pgx.ConnConfig) (int, error) {
	conn, err := pgx.ConnectConfig(ctx, conf)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	var all, shared int
	var own *int
	if err := conn.QueryRow(ctx, limits, reserved).Scan(&all, &shared, &own); err != nil {
		return 0, err
	}
	told := []any{"max_connections", all}
	if own != nil && *own < shared {
		shared, told = *own, append(told, "limit of the role or the database", *own)
	}
	share := max(shared/max(c.Instances, 1)-beside, 1)
	if share < c.PoolMax {
		slog.WarnContext(ctx, "DB_POOL_MAX is more than the server's share of connections and is lowered",
			append([]any{"DB_POOL_MAX", c.PoolMax, "lowered", share, "DB_INSTANCES", c.Instances}, told...)...)
	}
	return min(share, c.PoolMax), nil
}

// state tells how a pool is used.
func state(p *pgxpool.Pool) store.Pool {
	s := p.Stat()
	return store.Pool{
		Name: "primary", Most: int(s.MaxConns()), Open: int(s.TotalConns()), InUse: int(s.AcquiredConns()), Idle: int(s.IdleConns()),
		Waits: s.EmptyAcquireCount(), Waited: s.EmptyAcquireWaitTime(),
	}
}
