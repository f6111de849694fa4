package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"cartracker/internal/config"
	"cartracker/internal/date"
)

// A Replaced is the database that a restored one replaces.
type Replaced struct {
	Path                       string
	Size                       int64 // bytes
	Readable                   bool  // if not, the rest is unknown
	Cars, Customers, Contracts int64
	Backup                     Contents // what takes its place
}

// Contents tells of a backup.
type Contents struct {
	Made                       date.Moment // zero without a manifest
	Cars, Customers, Contracts int64
}

// A Restored is what became of it.
type Restored struct {
	Path   string
	Rows   int64
	Proved bool   // the backup is what its manifest says; else it had none
	Kept   string // where the old database is; "" if there was none
}

type restoreCommand struct {
	config.Config `embed:""`

	File string `arg:"" help:"The backup."`
}

// Help is shown below the usage.
func (*restoreCommand) Help() string {
	return `The backup is checked first; a damaged one changes nothing, and nor does one that a newer program has made. If there is a
database, its name has to be typed (or piped in) before it is replaced, and it is kept beside the new one. The program
must not run. With PostgreSQL the line of pg_restore is named.`
}

// Run restores a backup.
func (c *restoreCommand) Run(ctx context.Context, p Program, t Terminal) error {
	if err := c.Check(); err != nil {
		return err
	}
	r, err := p.Restore(ctx, &c.Config, c.File, func(old Replaced) error { return agree(t, old) }, t.say)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.Out, "%s: %d rows restored\n", r.Path, r.Rows)
	if !r.Proved {
		fmt.Fprintf(t.Out, "There is no %s.json, so row counts and checksums were not compared.\n", c.File)
	}
	if r.Kept != "" {
		fmt.Fprintf(t.Out, "The database that was there is kept as %s.\n", r.Kept)
	}
	return nil
}

var errNotAgreed = errors.New("that is not its name; nothing was changed")

// agree lets whoever sits there type what will be replaced.
func agree(t Terminal, old Replaced) error {
	name := filepath.Base(old.Path)
	fmt.Fprintf(t.Err, "%s is there already: %s, %s.\n", old.Path, megabytes(old.Size), holds(old))
	backup := records(old.Backup.Cars, old.Backup.Customers, old.Backup.Contracts)
	if !old.Backup.Made.IsZero() {
		backup = "of " + old.Backup.Made.String() + ": " + backup
	}
	fmt.Fprintf(t.Err, "It will be replaced by the backup %s.\nType %s to replace it: ", backup, name)
	answer, err := bufio.NewReader(io.LimitReader(t.In, 4<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !t.InTerminal {
		fmt.Fprintln(t.Err) // nobody has pressed Enter
	}
	if strings.TrimSpace(answer) != name {
		return errNotAgreed
	}
	return nil
}

func holds(old Replaced) string {
	if !old.Readable {
		return "it cannot be read"
	}
	return records(old.Cars, old.Customers, old.Contracts)
}

func records(cars, customers, contracts int64) string {
	return fmt.Sprintf("%d cars, %d customers, %d contracts", cars, customers, contracts)
}
