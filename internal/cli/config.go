package cli

import (
	"fmt"
	"text/tabwriter"

	"cartracker/internal/config"
)

type configCommand struct {
	config.Config `embed:""`
}

// Run prints every setting, also when some are wrong.
func (c *configCommand) Run(t Terminal) error {
	wrong := c.Check()
	w := tabwriter.NewWriter(t.Out, 0, 0, 2, ' ', 0)
	for _, r := range c.Effective() {
		fmt.Fprintf(w, "%s\t%s\t(%s)\n", r.Name, r.Value, r.Source)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return wrong
}
