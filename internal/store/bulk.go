package store

import (
	"context"
	"fmt"
	"time"

	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/ident"
	"cartracker/internal/rental"
)

// PrepareBulk makes the database fit for very many rows, by some 100 MB of
// memory until it is closed.
func (db *DB) PrepareBulk(ctx context.Context) error {
	if db.dialect.Bulk == "" {
		return nil
	}
	_, err := db.write.ExecContext(ctx, db.dialect.Bulk)
	return db.explain(err)
}

// Used reports whether the database has, or had, a car, a customer or a
// contract. Inside a transaction it makes others who ask wait for its end.
func (db *DB) Used(ctx context.Context) (bool, error) {
	if db.tx(ctx) != nil {
		if _, err := db.exists(ctx, "SELECT 1 FROM locks WHERE name = 'admins'"+db.dialect.ForUpdate); err != nil {
			return false, err
		}
	}
	return db.exists(ctx, "SELECT 1 WHERE EXISTS (SELECT 1 FROM cars) OR EXISTS (SELECT 1 FROM customers) OR EXISTS (SELECT 1 FROM contracts)")
}

// InsertAll keeps new contracts with their holds. Each gets the next number of
// the year in zone in which it was made, in the order in which they stand.
func (s Contracts) InsertAll(ctx context.Context, all []rental.Contract, zone *time.Location) error {
	if err := s.number(ctx, all, zone); err != nil {
		return err
	}
	if err := s.table.InsertAll(ctx, all); err != nil {
		return err
	}
	held := make([]hold, 0, len(all))
	for i := range all {
		if span := all[i].Held(zone); !isNone(span) {
			held = append(held, hold{ident.New[string](), all[i].CarID, all[i].CustomerID, span.Start, span.End, rental.ByContract, all[i].ID})
		}
	}
	return newHolds(s.db).InsertAll(ctx, held)
}

// number gives the contracts their numbers: as many as each year needs at once.
func (s Contracts) number(ctx context.Context, all []rental.Contract, zone *time.Location) error {
	years, count := make([]int, len(all)), map[int]int{}
	for i := range all {
		years[i] = date.In(zone, all[i].CreatedAt).Year()
		count[years[i]]++
	}
	next := map[int]int{}
	for i, year := range years {
		if next[year] == 0 {
			last, err := s.take(ctx, year, count[year])
			if err != nil {
				return err
			}
			next[year] = last - count[year] + 1
		}
		all[i].Number = numbered(year, next[year])
		next[year]++
	}
	return nil
}

// take takes the next n numbers of a year and returns the last of them. The
// counter's row is locked until the transaction ends, so that numbers have no gaps.
func (s Contracts) take(ctx context.Context, year, n int) (last int, err error) {
	row := func(scan func(...any) error) error { return scan(&last) }
	err = s.db.query(ctx, row, `INSERT INTO contract_numbers (year, last) VALUES (?, ?)
		ON CONFLICT (year) DO UPDATE SET last = contract_numbers.last + excluded.last RETURNING last`, year, n)
	return last, err
}

func numbered(year, n int) string { return fmt.Sprintf("CTR-%d-%05d", year, n) }

// A hold is a row of the ledger.
type hold struct {
	id         string
	car        fleet.CarID
	customer   customers.CustomerID
	start, end date.Date
	kind       rental.HoldKind
	contract   rental.ContractID
}

func newHolds(db *DB) table[string, hold] {
	return table[string, hold]{
		db:   db,
		name: "holds",
		cols: "id, car_id, customer_id, starts, ends, kind, contract_id",
		fields: func(h *hold) []any {
			return []any{&h.id, &h.car, &h.customer, &h.start, &h.end, &h.kind, &h.contract}
		},
	}
}
