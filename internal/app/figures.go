package app

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/jobs"
	"cartracker/internal/observe/metrics"
	"cartracker/internal/overload"
	"cartracker/internal/store"
)

const (
	figuresEvery = 15 * time.Second
	figuresTime  = 5 * time.Second // to count them
)

// Figures are what has to be counted in the database. That is done now and then
// in the background: who asks for them waits for nothing, and nothing waits for
// those who ask.
type figures struct {
	office   *Office
	currency string
	last     atomic.Pointer[counted] // nil: not known
	updated  atomic.Int64            // Unix time, in seconds
	missed   bool                    // the log knows that they cannot be counted
}

// A counted is what was counted at one time.
type counted struct {
	store.Figures
	jobs.Depth
}

// newFigures returns the figures of an office, which measures them from now on.
func newFigures(o *Office, currency string) *figures {
	f := &figures{office: o, currency: currency}
	o.Metrics.Read(f.read)
	return f
}

// Run counts until ctx is done.
func (f *figures) Run(ctx context.Context) error {
	t := time.NewTicker(figuresEvery)
	defer t.Stop()
	for {
		f.take(ctx)
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// take counts once. Those who work come first: while there is no place at the
// database, what was counted last stands. After any other error it is forgotten,
// since nobody knows what is true now.
func (f *figures) take(ctx context.Context) {
	limited, cancel := context.WithTimeout(overload.As(ctx, overload.Report), figuresTime)
	defer cancel()
	now, err := f.count(limited)
	switch {
	case ctx.Err() != nil:
	case err == nil:
		f.last.Store(&now)
		f.updated.Store(time.Now().Unix())
		f.missed = false
	case fault.Of(err).Code == "overloaded":
	default:
		f.last.Store(nil)
		if !f.missed && !f.office.DB.Lost() {
			slog.WarnContext(ctx, "jobs, cars and contracts cannot be counted for the metrics; it is tried again", "err", err)
		}
		f.missed = true
	}
}

func (f *figures) count(ctx context.Context) (c counted, err error) {
	if c.Figures, err = f.office.DB.Figures(ctx, f.office.API.Today()); err == nil {
		c.Depth, err = f.office.Jobs.Depth(ctx)
	}
	return c, err
}

// read tells what was counted last.
func (f *figures) read(put metrics.Put) {
	put("cartracker_figures_updated_timestamp_seconds", float64(f.updated.Load()))
	c := f.last.Load()
	if c == nil || f.office.DB.Lost() {
		return
	}
	for queue, states := range c.Jobs {
		for state, n := range states {
			put("cartracker_jobs", float64(n), queue, string(state))
		}
	}
	put("cartracker_jobs_oldest_waiting_seconds", c.Oldest.Seconds())
	for status, n := range c.Cars {
		put("cartracker_cars", float64(n), status)
	}
	put("cartracker_contracts_active", float64(c.Active))
	put("cartracker_contracts_out_today", float64(c.Out))
	put("cartracker_contracts_back_today", float64(c.Back))
	put("cartracker_revenue_booked", float64(c.Booked.Minor())/100, f.currency)
}
