package store

import (
	"context"
	"strings"
)

// Jobs is what is asked of the table of jobs beside the library that works them.
type Jobs struct{ DB *DB }

// Counts returns how many jobs of a queue are in each state.
func (j Jobs) Counts(ctx context.Context, queue string) (map[string]int, error) {
	counts := map[string]int{}
	row := func(scan func(...any) error) error {
		var state string
		var n int
		err := scan(&state, &n)
		counts[state] = n
		return err
	}
	return counts, j.DB.query(ctx, row, "SELECT CAST(state AS TEXT), COUNT(*) FROM river_job WHERE queue = ? GROUP BY state", queue)
}

// AddQueue lets there be a queue, if there is none yet.
func (j Jobs) AddQueue(ctx context.Context, queue string) error {
	return j.DB.InTx(ctx, func(ctx context.Context) error {
		_, err := j.DB.exec(ctx, "INSERT INTO river_queue (name, updated_at) VALUES (?, CURRENT_TIMESTAMP) ON CONFLICT (name) DO NOTHING", queue)
		return err
	})
}

// SetAttempt sets how many attempts of a job count.
func (j Jobs) SetAttempt(ctx context.Context, id int64, attempt int) error {
	_, err := j.DB.exec(ctx, "UPDATE river_job SET attempt = ? WHERE id = ?", attempt, id)
	return err
}

// Trim deletes all but the last few jobs of a queue that are in one of these states.
func (j Jobs) Trim(ctx context.Context, queue string, keep int, states ...string) error {
	where := "queue = ? AND CAST(state AS TEXT) IN (?" + strings.Repeat(", ?", len(states)-1) + ")"
	args := []any{queue}
	for _, s := range states {
		args = append(args, s)
	}
	some, err := j.DB.exists(ctx, "SELECT 1 FROM river_job WHERE "+where+" LIMIT 1 OFFSET ?", append(args, keep)...)
	if err != nil || !some {
		return err
	}
	return j.DB.InTx(ctx, func(ctx context.Context) error {
		_, err := j.DB.exec(ctx, "DELETE FROM river_job WHERE "+where+" AND id NOT IN (SELECT id FROM river_job WHERE "+where+
			" ORDER BY finalized_at DESC, id DESC LIMIT ?)", append(append(args, args...), keep)...)
		return err
	})
}
