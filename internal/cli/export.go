package cli

import (
	"bufio"
	"context"

	"cartracker/internal/config"
	"cartracker/internal/transfer"
)

type exportCommand struct {
	config.Config `embed:""`

	Kind   string `arg:"" enum:"cars,customers,contracts,audit" help:"What to export: cars, customers, contracts or audit."`
	Format string `enum:"csv,xlsx" default:"csv" placeholder:"FORMAT" help:"csv (UTF-8, with commas) or xlsx."`
}

// Help is shown below the usage.
func (*exportCommand) Help() string {
	return `Everything is written to stdout, the oldest first: cartracker export cars > cars.csv. A cell that a spreadsheet would run as a
formula has an apostrophe before it, which an import takes off again. Importing what was exported changes nothing. The
export itself is in the audit log.`
}

// Run exports to stdout.
func (c *exportCommand) Run(ctx context.Context, p Program, t Terminal) error {
	if err := checkExisting(p, &c.Config); err != nil {
		return err
	}
	return p.Transfer(ctx, &c.Config, func(s *transfer.Service) error {
		out := bufio.NewWriterSize(t.Out, 64<<10)
		if err := s.Export(asOperator(ctx), c.Kind, transfer.Format(c.Format), out); err != nil {
			return err
		}
		return out.Flush()
	})
}
