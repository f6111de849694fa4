package transfer

import (
	"context"
	"encoding/json"
	"fmt"

	"cartracker/internal/customers"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

// A Left is a record that an import made or changed and that has to stay.
type Left struct {
	ID     string `json:"id"`
	Name   string `json:"name" doc:"License plate, customer's name or contract number."`
	Reason string `json:"reason"`
}

// An Undoing is how far an import was taken back.
type Undoing struct {
	ImportID  record.ImportID `json:"importId"`
	Kind      record.Topic    `json:"kind" enum:"cars,customers,contracts"`
	TakenBack int             `json:"takenBack"`
	Left      []Left          `json:"left"`
}

// Undo takes an import back as far as nothing depends on it: what was added is
// deleted, what was changed becomes what it was. What somebody changed since,
// or what a contract needs, stays. It can be called again for the rest.
func (s *Service) Undo(ctx context.Context, id record.ImportID, progress func(done, all int)) (u Undoing, err error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return u, err
	}
	err = s.InTx(ctx, func(ctx context.Context) error {
		i, err := s.Imports.Get(ctx, id)
		if err != nil {
			return err
		}
		u = Undoing{ImportID: i.ID, Kind: i.Topic, Left: []Left{}}
		if err := s.undoAll(ctx, i, &u, progress); err != nil || u.TakenBack == 0 {
			return err
		}
		return s.Journal.Write(ctx, record.Entry{
			Action: record.Delete, Resource: "import", ResourceID: string(id),
			Description: fmt.Sprintf("took back the import of %s from %s: %d taken back, %d left", i.Topic, i.File, u.TakenBack, len(u.Left)),
		})
	})
	return u, err
}

func (s *Service) undoAll(ctx context.Context, i record.Import, u *Undoing, progress func(done, all int)) error {
	after := ""
	for {
		rows, err := s.Imports.Rows(ctx, i.ID, after, record.Together)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, row := range rows {
			after = row.ID
			if err := s.undo(ctx, i, row, u); err != nil {
				return err
			}
		}
		if progress != nil {
			progress(u.TakenBack+len(u.Left), i.Effects())
		}
	}
}

// undo takes one row back, or says why it has to stay.
func (s *Service) undo(ctx context.Context, i record.Import, row record.Row, u *Undoing) error {
	before, _ := row.Before.(json.RawMessage)
	var version int
	err := s.Try(ctx, func(ctx context.Context) (err error) {
		version, err = s.takeBack(ctx, i.Topic, row, before)
		return err
	})
	if err == nil {
		u.TakenBack++
		return s.Imports.Forget(ctx, i.ID, row, version)
	}
	f := fault.Of(err)
	switch f.Kind {
	case fault.Conflict, fault.Stale, fault.NotFound, fault.Invalid:
	default:
		return err
	}
	reason := f.Message
	switch {
	case f.Kind == fault.Stale:
		reason = "was changed since"
	case f.Kind == fault.NotFound:
		reason = "was deleted since"
	case len(f.Fields) > 0:
		reason = f.Fields[0].Field + " " + f.Fields[0].Message
	}
	u.Left = append(u.Left, Left{ID: row.ID, Name: s.nameOf(ctx, i.Topic, row.ID), Reason: reason})
	return nil
}

func (s *Service) takeBack(ctx context.Context, t record.Topic, row record.Row, before json.RawMessage) (version int, err error) {
	switch t {
	case record.Cars:
		return s.Fleet.TakeBack(ctx, fleet.CarID(row.ID), row.Version, before)
	case record.Customers:
		return s.Customers.TakeBack(ctx, customers.CustomerID(row.ID), row.Version, before)
	}
	return s.Rental.TakeBack(ctx, rental.ContractID(row.ID), row.Version, before)
}

// nameOf returns what people call a record, "" if it is gone.
func (s *Service) nameOf(ctx context.Context, t record.Topic, id string) string {
	switch t {
	case record.Cars:
		car, _ := s.Fleet.Get(ctx, fleet.Ref(id))
		return car.LicensePlate
	case record.Customers:
		c, _ := s.Customers.Get(ctx, customers.CustomerID(id))
		return c.Name
	}
	c, _ := s.Rental.Get(ctx, rental.ContractID(id))
	return c.Number
}
