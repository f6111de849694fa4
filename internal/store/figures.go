package store

import (
	"context"

	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/money"
	"cartracker/internal/rental"
)

// Figures are what a company has under way on a day.
type Figures struct {
	Cars              map[string]int // by status; those that are archived apart
	Active, Out, Back int            // contracts: active, and of these those whose car goes out or comes back
	Booked            money.Amount   // whole price of the active ones
}

// archived is the status under which archived cars are counted.
const archived = "archived"

// Figures counts what there is on the day today, for those who watch over the
// program: no caller is asked for.
func (db *DB) Figures(ctx context.Context, today date.Date) (Figures, error) {
	f := Figures{Cars: map[string]int{string(fleet.Available): 0, string(fleet.Maintenance): 0, string(fleet.Unavailable): 0, archived: 0}}
	err := db.query(ctx, func(scan func(...any) error) error {
		var status string
		var n int
		err := scan(&status, &n)
		f.Cars[status] = n
		return err
	}, "SELECT CASE WHEN is_archived THEN '"+archived+"' ELSE status END, COUNT(*) FROM cars WHERE deleted_at IS NULL GROUP BY 1")
	if err != nil {
		return f, err
	}
	var active where
	addStatus(&active, rental.Active, today)
	active.add("contracts.deleted_at IS NULL")
	var booked int64
	row := func(scan func(...any) error) error { return scan(&f.Active, &f.Out, &f.Back, &booked) }
	err = db.query(ctx, row, `SELECT COUNT(*), COUNT(CASE WHEN contracts.start_date = ? THEN 1 END), COUNT(CASE WHEN contracts.end_date = ? THEN 1 END),
		CAST(COALESCE(SUM(contracts.total_amount), 0) AS BIGINT) FROM contracts`+active.clause(), append([]any{today, today}, active.args...)...)
	f.Booked = money.Minor(booked)
	return f, err
}
