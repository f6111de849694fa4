package store

import (
	"context"
	"time"

	"cartracker/internal/date"
)

// ChangesLife is how long the feed tells of a change.
const ChangesLife = time.Hour

// ImportLife is how long an import can be taken back.
const ImportLife = 30 * 24 * time.Hour

// SeenLife is how long a notification is kept after it was seen.
const SeenLife = 90 * 24 * time.Hour

// Tidy deletes what nobody asks for any more: changes, kept answers,
// sessions, links and imports that are over, and notifications that were seen
// long ago.
func (db *DB) Tidy(ctx context.Context, now date.Moment) error {
	old := []struct {
		query  string
		before date.Moment
	}{
		{"DELETE FROM changes WHERE at < ?", now.Add(-ChangesLife)},
		{"DELETE FROM idempotency_keys WHERE created_at < ?", now.Add(-ReplayLife)},
		{"DELETE FROM sessions WHERE expires_at < ?", now},
		{"DELETE FROM imports WHERE created_at < ?", now.Add(-ImportLife)},
		{"DELETE FROM setup_code WHERE expires_at < ?", now},
		{"DELETE FROM notifications WHERE status = 'seen' AND updated_at < ?", now.Add(-SeenLife)},
		{"DELETE FROM links WHERE expires_at < ?", now},
	}
	for _, o := range old { // one by one, so that none keeps a writer waiting for long
		err := db.InLongTx(ctx, func(ctx context.Context) error {
			_, err := db.exec(ctx, o.query, o.before)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
