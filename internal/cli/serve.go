package cli

import (
	"context"

	"cartracker/internal/config"
)

type serveCommand struct {
	config.Config `embed:""`

	NoWorkers bool `help:"Leave mails and what is done every day to others, such as cartracker worker."`
}

// Run serves until the program is told to stop.
func (c *serveCommand) Run(ctx context.Context, p Program, t Terminal) error {
	if err := c.Check(); err != nil {
		return err
	}
	c.Config.NoWorkers = c.NoWorkers
	return p.Serve(ctx, &c.Config, t, nil)
}

type workerCommand struct {
	config.Config `embed:""`
}

// Run works jobs until the program is told to stop.
func (c *workerCommand) Run(ctx context.Context, p Program, t Terminal) error {
	if err := c.Check(); err != nil {
		return err
	}
	return p.Work(ctx, &c.Config, t)
}
