package store

import (
	"context"
	"strings"
	"time"
)

// Jobs is what is asked of the table of jobs beside the library that works them.
type Jobs struct{ DB *DB }

// Counts returns how many jobs of a queue are in each state. Those that are
// available, but not yet at the moment now, count as scheduled.
func (j Jobs) Counts(ctx context.Context, queue string, now time.Time) (map[string]int, error) {
	counts := map[string]int{}
	row := func(scan func(...any) error) error {
		var state string
		var n int
		err := scan(&state, &n)
		counts[state] += n
		return err
	}
	return counts, j.DB.query(ctx, row, `SELECT CASE WHEN state = 'available' AND scheduled_at > ? THEN 'scheduled' ELSE CAST(state AS TEXT) END, COUNT(*)
		FROM river_job WHERE queue = ? GROUP BY 1`, now.UTC(), queue)
}

// Oldest returns since when the job is due that waits longest; the zero time if
// none waits at the moment now.
func (j Jobs) Oldest(ctx context.Context, now time.Time) (due time.Time, err error) {
	row := func(scan func(...any) error) error { return scan(&due) }
	err = j.DB.query(ctx, row, "SELECT scheduled_at FROM river_job WHERE state = 'available' AND scheduled_at <= ? ORDER BY scheduled_at LIMIT 1", now.UTC())
	return due, err
}

// AddQueue lets there be a queue, if there is none yet.
func (j Jobs) AddQueue(ctx context.Context, queue string, now time.Time) error {
	return j.DB.InTx(ctx, func(ctx context.Context) error {
		_, err := j.DB.exec(ctx, "INSERT INTO river_queue (name, updated_at) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", queue, now.UTC())
		return err
	})
}

// Try lets do be a part of the transaction of ctx that is undone alone if it fails.
func (j Jobs) Try(ctx context.Context, do func(context.Context) error) error {
	return j.DB.Try(ctx, do)
}

// SetAttempt sets how many attempts of a job count.
func (j Jobs) SetAttempt(ctx context.Context, id int64, attempt int) error {
	_, err := j.DB.exec(ctx, "UPDATE river_job SET attempt = ? WHERE id = ?", attempt, id)
	return err
}

// PutBack gives a job that waits the place of its age.
func (j Jobs) PutBack(ctx context.Context, id int64) error {
	return j.DB.InTx(ctx, func(ctx context.Context) error {
		_, err := j.DB.exec(ctx, "UPDATE river_job SET scheduled_at = created_at WHERE id = ? AND state = 'available'", id)
		return err
	})
}

// Trim deletes all but the last few jobs of a queue that are in one of these states.
func (j Jobs) Trim(ctx context.Context, queue string, keep int, states ...string) error {
	// As text in the statement, and not as arguments, they are of the type that PostgreSQL has for them.
	where := "queue = ? AND state IN ('" + strings.Join(states, "', '") + "')"
	some, err := j.DB.exists(ctx, "SELECT 1 FROM river_job WHERE "+where+" LIMIT 1 OFFSET ?", queue, keep)
	if err != nil || !some {
		return err
	}
	return j.DB.InTx(ctx, func(ctx context.Context) error {
		_, err := j.DB.exec(ctx, "DELETE FROM river_job WHERE "+where+" AND (finalized_at, id) <= (SELECT finalized_at, id FROM river_job WHERE "+where+
			" ORDER BY finalized_at DESC, id DESC LIMIT 1 OFFSET ?)", queue, queue, keep)
		return err
	})
}
