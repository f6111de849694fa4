package cli

import (
	"context"
	"errors"
	"strings"
	"testing"

	"cartracker/internal/config"
)

// A stopped program made some of what it was asked for.
type stopped struct {
	Program
	made DemoMade
}

func (s stopped) Demo(context.Context, *config.Config, DemoSize, func(int)) (DemoMade, error) {
	return s.made, errors.New("the disk is full")
}

func (stopped) Build() Version { return "test" }

// Whoever is left with part of a company is told so.
func TestDemoStopped(t *testing.T) {
	for records, want := range map[int]string{
		0:     "cartracker: the disk is full\n",
		2_000: "stopped after 2,000 of 3,138 records; start over with an empty database\ncartracker: the disk is full\n",
	} {
		var out, said strings.Builder
		code := Run(t.Context(), stopped{made: DemoMade{Records: records}}, []string{"demo"}, Terminal{Out: &out, Err: &said})
		if code != exitFailed || out.Len() > 0 || said.String() != want {
			t.Errorf("%d: %s%s", code, out.String(), said.String())
		}
	}
}
