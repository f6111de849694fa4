package store_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"cartracker/internal/date"
)

const (
	manyCars      = 500
	manyCustomers = 2_000
	many          = 100_000 // contracts, holds, and entries of the audit log
)

// today is when most of the contracts are over, and some are to come.
var today = date.New(2026, 6, 15)

// A filling is how a database makes rows of numbers.
type filling struct {
	day    string // %s days after the first
	moment string // %s seconds after the first
}

var fillings = map[string]filling{
	"sqlite":   {"date('2020-01-01', '+' || (%s) || ' days')", "datetime('2020-01-01', '+' || (%s) || ' seconds') || '+00:00'"},
	"postgres": {"DATE '2020-01-01' + (%s)", "TIMESTAMPTZ '2020-01-01 00:00:00+00' + (%s) * INTERVAL '1 second'"},
}

func (f filling) on(n string) string { return fmt.Sprintf(f.day, n) }
func (f filling) at(n string) string { return fmt.Sprintf(f.moment, n) }

// numbered is a text that ends with a number of twelve digits, as an id does.
func numbered(before, n string) string {
	return "'" + before + "' || substr(CAST(1000000000000 + " + n + " AS TEXT), 2)"
}

func carNo(n string) string      { return numbered("00000000-0000-7000-8000-", n) }
func customerNo(n string) string { return numbered("00000000-0000-7000-9000-", n) }
func contractNo(n string) string { return numbered("00000000-0000-7000-a000-", n) }

// insert fills a table from the numbers below n. Values are named by their columns.
func insert(n int, table string, values ...string) string {
	var cols, exprs []string
	for i := 0; i < len(values); i += 2 {
		cols, exprs = append(cols, values[i]), append(exprs, values[i+1])
	}
	return fmt.Sprintf("WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO %s (%s) SELECT %s FROM n",
		n-1, table, strings.Join(cols, ", "), strings.Join(exprs, ", "))
}

// company fills a database with a fleet whose cars go out for a week every
// twelve days, for most of the time until today, and with a history of that in
// the audit log: so many contracts, holds and entries.
func company(t testing.TB, raw *sql.DB, engine string, rows int) {
	t.Helper()
	f := fillings[engine]
	meta := func(at string) []string {
		return []string{"version", "1", "created_at", f.at(at), "updated_at", f.at(at)}
	}
	starts, ends := f.on(fmt.Sprintf("(i / %d) * 12", manyCars)), f.on(fmt.Sprintf("(i / %d) * 12 + 7", manyCars))
	car, customer := fmt.Sprintf("i %% %d", manyCars), fmt.Sprintf("(i * 7) %% %d", manyCustomers)
	fillUnwatched(t, raw, engine, []string{
		insert(manyCars, "cars", append(meta("i"), "id", carNo("i"), "manufacturer", "'VW'", "manufacturer_fold", "'vw'", "model", "'Golf'", "model_fold", "'golf'",
			"year", "2000 + i % 20", "license_plate", "'A' || (100 + i) || '-K'", "plate_key", "'A' || (100 + i) || 'K'", "plate_fold", "'a' || (100 + i) || '-k'",
			"fuel_type", "'diesel'", "transmission", "'manual'", "price_per_day", "4500 + i", "category", "'compact'", "status", "'available'",
			"mileage", "i", "is_archived", "FALSE", "search", "'a' || (100 + i) || '-k vw golf'")...),
		insert(manyCustomers, "customers", append(meta("i"), "id", customerNo("i"), "name", "'Ana Juric ' || i", "name_fold", "'ana juric ' || i",
			"driver_license_number", "'L' || i", "license_key", "'L' || i", "passport_number", "'P' || i", "passport_key", "'P' || i",
			"country_of_origin", "'BiH'", "country_fold", "'bih'", "city_fold", "''", "search", "'ana juric ' || i || ' p' || i")...),
		insert(rows, "contracts", append(meta("i * 2000"), "id", contractNo("i"), "number", numbered("CTR-2026-", "i"), "number_fold", numbered("ctr-2026-", "i"),
			"customer_id", customerNo(customer), "car_id", carNo(car), "start_date", starts, "end_date", ends, "days", "7", "daily_rate", "4500",
			"total_amount", "31500 + (i * 7919) % 100000", "price_agreed", "FALSE", "notification_sent", "i % 50 > 0",
			"cancelled_at", "CASE WHEN i % 100 = 1 THEN "+f.at("i * 2000")+" END")...),
		insert(rows, "holds", "id", numbered("00000000-0000-7000-b000-", "i"), "car_id", carNo(car), "customer_id", customerNo(customer),
			"starts", starts, "ends", ends, "kind", "'contract'", "contract_id", contractNo("i")),
		insert(rows, "audit_logs", "id", numbered("00000000-0000-7000-c000-", "i"), "user_id", numbered("00000000-0000-7000-d000-", "i % 20"),
			"username", "'user' || (i % 20)", "user_role", "'employee'", "ip_address", "'192.0.2.1'", "user_agent", "'Mozilla/5.0 (X11; Linux x86_64; rv:140.0)'",
			"request_id", numbered("00000000-0000-7000-e000-", "i"), "action", "CASE WHEN i % 100 = 0 THEN 'DELETE' WHEN i % 3 = 0 THEN 'UPDATE' ELSE 'CREATE' END",
			"resource", "CASE WHEN i % 50 = 0 THEN 'car' WHEN i % 4 = 0 THEN 'customer' ELSE 'contract' END", "resource_id", contractNo("i / 2"),
			"description", "'rented A' || (100 + "+car+") || '-K out to Ana Juric by ' || "+numbered("CTR-2026-", "i"),
			"changes", `'{"before":null,"after":{"carId":"00000000-0000-7000-8000-000000000000","startDate":"2026-01-01","endDate":"2026-01-03","totalAmount":90}}'`,
			"status", "CASE WHEN i % 200 = 0 THEN 'failure' ELSE 'success' END", "created_at", f.at("i * 2000"),
			"search", "'rented a' || (100 + "+car+") || '-k out to ana juric by ' || "+numbered("ctr-2026-", "i")+" || ' user' || (i % 20)"),
	})
}

// asleep says how to take away what watches over each row, and how to bring it
// back: with it, a hundred thousand rows take five times as long. PostgreSQL's
// guard of the ledger stays away: it takes longer than all the rest, and no
// query reads its index.
var asleep = map[string]struct{ before, after, drop, create string }{
	"sqlite": {
		before: "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF",
		after:  "INSERT INTO numbers_search (id, number_fold) SELECT id, number_fold FROM contracts; PRAGMA foreign_keys = ON",
		drop:   "SELECT 'DROP ' || type || ' ' || name FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('index', 'trigger') AND tbl_name IN ('contracts', 'holds', 'audit_logs')",
		create: "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('index', 'trigger') AND tbl_name IN ('contracts', 'holds', 'audit_logs')",
	},
	"postgres": {
		before: "SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '256MB'", after: "RESET session_replication_role",
		drop: `SELECT 'DROP INDEX ' || indexname FROM pg_indexes WHERE tablename IN ('contracts', 'holds', 'audit_logs')
			AND indexname NOT IN (SELECT conname FROM pg_constraint) UNION ALL SELECT 'ALTER TABLE holds DROP CONSTRAINT holds_no_overlap'`,
		create: `SELECT indexdef FROM pg_indexes WHERE tablename IN ('contracts', 'holds', 'audit_logs')
			AND indexname NOT IN (SELECT conname FROM pg_constraint)`,
	},
}

// fillUnwatched runs statements while indexes, triggers and references of the
// large tables are away.
func fillUnwatched(t testing.TB, raw *sql.DB, engine string, statements []string) {
	t.Helper()
	conn, err := raw.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	how := asleep[engine]
	create := column(t, conn, how.create)
	all := slices.Concat(strings.Split(how.before, "; "), column(t, conn, how.drop), statements, create, strings.Split(how.after, "; "))
	for _, statement := range all {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%v\n%s", err, statement)
		}
	}
}

// column returns the one column of a query.
func column(t testing.TB, conn *sql.Conn, query string) (out []string) {
	t.Helper()
	rows, err := conn.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%v\n%s", err, query)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
