package overload_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cartracker/internal/machinetest"
	"cartracker/internal/overload"
)

// The log tells once that requests are refused, and once that it is over.
func TestRunTells(t *testing.T) {
	var log machinetest.Text
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	defer slog.SetDefault(before)
	synctest.Test(t, func(t *testing.T) {
		room := small
		room.Queue = 0
		g := overload.New(room)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- g.Run(ctx) }()
		told := func(warnings, infos int) {
			t.Helper()
			synctest.Wait()
			if w, i := strings.Count(log.String(), "level=WARN"), strings.Count(log.String(), "level=INFO"); w != warnings || i != infos {
				t.Errorf("%d and %d lines, not %d and %d:\n%s", w, i, warnings, infos, log.String())
			}
		}
		defer enter(t, g, overload.Report)()
		time.Sleep(time.Minute)
		told(0, 0)
		for range 30 { // seconds
			for range 100 {
				refusal(t, g.Check(overload.Report))
			}
			told(1, 0)
			time.Sleep(time.Second)
		}
		time.Sleep(20 * time.Second)
		told(1, 1)
		if !strings.Contains(log.String(), "refused.reports=3000 refused.reads=0") {
			t.Error(log.String())
		}
		refusal(t, g.Check(overload.Report))
		told(2, 1)
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		told(2, 1)
	})
}
