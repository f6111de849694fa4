package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/identity"
	"cartracker/internal/page"
	"cartracker/internal/rental"
	"cartracker/internal/store"
	"cartracker/internal/store/testdb"
)

// engines are both databases.
var engines = map[string]testdb.Empty{"sqlite": testdb.EmptySQLite, "postgres": testdb.EmptyPostgres}

// company fills a database with cars, customers, contracts and holds.
func company(t *testing.T, raw *sql.DB, cars, each int) {
	t.Helper()
	at := "'2026-06-01 12:00:00+00:00'"
	numbers := func(n int) string {
		return fmt.Sprintf("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", n)
	}
	series := "SELECT date('2026-01-01', '+' || ((i / %d) * 3) || ' days')"
	if _, err := raw.ExecContext(t.Context(), "SELECT date('2026-01-01', '+1 day')"); err != nil {
		series = "SELECT DATE '2026-01-01' + (i / %d) * 3"
	}
	start := "(" + fmt.Sprintf(series, cars) + ")"
	end := strings.Replace(start, "* 3)", "* 3 + 2)", 1)
	if strings.Contains(start, "DATE '") {
		end = strings.TrimSuffix(start, ")") + " + 2)"
	}
	for _, statement := range []string{
		numbers(cars) + `INSERT INTO cars (id, version, created_at, updated_at, manufacturer, manufacturer_fold, model, model_fold, year,
			license_plate, plate_key, plate_fold, fuel_type, transmission, price_per_day, category, status, mileage, is_archived, search)
			SELECT 'car' || CAST(i AS TEXT), 1, ` + at + `, ` + at + `, 'VW', 'vw', 'Golf', 'golf', 2000 + i % 20, 'A' || CAST(i AS TEXT), 'A' || CAST(i AS TEXT), 'a' || CAST(i AS TEXT),
			'diesel', 'manual', 4500, 'compact', 'available', i, FALSE, 'a' || CAST(i AS TEXT) FROM n`,
		numbers(500) + `INSERT INTO customers (id, version, created_at, updated_at, name, name_fold, driver_license_number, license_key, passport_number, passport_key,
			country_of_origin, country_fold, city_fold, search)
			SELECT 'cu' || CAST(i AS TEXT), 1, ` + at + `, ` + at + `, 'Ana', 'ana', CAST(i AS TEXT), CAST(i AS TEXT), CAST(i AS TEXT), CAST(i AS TEXT), 'BiH', 'bih', '', 'ana' FROM n`,
		numbers(cars*each) + `INSERT INTO contracts (id, version, created_at, updated_at, number, number_fold, customer_id, car_id, start_date, end_date, days,
			daily_rate, total_amount, price_agreed, notification_sent)
			SELECT 'co' || CAST(i AS TEXT), 1, ` + at + `, ` + at + `, CAST(i AS TEXT), CAST(i AS TEXT), 'cu' || CAST(i % 500 + 1 AS TEXT), 'car' || CAST(i % ` + fmt.Sprint(cars) + ` + 1 AS TEXT),
			` + start + `, ` + end + `, 2, 4500, 9000, FALSE, FALSE FROM n`,
		"INSERT INTO holds (id, car_id, customer_id, starts, ends, kind, contract_id) SELECT 'h' || id, car_id, customer_id, start_date, end_date, 'contract', id FROM contracts",
		numbers(1000) + `INSERT INTO audit_logs (id, action, resource, description, changes, status, created_at, search)
			SELECT CAST(i AS TEXT), 'CREATE', 'car', '', '{}', 'success', ` + at + `, '' FROM n`,
		"ANALYZE",
	} {
		if _, err := raw.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
}

// The calendar, the fleet and the cars that are free take one query each,
// whatever the fleet's size, and lists find their rows by an index.
func TestQueries(t *testing.T) {
	t.Parallel()
	for name, empty := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := empty(t)
			seen, db := spyOn(t, d, d.Migrated(t))
			raw := d.Raw(t)
			company(t, raw, 100, 10)
			one(t, seen, db)
			plans(t, seen, db, raw)
		})
	}
}

var today = date.New(2026, time.January, 20)

func one(t *testing.T, seen *spy, db *store.DB) {
	ctx, span := t.Context(), date.Span{Start: today, End: today.Add(31)}
	for what, do := range map[string]func() (int, error){
		"calendar": func() (int, error) {
			cars, err := store.Ledger{DB: db}.Calendar(ctx, span)
			return len(cars), err
		},
		"available": func() (int, error) {
			p, err := store.NewCars(db).List(ctx, fleet.Filter{Free: date.Span{Start: today.Add(400), End: today.Add(401)}, Status: fleet.Available}, today)
			return len(p.Items), err
		},
		"fleet": func() (int, error) {
			p, err := store.NewCars(db).List(ctx, fleet.Filter{}, today)
			return len(p.Items), err
		},
	} {
		seen.asked()
		n, err := do()
		if all := seen.asked(); err != nil || n != 100 || len(all) != 1 {
			t.Errorf("%s: %d cars in %d queries, %v; want 100 in 1", what, n, len(all), err)
		}
	}
}

// plans looks at how the database would get the first page of each list, and
// one behind a cursor. PostgreSQL is told not to sort and not to read a whole
// table unless it has to, which of small tables is quicker.
func plans(t *testing.T, seen *spy, db *store.DB, raw *sql.DB) {
	conn, err := raw.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	explain := "EXPLAIN QUERY PLAN "
	if db.Name() == "postgres" {
		explain = "EXPLAIN "
		if _, err := conn.ExecContext(t.Context(), "SET enable_sort = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"); err != nil {
			t.Fatal(err)
		}
	}
	for what, list := range map[string]func(context.Context, page.Query) (string, error){
		"contracts": func(ctx context.Context, q page.Query) (string, error) {
			p, err := store.NewContracts(db).List(ctx, rental.Filter{Query: q}, today)
			return p.Next, err
		},
		"contracts by startDate": func(ctx context.Context, q page.Query) (string, error) {
			p, err := store.NewContracts(db).List(ctx, rental.Filter{Sort: "startDate", Query: q}, today)
			return p.Next, err
		},
		"contracts by totalAmount": func(ctx context.Context, q page.Query) (string, error) {
			p, err := store.NewContracts(db).List(ctx, rental.Filter{Sort: "-totalAmount", Query: q}, today)
			return p.Next, err
		},
		"contracts of a car": func(ctx context.Context, q page.Query) (string, error) {
			p, err := store.NewContracts(db).List(ctx, rental.Filter{CarID: "car7", Query: q}, today)
			return p.Next, err
		},
		"cars": func(ctx context.Context, q page.Query) (string, error) {
			p, err := store.NewCars(db).List(ctx, fleet.Filter{Archived: "all", Query: q}, today)
			return p.Next, err
		},
		"cars by licensePlate": func(ctx context.Context, q page.Query) (string, error) {
			p, err := store.NewCars(db).List(ctx, fleet.Filter{Archived: "all", Sort: "licensePlate", Query: q}, today)
			return p.Next, err
		},
		"customers": func(ctx context.Context, q page.Query) (string, error) {
			p, err := store.NewCustomers(db).List(ctx, customers.Filter{Query: q})
			return p.Next, err
		},
		"the audit log": func(ctx context.Context, q page.Query) (string, error) {
			p, err := store.NewAuditLogs(db).List(ctx, audit.Filter{Query: q})
			return p.Next, err
		},
		"users": func(ctx context.Context, q page.Query) (string, error) {
			p, err := store.NewUsers(db).List(ctx, identity.Filter{Query: q})
			return p.Next, err
		},
	} {
		cursor := ""
		for range 2 {
			seen.asked()
			next, err := list(t.Context(), page.Query{Limit: 5, Cursor: cursor})
			if err != nil {
				t.Fatal(what, err)
			}
			query := seen.asked()[0]
			plan := planOf(t, conn, explain+query.query, query.args)
			sorts := strings.Contains(plan, "USE TEMP B-TREE FOR ORDER BY") || strings.Contains(plan, "Sort Key")
			indexed := strings.Contains(plan, "Index Scan") || strings.Contains(plan, "USING INDEX") || strings.Contains(plan, "USING COVERING INDEX")
			if what != "users" && (sorts || !indexed) { // there are no users, so nothing to look up
				t.Errorf("%s, cursor %q: %s\n%s", what, cursor, query.query, plan)
			}
			cursor = next
		}
	}
}

func planOf(t *testing.T, raw *sql.Conn, query string, args []any) string {
	t.Helper()
	rows, err := raw.QueryContext(t.Context(), query, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	cols, _ := rows.Columns()
	var out strings.Builder
	for rows.Next() {
		values, targets := make([]sql.NullString, len(cols)), make([]any, len(cols))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		out.WriteString(values[len(cols)-1].String + "\n")
	}
	return out.String()
}
