package apptest

import (
	"database/sql"
	"fmt"
	"testing"
	"time"
)

// none are queries past the program whose every row is something wrong.
var none = map[string]string{
	"two holds of one car share a day": `SELECT a.id || ' and ' || b.id FROM holds a JOIN holds b
		ON a.car_id = b.car_id AND a.id < b.id AND a.starts < b.ends AND b.starts < a.ends`,
	"a hold of no contract": `SELECT h.id FROM holds h LEFT JOIN contracts c ON c.id = h.contract_id
		WHERE c.id IS NULL OR c.deleted_at IS NOT NULL`,
	"a hold for somebody else": `SELECT c.number FROM holds h JOIN contracts c ON c.id = h.contract_id
		WHERE h.customer_id IS NULL OR h.customer_id <> c.customer_id`,
	"a hold of no car": "SELECT h.id FROM holds h LEFT JOIN cars c ON c.id = h.car_id WHERE c.id IS NULL",
	"a contract of nobody": `SELECT c.number FROM contracts c LEFT JOIN customers u ON u.id = c.customer_id
		LEFT JOIN cars v ON v.id = c.car_id WHERE u.id IS NULL OR v.id IS NULL`,
	"a wrong total":          "SELECT number FROM contracts WHERE total_amount <> days * daily_rate AND NOT price_agreed",
	"a key without answer":   "SELECT name FROM idempotency_keys WHERE status = 0",
	"two refresh tokens new": "SELECT session_id FROM session_tokens WHERE used_at IS NULL GROUP BY session_id HAVING COUNT(*) > 1",
	"a gap in the feed": `SELECT 'from ' || MIN(seq) || ' to ' || MAX(seq) || ', the counter at ' || (SELECT seq FROM change_counter)
		FROM changes HAVING COUNT(*) > 0 AND (MIN(seq) <> 1 OR MAX(seq) <> COUNT(*) OR MAX(seq) <> (SELECT seq FROM change_counter))`,
	"an unknown contract in the audit log": `SELECT resource_id FROM audit_logs WHERE resource = 'contract'
		AND resource_id NOT IN (SELECT id FROM contracts)`,
}

// CheckBooks looks past the program at everything that must agree in its
// database, whatever was done to it: the ledger, the numbers, the audit log
// and the feed of changes. The day today bounds what cancelled contracts hold.
func CheckBooks(t testing.TB, raw *sql.DB, today string) {
	t.Helper()
	CheckLedger(t, raw, today)
	for resource, table := range map[string]string{"contract": "contracts", "customer": "customers", "car": "cars"} {
		checkTraces(t, raw, resource, table)
	}
}

// CheckLedger is CheckBooks of a database whose records were not made one by
// one, so that not each has its own entry in the audit log and in the feed.
func CheckLedger(t testing.TB, raw *sql.DB, today string) {
	t.Helper()
	for what, query := range none {
		for _, found := range texts(t, raw, query) {
			t.Errorf("%s: %s", what, found)
		}
	}
	checkHolds(t, raw, today)
	checkNumbers(t, raw)
}

// checkTraces checks that each version of a record is in the audit log and in
// the feed, once and in order. Every change has one of its own.
func checkTraces(t testing.TB, raw *sql.DB, resource, table string) {
	t.Helper()
	for _, found := range texts(t, raw, `SELECT r.id || ' has version ' || r.version || ' and ' || COALESCE(a.n, 0) || ' entries' FROM `+table+` r
		LEFT JOIN (SELECT resource_id, COUNT(*) AS n FROM audit_logs WHERE resource = '`+resource+`' AND status = 'success' GROUP BY resource_id) a
		ON a.resource_id = r.id WHERE r.version <> COALESCE(a.n, 0)`) {
		t.Errorf("the audit log: the %s %s", resource, found)
	}
	for _, found := range texts(t, raw, `SELECT r.id || ' has version ' || r.version || ' and ' || COALESCE(f.n, 0) || ' changes' FROM `+table+` r
		LEFT JOIN (SELECT id, COUNT(*) AS n FROM changes WHERE topic = '`+table+`' AND version > 0 GROUP BY id) f
		ON f.id = r.id WHERE r.version <> COALESCE(f.n, 0)`) {
		t.Errorf("the feed: the %s %s", resource, found)
	}
	for _, found := range texts(t, raw, `SELECT id || ' has version ' || version || ' as change ' || n FROM
		(SELECT id, version, ROW_NUMBER() OVER (PARTITION BY id ORDER BY seq) AS n FROM changes WHERE topic = '`+table+`' AND version > 0) f
		WHERE version <> n`) {
		t.Errorf("the order of the feed: the %s %s", resource, found)
	}
}

// checkHolds checks that each contract holds what it says.
func checkHolds(t testing.TB, raw *sql.DB, today string) {
	t.Helper()
	rows, err := raw.Query(`SELECT c.number, c.car_id, CAST(c.start_date AS TEXT), CAST(c.end_date AS TEXT), c.days, c.cancelled_at IS NOT NULL,
		c.deleted_at IS NOT NULL, COALESCE(h.car_id, ''), COALESCE(CAST(h.starts AS TEXT), ''), COALESCE(CAST(h.ends AS TEXT), '')
		FROM contracts c LEFT JOIN holds h ON h.contract_id = c.id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var number, car, start, end, heldCar, starts, ends string
		var days int
		var cancelled, deleted bool
		if err := rows.Scan(&number, &car, &start, &end, &days, &cancelled, &deleted, &heldCar, &starts, &ends); err != nil {
			t.Fatal(err)
		}
		free := end
		if free == start {
			free = dayAfter(t, start)
		}
		held := heldCar == car && starts == start && ends == free
		switch {
		case deleted:
			held = starts == ""
		case cancelled:
			held = starts == "" || heldCar == car && starts == start && ends <= free && ends <= today
		}
		if !held {
			t.Errorf("%s (cancelled %t, deleted %t) is for %s from %s to %s, and holds %q from %q to %q",
				number, cancelled, deleted, car, start, end, heldCar, starts, ends)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// checkNumbers checks that the numbers of contracts have no gap, deleted ones included.
func checkNumbers(t testing.TB, raw *sql.DB) {
	t.Helper()
	var want []string
	for _, line := range texts(t, raw, "SELECT year || ' ' || last FROM contract_numbers ORDER BY year") {
		var year, last int
		if _, err := fmt.Sscan(line, &year, &last); err != nil {
			t.Fatal(err)
		}
		for n := range last {
			want = append(want, fmt.Sprintf("CTR-%d-%05d", year, n+1))
		}
	}
	got := texts(t, raw, "SELECT number FROM contracts ORDER BY number")
	if len(got) != len(want) {
		t.Errorf("there are %d contracts, and %d numbers were given", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("the contract %d is %s, want %s", i+1, got[i], want[i])
			return
		}
	}
}

func dayAfter(t testing.TB, day string) string {
	t.Helper()
	d, err := time.Parse(time.DateOnly, day)
	if err != nil {
		t.Fatal(err)
	}
	return d.AddDate(0, 0, 1).Format(time.DateOnly)
}

// texts returns the one column of a query.
func texts(t testing.TB, raw *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := raw.Query(query)
	if err != nil {
		t.Fatalf("%v in %s", err, query)
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

// CheckDatabase lets a database look for damage in itself.
func CheckDatabase(t testing.TB, raw *sql.DB) {
	t.Helper()
	if isSQLite(raw) {
		if found := texts(t, raw, "SELECT integrity_check FROM pragma_integrity_check"); len(found) != 1 || found[0] != "ok" {
			t.Errorf("integrity_check: %s", found)
		}
		if found := texts(t, raw, `SELECT "table" || ' ' || rowid FROM pragma_foreign_key_check`); len(found) > 0 {
			t.Errorf("foreign_key_check: %s", found)
		}
		return
	}
	if found := texts(t, raw, "SELECT conname FROM pg_constraint WHERE NOT convalidated"); len(found) > 0 {
		t.Errorf("constraints that may not hold: %s", found)
	}
	if len(texts(t, raw, "SELECT name FROM pg_available_extensions WHERE name = 'amcheck'")) == 0 {
		t.Log("amcheck is not there: the indexes were not compared with their tables")
		return
	}
	if _, err := raw.Exec("CREATE EXTENSION IF NOT EXISTS amcheck"); err != nil {
		t.Fatal(err)
	}
	texts(t, raw, `SELECT bt_index_check(c.oid, true)::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
		JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'btree' AND i.indisvalid AND c.relpersistence = 'p'`)
}

func isSQLite(raw *sql.DB) bool {
	var version string
	return raw.QueryRow("SELECT sqlite_version()").Scan(&version) == nil
}
