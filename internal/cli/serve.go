package cli

import (
	"context"

	"cartracker/internal/config"
)

type serveCommand struct {
	config.Config `embed:""`
}

// Run serves until the program is told to stop.
func (c *serveCommand) Run(ctx context.Context, p Program, t Terminal) error {
	if err := c.Check(); err != nil {
		return err
	}
	return p.Serve(ctx, &c.Config, t, nil)
}
