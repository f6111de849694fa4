package record

import (
	"context"
	"errors"

	"cartracker/internal/fault"
)

// ErrTwice refuses a row of a file about a record that a row before it was about.
var ErrTwice = fault.New(fault.Conflict, "twice_in_file", "stands in this file twice; the first row counts")

// Together is how many rows of a file are taken at a time: few enough for the
// names of all of them to be asked for at once.
const Together = 200

// Did says what an import did with one row of a file.
type Did string

// What an import does with a row.
const (
	Added     Did = "added"
	Altered   Did = "changed"
	Unchanged Did = "unchanged"
	Refused   Did = "refused"
)

// A Row is what became of one row of a file.
type Row struct {
	Did     Did
	ID      string
	Version int   // of the record as the import left it
	Before  any   // what a client may write of a changed record, as it was
	Err     error // why the row was refused
}

// RefusedRow returns the Row that err refuses, or err itself if it is not
// about the row: then the whole import has failed.
func RefusedRow(err error) (Row, error) {
	switch fault.Of(err).Kind {
	case fault.Invalid, fault.Conflict:
		return Row{Did: Refused, Err: err}, nil
	}
	return Row{}, err
}

// Seen returns which of these records the rows of earlier calls were about.
type Seen func(ctx context.Context, ids []string) (map[string]bool, error)

// A Match is what is recorded under the names that a row of a file gives.
type Match[R any] struct {
	Key    string // names the record; "" if the row gives no name
	Also   string // another name, which no two records may have; "" if there is none
	Record *R     // that has the key, locked; nil if there is none
	Taken  bool   // another record has Also
	Clash  error  // what that means
}

// An Intake takes rows of a file into the records of one kind: those that are
// there are changed, others added. All of its fields are required.
type Intake[D, R any] struct {
	Journal Journal
	Blank   func() D
	Find    func(context.Context, []D) ([]Match[R], error)
	Make    func(fill func(*D) error) (R, Entry, error)
	Change  func(r *R, fill func(*D) error) (e Entry, before any, err error) // ErrUnchanged if it is as it was
	Insert  func(context.Context, []R) error
	Replace func(context.Context, *R) error
	Name    func(*R) (id string, version int)
}

// Take takes rows, each given by what writes its cells into a draft, and
// returns what became of each. It tells the audit log, but not the feed of
// changes: that is left to whoever knows all rows.
func (i Intake[D, R]) Take(ctx context.Context, fills []func(*D) error, seen Seen) ([]Row, error) {
	matches, again, err := i.match(ctx, fills, seen)
	if err != nil {
		return nil, err
	}
	out := make([]Row, len(fills))
	var fresh []R
	var entries []Entry
	for n, fill := range fills {
		row, made, e, err := i.one(ctx, fill, matches[n], again)
		if err != nil {
			return nil, err
		}
		if out[n] = row; row.Did == Refused {
			continue
		}
		again[matches[n].Key], again[matches[n].Also] = true, true
		if made != nil {
			fresh = append(fresh, *made)
		}
		if e.Action != "" {
			e.Changes, e.Notice = nil, nil
			entries = append(entries, e)
		}
	}
	if err := i.Insert(ctx, fresh); err != nil {
		return nil, err
	}
	return out, i.Journal.Write(ctx, entries...)
}

// match finds what is recorded under the names that the rows give, and the
// names of those that earlier rows were about.
func (i Intake[D, R]) match(ctx context.Context, fills []func(*D) error, seen Seen) ([]Match[R], map[string]bool, error) {
	drafts := make([]D, len(fills))
	for n, fill := range fills {
		drafts[n] = i.Blank()
		_ = fill(&drafts[n]) // what is wrong is told when the row is taken
	}
	matches, err := i.Find(ctx, drafts)
	if err != nil {
		return nil, nil, err
	}
	keys := map[string]string{} // by id
	var ids []string
	for _, m := range matches {
		if m.Record != nil {
			id, _ := i.Name(m.Record)
			keys[id], ids = m.Key, append(ids, id)
		}
	}
	were, err := seen(ctx, ids)
	again := map[string]bool{}
	for id := range were {
		again[keys[id]] = true
	}
	return matches, again, err
}

// one takes one row, and returns the record to be added if there is one.
func (i Intake[D, R]) one(ctx context.Context, fill func(*D) error, m Match[R], again map[string]bool) (row Row, made *R, e Entry, err error) {
	switch {
	case m.Key != "" && again[m.Key]:
		err = ErrTwice
	case m.Record == nil:
		var r R
		r, e, err = i.Make(fill)
		row.Did, made = Added, &r
	default:
		made = m.Record
		e, row.Before, err = i.Change(m.Record, fill)
		row.Did = Altered
		if errors.Is(err, ErrUnchanged) {
			row.ID, row.Version = i.Name(m.Record)
			row.Did, row.Before = Unchanged, nil
			return row, nil, Entry{}, nil
		}
	}
	if err == nil && (m.Taken || m.Also != "" && again[m.Also]) {
		err = m.Clash
	}
	if err != nil {
		row, err = RefusedRow(err)
		return row, nil, Entry{}, err
	}
	row.ID, row.Version = i.Name(made)
	if row.Did == Altered {
		return row, nil, e, i.Replace(ctx, m.Record)
	}
	return row, made, e, nil
}
