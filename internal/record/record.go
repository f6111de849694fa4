// Package record has what all records share: what the program adds to what a
// client writes, who asks, and how a change is kept together with its traces.
package record

import (
	"context"
	"errors"
	"reflect"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/encode"
	"cartracker/internal/fault"
	"cartracker/internal/ident"
)

// ErrStale refuses a change that was meant for an earlier version.
var ErrStale = fault.New(fault.Stale, "stale", "somebody changed this since you read it; read it again")

// AnyVersion as the version to change means whichever is there: the last writer wins.
const AnyVersion = 0

// Meta is what the program adds to what a client writes.
type Meta[ID ~string] struct {
	ID        ID          `json:"id"`
	Version   int         `json:"version" doc:"Counts the changes, from 1; part of the ETag."`
	CreatedAt date.Moment `json:"createdAt"`
	UpdatedAt date.Moment `json:"updatedAt"`
}

// AppendTo writes what m has of a record.
func (m *Meta[ID]) AppendTo(o *encode.Object) {
	o.Text("id", string(m.ID))
	o.Int("version", m.Version)
	encode.Value(o, "createdAt", m.CreatedAt)
	encode.Value(o, "updatedAt", m.UpdatedAt)
}

// Expect returns ErrStale unless the record has this version.
func (m *Meta[ID]) Expect(version int) error {
	if version != AnyVersion && version != m.Version {
		return ErrStale
	}
	return nil
}

// Touch says that the record is changed at the moment now.
func (m *Meta[ID]) Touch(now date.Moment) {
	m.Version++
	m.UpdatedAt = now
}

// ErrUnchanged is what a change passed to a store's Update returns when it
// leaves the record as it is. The store then writes nothing and succeeds.
var ErrUnchanged = errors.New("the record is as it was")

// Authors are the people behind a record: nil when it came from the command
// line, or when the reader may not see people.
type Authors struct {
	CreatedBy *Person `json:"createdBy"`
	UpdatedBy *Person `json:"updatedBy"`
}

// AppendTo writes who made a record and who changed it last.
func (a Authors) AppendTo(o *encode.Object) {
	encode.Optional(o, "createdBy", a.CreatedBy)
	encode.Optional(o, "updatedBy", a.UpdatedBy)
}

// Env is what every service works with. All of its fields are required.
type Env struct {
	InTx    func(context.Context, func(context.Context) error) error
	Journal Journal
	Now     func() date.Moment
	Zone    *time.Location // of the business, which says what day it is
}

// NewMeta returns the Meta of a record that is made now.
func NewMeta[ID ~string](e Env) Meta[ID] {
	now := e.Now()
	return Meta[ID]{ID: ident.New[ID](), Version: 1, CreatedAt: now, UpdatedAt: now}
}

// Today returns the day that it is for the business.
func (e Env) Today() date.Date { return date.In(e.Zone, e.Now()) }

// Author returns who asks, as the author of a change; nil on the command line.
func Author(ctx context.Context) *Person {
	c := CallerOf(ctx)
	if c.ID == "" {
		return nil
	}
	return &c.Person
}

// Do runs do in a transaction and journals the entry that it returns: both are
// kept, or neither. A zero Entry says that nothing changed.
func (e Env) Do(ctx context.Context, do func(context.Context) (Entry, error)) error {
	return e.InTx(ctx, func(ctx context.Context) error {
		entry, err := do(ctx)
		if err != nil || entry.Action == "" {
			return err
		}
		return e.Journal.Write(ctx, entry)
	})
}

// Refuse leaves an entry in the journal when err says that what is already
// recorded stands against what was tried. It returns err.
func (e Env) Refuse(ctx context.Context, err error, entry Entry) error {
	if err == nil || fault.Of(err).Kind != fault.Conflict {
		return err
	}
	entry.Failed = true
	entry.Description += ": " + fault.Of(err).Message
	return errors.Join(err, e.Journal.Refused(ctx, entry))
}

// Same reports whether two versions of a draft say the same.
func Same[D any](a, b D) bool { return reflect.DeepEqual(a, b) }
