package jobs_test

import (
	"context"
	"errors"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/jobs"
	"cartracker/internal/part"
)

// A faulty log panics when it has to forget something.
type faulty struct{ jobs.Log }

func (faulty) Trim(context.Context, string, int, ...string) error { panic("zq7 went wrong") }

// A panic beside the jobs ends the queue in order, as an error.
func TestPanicBesideJobs(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		c.Jobs.Log = faulty{c.Jobs.Log}
		err := c.Jobs.Run(t.Context())
		if p, ok := errors.AsType[*part.Panic](err); !ok || p.Error() != "panic: zq7 went wrong" {
			t.Errorf("ended with %v", err)
		}
		if n := c.Jobs.Running(); n != 0 {
			t.Errorf("%d jobs run after the end", n)
		}
	})
}
