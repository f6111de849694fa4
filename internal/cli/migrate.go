package cli

import (
	"context"
	"fmt"

	"cartracker/internal/config"
)

type migrateCommand struct {
	Up     migrateUp     `cmd:"" help:"Bring the schema up to date. serve does so by itself."`
	Status migrateStatus `cmd:"" help:"List the steps of the schema."`
}

type migrateUp struct {
	config.Config `embed:""`
}

// Run migrates.
func (c *migrateUp) Run(ctx context.Context, p Program, t Terminal) error {
	if err := c.Check(); err != nil {
		return err
	}
	n, err := p.Migrate(ctx, &c.Config)
	if err == nil {
		fmt.Fprintf(t.Out, "%d steps taken\n", n)
	}
	return err
}

type migrateStatus struct {
	config.Config `embed:""`
}

// Run lists the steps.
func (c *migrateStatus) Run(ctx context.Context, p Program, t Terminal) error {
	if err := checkExisting(p, &c.Config); err != nil {
		return err
	}
	steps, err := p.Migrations(ctx, &c.Config)
	for _, s := range steps {
		fmt.Fprintf(t.Out, "%-8s %s\n", map[bool]string{true: "applied", false: "pending"}[s.Applied], s.Name)
	}
	return err
}
