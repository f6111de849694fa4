package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"cartracker/internal/config"
	"cartracker/internal/record"
	"cartracker/internal/sheet"
	"cartracker/internal/transfer"
)

type importCommand struct {
	config.Config `embed:""`

	Kind string `arg:"" optional:"" default:"" enum:",cars,customers,contracts" help:"What the file holds: cars, customers or contracts."`
	File string `arg:"" optional:"" help:"A CSV or XLSX file whose first line names its columns."`

	DryRun       bool   `help:"Change nothing, and show what would happen."`
	AllOrNothing bool   `help:"Take no row if one has to be refused."`
	Encoding     string `enum:",utf-8,utf-16,windows-1250,windows-1252" default:"" placeholder:"NAME" help:"How a CSV file is written: utf-8, utf-16, windows-1250 or windows-1252. Found out unless given."`
	Delimiter    string `placeholder:"CHAR" help:"What stands between the cells of a CSV file: , ; | or tab. Found out unless given."`
	Undo         string `placeholder:"IMPORT-ID" help:"Take an import back as far as nothing depends on it, and list what has to stay."`
}

// Help is shown below the usage.
func (*importCommand) Help() string {
	return `Headings may be English or Bosnian, such as "licensePlate", "License plate" or "Registracija"; those that mean nothing are
reported. Cars are known by their license plate, customers by their passport number, contracts by license plate and start
date: what is there is changed, anything else added. An empty cell says nothing. A row that cannot be taken is reported with
its line, column, value and reason, and the others go in. The same file once more changes nothing.

The exit code is 1 if a row was refused.`
}

var (
	errRefused = errors.New("some rows were refused")
	errStopped = errors.New("stopped; nothing was changed")
)

// Run imports a file, or takes an import back.
func (c *importCommand) Run(ctx context.Context, p Program, t Terminal) error {
	if (c.Undo == "") == (c.File == "") {
		return errUse{"say what to import from which file, such as: cartracker import cars FILE; or --undo IMPORT-ID alone"}
	}
	if err := c.Check(); err != nil {
		return err
	}
	if c.Undo != "" {
		if err := p.Exists(&c.Config); err != nil {
			return err
		}
		return p.Transfer(ctx, &c.Config, func(s *transfer.Service) error { return c.undo(asOperator(ctx), s, t) })
	}
	file, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", c.File)
	}
	fresh := p.Exists(&c.Config) != nil
	err = p.Transfer(ctx, &c.Config, func(s *transfer.Service) error { return c.take(asOperator(ctx), s, t, file, info.Size()) })
	if fresh && c.Database.Path != "" {
		fmt.Fprintf(t.Out, "the database is new: %s\n", c.Database.Path)
	}
	return err
}

func (c *importCommand) take(ctx context.Context, s *transfer.Service, t Terminal, file *os.File, size int64) error {
	m := newMeter(t, "KB", int(size/1024), time.Now)
	report, err := s.Import(ctx, record.Topic(c.Kind), transfer.File{
		Name: filepath.Base(c.File), Source: file, Size: size,
		Options: sheet.Options{Encoding: c.Encoding, Delimiter: c.Delimiter, TempDir: s.TempDir},
	}, transfer.Options{
		DryRun: c.DryRun, AllOrNothing: c.AllOrNothing,
		Problem: func(p transfer.Problem) {
			m.end()
			fmt.Fprintln(t.Out, describe(p))
		},
		Progress: func(p transfer.Progress) { m.at(int(p.Read / 1024)) },
	})
	m.end()
	if errors.Is(err, context.Canceled) {
		return errStopped
	}
	if err != nil {
		return err
	}
	summarize(t, report)
	if report.Refused > 0 {
		return errRefused
	}
	return nil
}

// describe tells of a refused row: line 7, Godina "2O19": is not a whole number.
func describe(p transfer.Problem) string {
	var b strings.Builder
	fmt.Fprintf(&b, "line %d", p.Line)
	if p.Column != "" {
		fmt.Fprintf(&b, ", %s %q", p.Column, p.Value)
	}
	return b.String() + ": " + p.Reason
}

func summarize(t Terminal, r transfer.Report) {
	fmt.Fprintf(t.Out, "%s: %s\n", r.File, r.Format)
	if len(r.Unknown) > 0 {
		fmt.Fprintf(t.Out, "columns that mean nothing here: %s\n", quoted(r.Unknown))
	}
	if len(r.Ignored) > 0 {
		fmt.Fprintf(t.Out, "columns that the program itself keeps, and that were not read: %s\n", quoted(r.Ignored))
	}
	verb := map[bool]string{true: "would be ", false: ""}[!r.Applied]
	fmt.Fprintf(t.Out, "%s %sadded, %s %schanged, %s unchanged, %s refused\n",
		grouped(r.Added), verb, grouped(r.Changed), verb, grouped(r.Unchanged), grouped(r.Refused))
	switch {
	case r.ImportID != nil:
		fmt.Fprintf(t.Out, "to take it back: cartracker import --undo %s\n", *r.ImportID)
	case r.DryRun:
		fmt.Fprintln(t.Out, "this was a dry run: nothing was changed")
	case !r.Applied:
		fmt.Fprintln(t.Out, "nothing was changed, because rows were refused")
	default:
		fmt.Fprintln(t.Out, "nothing was changed")
	}
}

// quoted lists headings, which a file can fill with anything.
func quoted(headings []string) string {
	var b strings.Builder
	for i, h := range headings {
		if i > 0 {
			b.WriteString(", ")
		}
		if strconv.Quote(h) == `"`+h+`"` {
			b.WriteString(h)
			continue
		}
		b.WriteString(strconv.Quote(h))
	}
	return b.String()
}

func (c *importCommand) undo(ctx context.Context, s *transfer.Service, t Terminal) error {
	var m *meter
	done, err := s.Undo(ctx, record.ImportID(c.Undo), func(done, all int) {
		if m == nil {
			m = newMeter(t, "records", all, time.Now)
		}
		m.at(done)
	})
	if m != nil {
		m.end()
	}
	if err != nil {
		return err
	}
	if done.TakenBack+len(done.Left) == 0 {
		fmt.Fprintln(t.Out, "nothing is left of this import that could be taken back")
		return nil
	}
	for _, left := range done.Left {
		name := left.Name
		if name == "" {
			name = left.ID
		}
		fmt.Fprintf(t.Out, "left %s: %s\n", name, left.Reason)
	}
	fmt.Fprintf(t.Out, "%s %s taken back, %s left\n", grouped(done.TakenBack), done.Kind, grouped(len(done.Left)))
	return nil
}
