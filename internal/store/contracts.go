package store

import (
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/money"
	"cartracker/internal/page"
	"cartracker/internal/rental"
	"cartracker/internal/text"
)

// Contracts is the rental.Store.
type Contracts struct {
	table[rental.ContractID, rental.Contract]
}

var _ rental.Store = Contracts{}

// NewContracts returns the contracts in db.
func NewContracts(db *DB) Contracts {
	return Contracts{table[rental.ContractID, rental.Contract]{
		db:   db,
		name: "contracts",
		cols: metaCols + "number, customer_id, car_id, start_date, end_date, days, daily_rate, total_amount, price_agreed, " +
			"additional_notes, photo_url, cancelled_at, cancellation_reason, notification_sent, created_by, updated_by",
		fields: func(c *rental.Contract) []any {
			return meta(&c.Meta, &c.Number, &c.CustomerID, &c.CarID, &c.StartDate, &c.EndDate, &c.Days, &c.DailyRate, &c.TotalAmount,
				&c.PriceAgreed, &c.AdditionalNotes, &c.PhotoURL, &c.CancelledAt, &c.CancellationReason, &c.NotificationSent,
				person{&c.CreatedBy}, person{&c.UpdatedBy})
		},
		derive: func(c *rental.Contract) derived { return derived{{"number_fold", text.Fold(c.Number)}} },
		none:   rental.ErrNoContract,
		live:   "contracts.deleted_at IS NULL",
		// LEFT, though they are always there, so that SQLite begins with the contracts.
		joins: " LEFT JOIN customers ON customers.id = contracts.customer_id LEFT JOIN cars ON cars.id = contracts.car_id",
		computed: "customers.name, customers.email, customers.phone_number, customers.passport_number, " +
			"cars.manufacturer, cars.model, cars.year, cars.license_plate",
		into: func(c *rental.Contract) []any {
			return []any{
				&c.Customer.Name, &c.Customer.Email, &c.Customer.PhoneNumber, &c.Customer.PassportNumber,
				&c.Car.Manufacturer, &c.Car.Model, &c.Car.Year, &c.Car.LicensePlate,
			}
		},
		sorts: map[string]order{
			"startDate":   {"contracts.start_date", day},
			"endDate":     {"contracts.end_date", day},
			"createdAt":   {"contracts.created_at", moment},
			"totalAmount": {"contracts.total_amount", number},
		},
		usual: "-createdAt",
		limit: 200,
	}}
}

// complete fills in what follows from the columns.
func complete(c *rental.Contract, today date.Date) {
	c.Customer.ID, c.Car.ID = c.CustomerID, c.CarID
	c.Status = c.StatusOn(today)
}

// Insert keeps a new contract under the next number of the year.
func (s Contracts) Insert(ctx context.Context, c *rental.Contract, year int) error {
	n, err := s.take(ctx, year, 1)
	if err != nil {
		return err
	}
	c.Number = numbered(year, n)
	return s.table.Insert(ctx, c)
}

// Get returns one contract.
func (s Contracts) Get(ctx context.Context, id rental.ContractID, today date.Date) (rental.Contract, error) {
	c, err := s.get(ctx, "contracts.id = ?", string(id))
	complete(&c, today)
	return c, err
}

// Known returns the contract by which a car goes out on a day, or that was
// cancelled: of several one that is not cancelled, unless a cancelled one is asked for.
func (s Contracts) Known(ctx context.Context, car fleet.CarID, start date.Date, cancelled bool, today date.Date) (rental.Contract, error) {
	cond := "contracts.car_id = ? AND contracts.start_date = ?"
	if cancelled {
		cond += " AND contracts.cancelled_at IS NOT NULL"
	}
	return s.first(ctx, today, s.alive(cond)+" ORDER BY contracts.cancelled_at IS NULL DESC, contracts.id DESC", string(car), start)
}

// Numbered returns the contract with a number.
func (s Contracts) Numbered(ctx context.Context, number string, today date.Date) (rental.Contract, error) {
	return s.first(ctx, today, s.alive("contracts.number = ?"), number)
}

func (s Contracts) first(ctx context.Context, today date.Date, rest string, args ...any) (rental.Contract, error) {
	found, err := s.all(ctx, " WHERE "+rest+" LIMIT 1", args...)
	if err == nil && len(found) == 0 {
		err = rental.ErrNoContract
	}
	if err != nil {
		return rental.Contract{}, err
	}
	complete(&found[0], today)
	return found[0], nil
}

// Update changes a contract under the row's lock.
func (s Contracts) Update(ctx context.Context, id rental.ContractID, today date.Date, change func(*rental.Contract) error) (rental.Contract, error) {
	return s.update(ctx, func(c *rental.Contract) error {
		complete(c, today)
		return change(c)
	}, "contracts.id = ?", string(id))
}

// Delete hides a contract for ever.
func (s Contracts) Delete(ctx context.Context, id rental.ContractID) error {
	_, err := s.db.exec(ctx, "UPDATE contracts SET deleted_at = updated_at WHERE id = ?", string(id))
	return err
}

// unheard are true of contracts of whose end, as it is now, the admins were not told this.
var unheard = map[rental.Notice]string{
	rental.EndNear: "(contracts.told_ending IS NULL OR contracts.told_ending <> contracts.end_date)",
	rental.EndPast: "(contracts.told_ended IS NULL OR contracts.told_ended <> contracts.end_date)",
}

// NoteTold notes that the admins are told of the end of a contract.
func (s Contracts) NoteTold(ctx context.Context, what rental.Notice, id rental.ContractID, end date.Date) (first bool, err error) {
	n, err := s.db.exec(ctx, "UPDATE contracts SET told_"+string(what)+" = end_date WHERE id = ? AND end_date = ? AND deleted_at IS NULL AND cancelled_at IS NULL AND "+
		unheard[what], string(id), end)
	return n > 0, err
}

// List returns the contracts that f selects.
func (s Contracts) List(ctx context.Context, f rental.Filter, today date.Date) (page.Of[rental.Contract], error) {
	var w where
	if f.Q != "" {
		cond, args, err := s.search(ctx, f.Q)
		if err != nil {
			return page.Of[rental.Contract]{}, err
		}
		w.add(cond, args...)
	}
	addStatus(&w, f.Status, today)
	is(&w, "contracts.customer_id = ?", f.CustomerID)
	is(&w, "contracts.car_id = ?", f.CarID)
	// The days of a contract are those of a hold, of which one is the least.
	if !f.From.IsZero() {
		w.add("contracts.start_date >= ?", f.From.Add(-rental.MaxDays)) // says nothing new, but where to look
		w.add("(contracts.end_date > ? OR contracts.start_date >= ?)", f.From, f.From)
	}
	if !f.To.IsZero() {
		w.add("contracts.start_date < ?", date.Between(f.From, f.To).End)
	}
	is(&w, "contracts.end_date >= ?", f.EndsFrom)
	is(&w, "contracts.end_date <= ?", f.EndsTo)
	if f.EndsFrom != (date.Date{}) {
		w.add("contracts.cancelled_at IS NULL")
	}
	if f.Unnotified {
		w.add("NOT contracts.notification_sent") // no argument: there is an index of these
	}
	if f.Untold != "" {
		w.add(unheard[f.Untold])
	}
	out, err := s.list(ctx, w, f.Query, f.Sort)
	for i := range out.Items {
		complete(&out.Items[i], today)
	}
	return out, err
}

// A search finds contracts by their number, their customer's name or their
// car's plate. Looking those up and then the contracts is quick if they are
// few; if they are many, going through the list in its order soon has a page full.
const (
	foundBy = "SELECT s.id FROM contracts s WHERE s.customer_id IN (SELECT id FROM customers WHERE %s)" +
		" UNION ALL SELECT s.id FROM contracts s WHERE s.car_id IN (SELECT id FROM cars WHERE %s) UNION ALL %s"
	foundInOrder = "(contracts.customer_id IN (SELECT id FROM customers WHERE %s)" +
		" OR contracts.car_id IN (SELECT id FROM cars WHERE %s) OR %s)"
)

// few is how many contracts are looked up rather than come upon.
const few = 2_000

// search returns the condition that finds q soonest, and its arguments.
func (s Contracts) search(ctx context.Context, q string) (string, []any, error) {
	name, plate, pattern := contains("name_fold"), contains("plate_fold"), like(q)
	numbers, number := s.numbers(q)
	args := []any{pattern, pattern, number}
	col, id, err := s.onlyOne(ctx, fmt.Sprintf("SELECT 'customer_id', id FROM customers WHERE %s UNION ALL "+
		"SELECT 'car_id', id FROM cars WHERE %s UNION ALL SELECT 'id', n.id FROM (%s) n", name, plate, numbers), args)
	if col != "" || err != nil {
		return "contracts." + col + " = ?", []any{id}, err
	}
	found := fmt.Sprintf(foundBy, name, plate, numbers)
	many, err := s.db.exists(ctx, "SELECT 1 FROM ("+found+") f LIMIT 1 OFFSET ?", append(args, few)...)
	if many {
		return fmt.Sprintf(foundInOrder, name, plate, contains("contracts.number_fold")), []any{pattern, pattern, pattern}, err
	}
	return "contracts.id IN (" + found + ")", args, err
}

// onlyOne returns the column and the id that query selects, or "" unless it
// selects one row. What a desk looks for is mostly one car, customer or
// contract, whose contracts stand in order in an index.
func (s Contracts) onlyOne(ctx context.Context, query string, args []any) (col, id string, err error) {
	n := 0
	err = s.db.query(ctx, func(scan func(...any) error) error { n++; return scan(&col, &id) }, query+" LIMIT 2", args...)
	if n != 1 {
		return "", "", err
	}
	return col, id, err
}

// numbers selects the ids of the contracts that have q in their number, and
// returns the argument that it takes.
func (s Contracts) numbers(q string) (query string, arg any) {
	if d := s.db.dialect; d.Numbers != "" && utf8.RuneCountInString(folded(q)) >= 3 {
		return d.Numbers, `"` + strings.ReplaceAll(folded(q), `"`, `""`) + `"`
	}
	return "SELECT s.id FROM contracts s WHERE " + contains("s.number_fold"), like(q)
}

func addStatus(w *where, s rental.Status, today date.Date) {
	switch s {
	case "":
		return
	case rental.Cancelled:
		w.add("contracts.cancelled_at IS NOT NULL")
		return
	case rental.Upcoming:
		w.add("contracts.start_date > ?", today)
	case rental.Active:
		w.add("contracts.start_date >= ? AND contracts.start_date <= ? AND contracts.end_date >= ?", today.Add(-rental.MaxDays), today, today)
	case rental.Ended:
		w.add("contracts.end_date < ?", today)
	}
	w.add("contracts.cancelled_at IS NULL")
}

// Earnings returns the whole price of the contracts that earn all of it from
// from up to to, and apart those that earn a share of it there.
func (s Contracts) Earnings(ctx context.Context, from, to date.Date) (whole money.Amount, parts []rental.Part, err error) {
	var in, over where
	over.add("contracts.deleted_at IS NULL")
	in.add("contracts.cancelled_at IS NULL")
	if !from.IsZero() {
		over.add("h.starts >= ?", from.Add(-rental.MaxDays)) // says nothing new, but where to look
		over.add("h.ends > ?", from)
		in.add("h.starts >= ?", from)
	}
	if !to.IsZero() {
		over.add("h.starts < ?", to)
		in.add("h.ends <= ?", to)
	}
	inside := in.clause()[len(" WHERE "):]
	source := " FROM holds h JOIN contracts ON contracts.id = h.contract_id" + over.clause()
	row := func(scan func(...any) error) error {
		var p rental.Part
		var starts, ends *date.Date
		if err := scan(&p.Total, &p.Days, &starts, &ends); err != nil {
			return err
		}
		if starts == nil {
			whole = p.Total
			return nil
		}
		p.Held = date.Span{Start: *starts, End: *ends}
		parts = append(parts, p)
		return nil
	}
	args := append(append(append(over.args[:len(over.args):len(over.args)], in.args...), over.args...), in.args...)
	err = s.db.query(ctx, row, "SELECT CAST(COALESCE(SUM(contracts.total_amount), 0) AS BIGINT), 0, NULL, NULL"+source+" AND "+inside+
		" UNION ALL SELECT contracts.total_amount, contracts.days, h.starts, h.ends"+source+" AND NOT ("+inside+")", args...)
	return whole, parts, err
}
