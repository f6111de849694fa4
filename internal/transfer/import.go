package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"cartracker/internal/customers"
	"cartracker/internal/fault"
	"cartracker/internal/ident"
	"cartracker/internal/record"
	"cartracker/internal/rental"
	"cartracker/internal/sheet"
)

// A File is what is imported.
type File struct {
	Name   string // shown to people
	Source sheet.Source
	Size   int64 // in bytes
	sheet.Options
}

// Options say how a file is imported.
type Options struct {
	DryRun       bool           // change nothing, and tell what would happen
	AllOrNothing bool           // take no row if one has to be refused
	Problem      func(Problem)  // is told of each refused row, in the order of the file
	Progress     func(Progress) // is told now and then how far it is
}

// A Problem is why a row of a file was refused: one thing that is wrong with it.
type Problem struct {
	Line   int    `json:"line" doc:"Of the file, from 1; of a spreadsheet the row."`
	Column string `json:"column" doc:"The heading of the file, or the name of a column that it lacks."`
	Value  string `json:"value" doc:"What stands there, shortened."`
	Reason string `json:"reason"`
}

// Progress is how far an import is.
type Progress struct {
	Read, Size int64 // bytes of the file
	Rows       int
}

// A Report is what an import did, or would do.
type Report struct {
	ImportID  *record.ImportID `json:"importId" doc:"Takes the import back; null if it changed nothing."`
	Kind      record.Topic     `json:"kind" enum:"cars,customers,contracts"`
	File      string           `json:"file"`
	Format    string           `json:"format" doc:"How the file was read."`
	DryRun    bool             `json:"dryRun"`
	Applied   bool             `json:"applied" doc:"The rows went in: no dry run, and nothing refused if it was all or nothing."`
	Added     int              `json:"added"`
	Changed   int              `json:"changed"`
	Unchanged int              `json:"unchanged"`
	Refused   int              `json:"refused"`
	Ignored   []string         `json:"ignoredColumns" doc:"Headings of what the program itself keeps."`
	Unknown   []string         `json:"unknownColumns" doc:"Headings that mean nothing."`
}

// Rows returns how many rows the file has.
func (r Report) Rows() int { return r.Added + r.Changed + r.Unchanged + r.Refused }

// errBack ends a transaction whose effects are not wanted.
var errBack = errors.New("transfer: nothing is kept")

// Import takes the rows of a file into the records of a kind, in one
// transaction. Good rows go in and bad ones are refused. It fails, and then has
// changed nothing, if the file itself cannot be read.
func (s *Service) Import(ctx context.Context, t record.Topic, f File, o Options) (Report, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return Report{}, err
	}
	k, err := s.kind(t)
	if err != nil {
		return Report{}, err
	}
	r := &run{Service: s, kind: k, file: f, Options: o}
	for attempt := 1; ; attempt++ {
		if err = r.attempt(ctx, t); !raced(err) || attempt == maxAttempts {
			break
		}
	}
	if err == nil || errors.Is(err, errBack) {
		return r.report, nil
	}
	return Report{}, err
}

// maxAttempts is how often an import begins anew that others got in the way of.
const maxAttempts = 3

// raced reports whether others made what an import was about to make: what it
// found there when it looked it would have refused row by row.
func raced(err error) bool {
	return err != nil && fault.Of(err).Kind == fault.Conflict && !errors.Is(err, record.ErrImporting)
}

// A run is one import on its way.
type run struct {
	*Service
	kind kind
	file File
	Options
	id      record.ImportID
	report  Report
	columns int // that the first line names
	told    int // the last line of which a problem was told: the transaction may be tried again
	reader  *sheet.Reader
}

// attempt opens the file, which can take long, and then takes it in one transaction.
func (r *run) attempt(ctx context.Context, t record.Topic) (err error) {
	if err := r.open(t); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.reader.Close()) }()
	fresh := true
	return r.InTx(ctx, func(ctx context.Context) error {
		if !fresh { // the database gave the transaction up, and asks for it once more
			if err := errors.Join(r.reader.Close(), r.open(t)); err != nil {
				return err
			}
		}
		fresh = false
		return r.all(ctx)
	})
}

// open reads the headings of the file.
func (r *run) open(t record.Topic) (err error) {
	r.id = ident.New[record.ImportID]()
	r.report = Report{Kind: t, File: r.file.Name, DryRun: r.DryRun, Ignored: []string{}, Unknown: []string{}}
	if r.reader, err = sheet.Open(r.file.Source, r.file.Size, r.file.Options); err != nil {
		return unreadable(err)
	}
	r.report.Format = r.reader.Describe()
	if err := r.headings(); err != nil {
		return errors.Join(err, r.reader.Close())
	}
	return nil
}

// all takes the whole file. It returns errBack if nothing is to be kept.
func (r *run) all(ctx context.Context) error {
	i := r.kept(ctx)
	if err := r.Imports.Insert(ctx, &i); err != nil {
		return err
	}
	for more := true; more; {
		var err error
		if more, err = r.some(ctx); err != nil {
			return err
		}
	}
	return r.finish(ctx)
}

func (r *run) headings() error {
	first, err := r.reader.Next()
	if errors.Is(err, io.EOF) {
		return sheet.ErrFile.Say("the file is empty")
	}
	if err != nil {
		return unreadable(err)
	}
	p := &parser{fold: r.Fold, serial: r.reader.Serial(), units: units(r.Currency)}
	r.columns = len(first.Cells)
	if err := r.kind.open(p, r.cleaned(first.Cells)); err != nil {
		return err
	}
	r.report.Ignored, r.report.Unknown = r.kind.ignored()
	return nil
}

// units are what amounts in a currency may have beside them.
func units(currency string) []string {
	if currency == "BAM" {
		return []string{"BAM", "KM"}
	}
	return []string{currency}
}

// unreadable says on which line a file cannot be read, where that is known.
func unreadable(err error) error {
	if row, ok := errors.AsType[*sheet.RowError](err); ok {
		return sheet.ErrFile.Say(fmt.Sprintf("line %d: %s", row.Line, row.Reason))
	}
	return err
}

// kept is what is kept of the import.
func (r *run) kept(ctx context.Context) record.Import {
	return record.Import{
		ID: r.id, Topic: r.report.Kind, File: r.file.Name, By: record.CallerOf(ctx).Username, CreatedAt: r.Now(),
		Added: r.report.Added, Changed: r.report.Changed, Unchanged: r.report.Unchanged, Refused: r.report.Refused,
	}
}

// A line is one row of the file with what became of it.
type line struct {
	sheet.Row
	became  record.Row
	refused []Problem
}

// some takes as many rows as are taken at a time, and reports whether there are more.
func (r *run) some(ctx context.Context) (more bool, err error) {
	lines, more, err := r.read()
	if err != nil {
		return false, err
	}
	var rows [][]string
	var taken []*line
	for i := range lines {
		if len(lines[i].refused) == 0 {
			rows, taken = append(rows, lines[i].Cells), append(taken, &lines[i])
		}
	}
	became, err := r.kind.take(ctx, rows, func(ctx context.Context, ids []string) (map[string]bool, error) {
		return r.Imports.Seen(ctx, r.id, ids)
	})
	if err != nil {
		return false, err
	}
	var kept []record.Row
	for i, row := range became {
		if taken[i].became = row; row.Did == record.Refused {
			taken[i].refused = r.problems(taken[i])
			continue
		}
		kept = append(kept, row)
	}
	for i := range lines {
		r.count(&lines[i])
	}
	if r.Progress != nil {
		r.Progress(Progress{Read: r.reader.Read(), Size: r.file.Size, Rows: r.report.Rows()})
	}
	return more, r.Imports.Keep(ctx, r.id, kept)
}

// read reads as many rows as are taken at a time.
func (r *run) read() (lines []line, more bool, err error) {
	for len(lines) < record.Together {
		row, err := r.reader.Next()
		bad, isRow := errors.AsType[*sheet.RowError](err)
		switch {
		case errors.Is(err, io.EOF):
			return lines, false, nil
		case isRow:
			p := Problem{Line: bad.Line, Value: shorten(bad.Value), Reason: bad.Reason}
			if bad.Column > 0 {
				p.Column = fmt.Sprintf("column %d", bad.Column)
			}
			lines = append(lines, line{refused: []Problem{p}})
		case err != nil:
			return nil, false, unreadable(err)
		default:
			row.Cells = r.cleaned(row.Cells)
			lines = append(lines, line{Row: row, refused: r.unfit(row)})
		}
	}
	return lines, true, nil
}

// errorsOfSheets are what a spreadsheet shows where it could not calculate.
var errorsOfSheets = []string{"#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#N/A", "#NULL!", "#NUM!"}

// unfit says why a row cannot be taken whatever it is about: because cells are
// in no column, as those behind a decimal comma in a file with commas are, or
// because a cell has no value.
func (r *run) unfit(row sheet.Row) []Problem {
	for i, cell := range row.Cells {
		p := Problem{Line: row.Line, Column: fmt.Sprintf("column %d", i+1), Value: shorten(cell)}
		switch {
		case i >= r.columns && cell != "":
			p.Reason = "is behind the last column that the first line names; is a cell with a comma not in quotes?"
		case slices.Contains(errorsOfSheets, cell):
			p.Reason = "is an error of the spreadsheet, not a value"
		default:
			continue
		}
		return []Problem{p}
	}
	return nil
}

func (r *run) cleaned(cells []string) []string {
	for i, c := range cells {
		cells[i] = r.Clean(c)
	}
	return cells
}

// fieldOf is what an error is about that is not about fields, unless it is
// about what names the record.
var fieldOf = map[string]string{
	customers.ErrLicenseTaken.Code: "driverLicenseNumber", rental.ErrCarTaken.Code: "startDate", rental.ErrCancelled.Code: "status",
}

// problems says everything that a row was refused for.
func (r *run) problems(l *line) []Problem {
	e := fault.Of(l.became.Err)
	if len(e.Fields) == 0 {
		heading, cell := r.kind.where(fieldOf[e.Code], l.Cells)
		return []Problem{{Line: l.Line, Column: heading, Value: shorten(cell), Reason: e.Message}}
	}
	var out []Problem
	for _, f := range e.Fields {
		heading, cell := r.kind.where(f.Field, l.Cells)
		out = append(out, Problem{Line: l.Line, Column: heading, Value: shorten(cell), Reason: f.Message})
	}
	return out
}

// count counts what became of a row, and tells why it was refused.
func (r *run) count(l *line) {
	switch {
	case len(l.refused) > 0:
		r.report.Refused++
	case l.became.Did == record.Added:
		r.report.Added++
	case l.became.Did == record.Altered:
		r.report.Changed++
	default:
		r.report.Unchanged++
	}
	for _, p := range l.refused {
		if p.Line > r.told && r.Problem != nil {
			r.Problem(p)
		}
	}
	if n := len(l.refused); n > 0 {
		r.told = max(r.told, l.refused[n-1].Line)
	}
}

// finish keeps the import, unless it is not wanted or has done nothing.
func (r *run) finish(ctx context.Context) error {
	r.report.Applied = !r.DryRun && (!r.AllOrNothing || r.report.Refused == 0)
	i := r.kept(ctx)
	if !r.report.Applied || i.Effects() == 0 {
		return errBack
	}
	r.report.ImportID = &r.id
	err := r.Journal.Write(ctx, record.Entry{
		Action: record.Upload, Resource: "import", ResourceID: string(r.id),
		Description: fmt.Sprintf("imported %s from %s: %d added, %d changed, %d unchanged, %d refused", i.Topic, i.File, i.Added, i.Changed, i.Unchanged, i.Refused),
	})
	if err != nil {
		return err
	}
	return r.Imports.Finish(ctx, &i)
}

// maxShown is how many characters of a cell a report shows.
const maxShown = 80

func shorten(s string) string {
	if utf8.RuneCountInString(s) <= maxShown {
		return s
	}
	return string([]rune(s)[:maxShown]) + "…"
}
