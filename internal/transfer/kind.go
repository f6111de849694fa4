package transfer

import (
	"context"

	"cartracker/internal/customers"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/record"
	"cartracker/internal/rental"
)

// A kind is how the rows of a file become records of one kind.
type kind interface {
	// open reads the headings of a file.
	open(*parser, []string) error
	// take takes rows into the records.
	take(context.Context, [][]string, record.Seen) ([]record.Row, error)
	// where returns the heading and the cell of a field in a row, for a message
	// about it; of "" those of what names the record.
	where(field string, cells []string) (heading, cell string)
	// ignored returns the headings of the file that the program knows better,
	// and those that mean nothing.
	ignored() (known, unknown []string)
}

func (s *Service) kind(t record.Topic) (kind, error) {
	switch t {
	case record.Cars:
		return &table[fleet.Car, fleet.Draft]{columns: carColumns, names: []string{"licensePlate"}, takes: s.takeCars}, nil
	case record.Customers:
		return &table[customers.Customer, customers.Draft]{columns: customerColumns, names: []string{"passportNumber"}, takes: s.takeCustomers}, nil
	case record.Contracts:
		return &table[rental.Contract, contractRow]{columns: contractColumns, names: []string{"licensePlate", "startDate", "passportNumber"}, takes: s.takeContracts}, nil
	}
	return nil, ErrKind
}

func (s *Service) takeCars(ctx context.Context, fills []func(*fleet.Draft) error, seen record.Seen) ([]record.Row, error) {
	return s.Fleet.Import(ctx, fills, seen)
}

func (s *Service) takeCustomers(ctx context.Context, fills []func(*customers.Draft) error, seen record.Seen) ([]record.Row, error) {
	return s.Customers.Import(ctx, fills, seen)
}

func (s *Service) takeContracts(ctx context.Context, fills []func(*contractRow) error, seen record.Seen) ([]record.Row, error) {
	rows := make([]rental.Row, len(fills))
	for i, fill := range fills {
		var r contractRow
		_ = fill(&r) // what is wrong is told when the row is taken
		rows[i] = rental.Row{
			LicensePlate: r.plate, PassportNumber: r.passport, Number: r.number, Cancelled: r.status == rental.Cancelled,
			Fill: func(d *rental.Draft) error {
				r := contractRow{Draft: *d}
				err := fill(&r)
				*d = r.Draft
				return err
			},
		}
	}
	return s.Rental.Import(ctx, rows, seen)
}

// A table is the kind of a file whose columns are known.
type table[T, D any] struct {
	columns []column[T, D]
	names   []string // columns that name a record, which a file must have
	takes   func(context.Context, []func(*D) error, record.Seen) ([]record.Row, error)
	layout  layout
	parser  *parser
}

func (t *table[T, D]) open(p *parser, headings []string) (err error) {
	t.parser = p
	t.layout, err = lay(p.fold, t.columns, headings, t.names...)
	return err
}

func (t *table[T, D]) take(ctx context.Context, rows [][]string, seen record.Seen) ([]record.Row, error) {
	fills := make([]func(*D) error, len(rows))
	for i, cells := range rows {
		fills[i] = func(d *D) error { return t.fill(d, cells) }
	}
	return t.takes(ctx, fills, seen)
}

// fill writes the cells of a row into a draft. An empty cell says nothing.
func (t *table[T, D]) fill(d *D, cells []string) error {
	var bad fault.Fields
	for i, c := range t.columns {
		cell := t.layout.at(i, cells)
		if cell == "" || c.set == nil {
			continue
		}
		if err := c.set(t.parser, d, cell); err != nil {
			bad.Check(false, c.name, err.Error())
		}
	}
	return bad.Err()
}

func (t *table[T, D]) where(field string, cells []string) (heading, cell string) {
	if field == "" {
		field = t.names[0]
	}
	for i, c := range t.columns {
		if c.name == field && t.layout.cell[i] >= 0 {
			return t.layout.headings[t.layout.cell[i]], t.layout.at(i, cells)
		}
	}
	return field, ""
}

func (t *table[T, D]) ignored() (known, unknown []string) {
	known = []string{}
	for i, c := range t.columns {
		if c.set == nil && t.layout.cell[i] >= 0 {
			known = append(known, t.layout.headings[t.layout.cell[i]])
		}
	}
	return known, t.layout.unknown()
}
