package store

import (
	"context"

	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/ident"
	"cartracker/internal/money"
	"cartracker/internal/rental"
)

// Ledger is the rental.Ledger.
type Ledger struct{ DB *DB }

var _ rental.Ledger = Ledger{}

// Add keeps the hold of a new contract.
func (s Ledger) Add(ctx context.Context, c *rental.Contract) error { return s.insert(ctx, c, c.Hold()) }

func (s Ledger) insert(ctx context.Context, c *rental.Contract, span date.Span) error {
	_, err := s.DB.exec(ctx, "INSERT INTO holds (id, car_id, customer_id, starts, ends, kind, contract_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
		ident.New[string](), string(c.CarID), string(c.CustomerID), span.Start, span.End, string(rental.ByContract), string(c.ID))
	return err
}

// Move makes the hold of a contract the days of span, which may be none.
func (s Ledger) Move(ctx context.Context, c *rental.Contract, span date.Span) error {
	if isNone(span) {
		_, err := s.DB.exec(ctx, "DELETE FROM holds WHERE contract_id = ?", string(c.ID))
		return err
	}
	n, err := s.DB.exec(ctx, "UPDATE holds SET car_id = ?, customer_id = ?, starts = ?, ends = ? WHERE contract_id = ?",
		string(c.CarID), string(c.CustomerID), span.Start, span.End, string(c.ID))
	if err != nil || n > 0 {
		return err
	}
	return s.insert(ctx, c, span)
}

// isNone reports whether there is no day in span.
func isNone(span date.Span) bool { return !span.End.After(span.Start) }

// Holds returns what holds a car on some of the days of span.
func (s Ledger) Holds(ctx context.Context, car fleet.CarID, span date.Span, except rental.ContractID) ([]rental.Hold, error) {
	out := []rental.Hold{}
	row := func(scan func(...any) error) error {
		var h rental.Hold
		var total *int64
		if err := scan(&h.Start, &h.End, &h.Kind, &h.ContractID, &h.CustomerName, &h.CustomerPassportNumber, &total); err != nil {
			return err
		}
		if total != nil {
			a := money.Minor(*total)
			h.TotalAmount = &a
		}
		out = append(out, h)
		return nil
	}
	err := s.DB.query(ctx, row, `SELECT h.starts, h.ends, h.kind, h.contract_id, cu.name, cu.passport_number, co.total_amount
		FROM holds h LEFT JOIN contracts co ON co.id = h.contract_id LEFT JOIN customers cu ON cu.id = h.customer_id
		WHERE h.car_id = ? AND h.starts < ? AND h.ends > ? AND (h.contract_id IS NULL OR h.contract_id <> ?) ORDER BY h.starts`,
		string(car), span.End, span.Start, string(except))
	return out, err
}

// Calendar returns the fleet with what holds each car on some of the days of span.
func (s Ledger) Calendar(ctx context.Context, span date.Span) ([]rental.CalendarCar, error) {
	out := []rental.CalendarCar{}
	var c rental.CalendarCar
	var h rental.CalendarHold // no days if nothing holds the car
	targets := []any{
		&c.ID, &c.LicensePlate, &c.Manufacturer, &c.Model, &c.Category, &c.Status,
		optionalDate{&h.Start},
		optionalDate{&h.End},
		optionalWord[rental.HoldKind]{&h.Kind},
		&h.ContractID, scanner(&h.CustomerName),
	}
	row := func(scan func(...any) error) error {
		if err := scan(targets...); err != nil {
			return err
		}
		if len(out) == 0 || out[len(out)-1].ID != c.ID {
			c.Holds = []rental.CalendarHold{}
			out = append(out, c)
		}
		if !h.Start.IsZero() {
			last := &out[len(out)-1]
			last.Holds = append(last.Holds, h)
		}
		return nil
	}
	err := s.DB.query(ctx, row, `SELECT c.id, c.license_plate, c.manufacturer, c.model, c.category, c.status,
		h.starts, h.ends, h.kind, h.contract_id, cu.name
		FROM cars c LEFT JOIN holds h ON h.car_id = c.id AND h.starts < ? AND h.ends > ?
		LEFT JOIN customers cu ON cu.id = h.customer_id
		WHERE c.deleted_at IS NULL AND c.is_archived = ? ORDER BY c.license_plate, c.id, h.starts`,
		span.End, span.Start, false)
	return out, err
}
