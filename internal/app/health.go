package app

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/httpapi"
	"cartracker/internal/observe/metrics"
	"cartracker/internal/redis"
)

const (
	checkEvery   = 2 * time.Second
	checkTimeout = 2 * time.Second

	unreadyStopping = "shutting down"
)

// A watch looks at the database in the background, so that nobody who asks how
// the program is has to wait for it.
type watch struct {
	ping     func(context.Context) error
	lost     func() bool // it is known that the database is away
	link     *redis.Link // nil without Redis
	now      func() date.Moment
	began    date.Moment
	version  string
	away     atomic.Bool
	stopping atomic.Bool
}

// watch returns what looks at the database of an office.
func (o *Office) watch(version string) *watch {
	w := &watch{ping: o.DB.Ping, lost: o.DB.Lost, link: o.link, now: o.now, began: o.now(), version: version}
	o.Metrics.Read(func(put metrics.Put) { put("cartracker_db_up", yes(!w.isAway())) })
	return w
}

// Run looks until ctx is done.
func (w *watch) Run(ctx context.Context) error {
	t := time.NewTicker(checkEvery)
	defer t.Stop()
	for {
		w.look(ctx)
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
	}
}

func (w *watch) look(ctx context.Context) {
	c, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := w.ping(c)
	if ctx.Err() != nil || w.lost() { // then the log has it already
		return
	}
	if was := w.away.Swap(err != nil); was == (err != nil) {
		return
	}
	if err != nil {
		slog.ErrorContext(ctx, "the database is away", "err", err)
	} else {
		slog.InfoContext(ctx, "the database is back")
	}
}

func (w *watch) isAway() bool { return w.away.Load() || w.lost() }

// Health returns what was seen last.
func (w *watch) Health() httpapi.Health {
	now := w.now()
	h := httpapi.Health{
		Timestamp: now, Uptime: now.Sub(w.began).Seconds(), Version: w.version, Database: "connected", Redis: "embedded",
	}
	if w.link != nil {
		h.Redis = w.link.State()
	}
	away := w.isAway()
	switch {
	case w.stopping.Load():
		h.Unready = unreadyStopping
	case away:
		h.Unready = "the database is away"
	}
	if away {
		h.Database = "down"
	}
	return h
}
