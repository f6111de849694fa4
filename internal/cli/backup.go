package cli

import (
	"context"
	"fmt"
	"time"

	"cartracker/internal/config"
)

// A Backup is one that was made.
type Backup struct {
	File string
	Size int64 // bytes
	Rows int64
	Took time.Duration
}

type backupCommand struct {
	config.Config `embed:""`

	File string `arg:"" help:"The file to make. It must not be there yet."`
}

// Help is shown below the usage.
func (*backupCommand) Help() string {
	return `The program may run, and others may write meanwhile. The backup counts only once it was opened, checked and compared
with the database; its row counts and checksums are kept beside it, in FILE.json. It holds everything but the key that
signs access tokens. With PostgreSQL the line of pg_dump is named that makes a backup.`
}

// Run makes a backup.
func (c *backupCommand) Run(ctx context.Context, p Program, t Terminal) error {
	if err := c.Check(); err != nil {
		return err
	}
	b, err := p.Backup(ctx, &c.Config, c.File, t.say)
	if err == nil {
		fmt.Fprintf(t.Out, "%s: %d rows, %s, in %s\n", b.File, b.Rows, megabytes(b.Size), b.Took.Round(time.Millisecond))
	}
	return err
}

// say tells what a command does next.
func (t Terminal) say(what string) { fmt.Fprintln(t.Err, what) }

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }
