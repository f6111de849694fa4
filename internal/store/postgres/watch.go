package postgres

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// watch listens to what the trigger of the feed notifies of, whichever program
// commits. Behind a pooler that does not pass notifications on there are none.
func watch(ctx context.Context, conn *sql.Conn) (func(context.Context) error, error) {
	if _, err := conn.ExecContext(ctx, "LISTEN cartracker_changes"); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		return conn.Raw(func(c any) error { return notified(ctx, c.(*stdlib.Conn).Conn()) })
	}, nil
}

// notified waits for a notification, and takes all that have come: one look at
// the feed will do for them. When ctx is done, pgx lets a read time out, and
// goes on later where it was.
func notified(ctx context.Context, c *pgx.Conn) error {
	_, err := c.WaitForNotification(ctx)
	if ctx.Err() != nil {
		return nil // a connection that broke just now is noticed by whoever uses it next
	}
	here, cancel := context.WithCancel(ctx)
	cancel()
	for more := err; more == nil; {
		_, more = c.WaitForNotification(here)
	}
	return err
}
