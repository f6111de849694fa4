package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cartracker/internal/config"
)

// A Copied tells what was copied where.
type Copied struct {
	Tables int
	Rows   int64
	Jobs   int // that wait to be done

	FailedMails int // that stay behind
	Took        time.Duration
}

type copyCommand struct {
	config.Config `embed:""`

	To string `placeholder:"URL" help:"postgres://USER@HOST:PORT/DATABASE. Others can see a flag: leave the password to PGPASSWORD, or set COPY_TO or COPY_TO_FILE instead."`
}

// Help is shown below the usage.
func (*copyCommand) Help() string {
	return `The target must be empty; its schema is made if it has none. All tables are copied in one transaction, which ends only if
row counts and checksums are those of the source: after a failure, or if the program is killed, the target is empty and
the same command can be given again. The source is only read, and the program must not run on it.`
}

// Run copies all records.
func (c *copyCommand) Run(ctx context.Context, p Program, t Terminal) error {
	if err := c.Check(); err != nil {
		return err
	}
	to, err := c.target()
	if err != nil {
		return err
	}
	done, err := p.Copy(ctx, &c.Config, to, t.count)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "%d tables with %d rows are in %s; counts and checksums are the same. It took %s.\n",
		done.Tables, done.Rows, to.Shown(), done.Took.Round(time.Millisecond))
	if done.Jobs > 0 {
		fmt.Fprintf(t.Out, "%d mails and other jobs that wait to be done wait there as well.\n", done.Jobs)
	}
	if done.FailedMails > 0 {
		fmt.Fprintf(t.Out, "%d mails that failed stay behind: to send them, let them be tried again (jobs retry --all) before you copy.\n", done.FailedMails)
	}
	fmt.Fprintln(t.Out, "Next: set DATABASE_URL to it, and ACCESS_TOKEN_SECRET, and start the program. Nothing in the old database was changed.")
	return nil
}

// target returns the database that is asked for, by the flag or by COPY_TO.
func (c *copyCommand) target() (config.Database, error) {
	text, name := c.To, "--to"
	kept, err := config.LookupSecret("COPY_TO")
	switch {
	case err != nil:
		return config.Database{}, err
	case kept.IsSet() && text != "":
		return config.Database{}, errors.New("give --to or set COPY_TO, not both")
	case kept.IsSet():
		text, name = kept.Reveal(), "COPY_TO"
	case text == "":
		return config.Database{}, errors.New("give --to, or set COPY_TO or COPY_TO_FILE: where the records shall go")
	}
	to, err := config.ParsePostgres(text)
	if err != nil {
		err = fmt.Errorf("%s: %w", name, err)
	}
	return to, err
}

// count tells how far a table is: a line when it is there, and on a terminal
// one that counts.
func (t Terminal) count(table string, rows, of int64) {
	if t.ErrTerminal {
		line := fmt.Sprintf("%-20s %9d of %d", table, rows, of)
		fmt.Fprint(t.Err, "\r", line, strings.Repeat(" ", max(0, 50-len(line))))
		if rows == of {
			fmt.Fprintln(t.Err)
		}
		return
	}
	if rows == of {
		fmt.Fprintf(t.Err, "%-20s %9d\n", table, rows)
	}
}
