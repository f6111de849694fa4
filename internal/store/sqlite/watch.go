package sqlite

import (
	"context"
	"database/sql"
	"time"
)

// watchEvery is how often a connection is asked whether others have committed.
// This process wakes its feed itself.
const watchEvery = 50 * time.Millisecond

// watch asks for data_version, which is another one after each commit of
// another connection, in whichever process. It is read from memory that the
// processes share, and not from the file.
func watch(ctx context.Context, conn *sql.Conn) (func(context.Context) error, error) {
	seen, err := dataVersion(ctx, conn)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		for {
			now, err := dataVersion(context.WithoutCancel(ctx), conn) // it waits for nobody
			if err != nil || now != seen {
				seen = now
				return err
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(watchEvery):
			}
		}
	}, nil
}

func dataVersion(ctx context.Context, conn *sql.Conn) (version int64, err error) {
	err = conn.QueryRowContext(ctx, "PRAGMA data_version").Scan(&version)
	return version, err
}
