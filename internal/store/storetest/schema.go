package storetest

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"

	"cartracker/internal/store/testdb"
)

// Schema describes the tables of a migrated database, a line for each column,
// key and index, in words that do not depend on which database it is. What
// speeds up a contains-search is left out: each has its own.
func Schema(t testing.TB, d testdb.Database) []string {
	t.Helper()
	db, raw := d.Migrated(t), d.Raw(t)
	var out []string
	for _, table := range tables(t, raw, db.Name()) {
		for _, query := range schemaQueries[db.Name()] {
			for _, line := range lines(t, raw, query, table) {
				out = append(out, table+" "+strings.Join(strings.Fields(plain.Replace(line)), " "))
			}
		}
	}
	slices.Sort(out)
	return out
}

// plain makes one of the two ways in which the databases write things down,
// and takes away the columns behind the key that only SQLite reads there.
var plain = strings.NewReplacer("'failure'::text)", "'failure'", "'new'::text)", "'new'", "'seen'::text)", "'seen'", "::text", "", "where (", "where ", "NULL)", "NULL", "notification_sent)", "notification_sent",
	"audit_logs_created_at created_at, id, action, resource, status, search", "audit_logs_created_at created_at, id")

var schemaQueries = map[string][]string{
	"postgres": {
		`SELECT 'column ' || column_name || ' ' || CASE data_type WHEN 'timestamp with time zone' THEN 'timestamp' ELSE data_type END
			|| CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END || COALESCE(' default ' || column_default, '')
			FROM information_schema.columns WHERE table_schema = 'public' AND table_name = $1`,
		`SELECT 'primary key ' || string_agg(pg_get_indexdef(i.indexrelid, k, TRUE), ', ' ORDER BY k)
			FROM pg_index i, generate_series(1, i.indnkeyatts) k WHERE i.indrelid = CAST($1 AS regclass) AND i.indisprimary GROUP BY i.indexrelid`,
		`SELECT CASE WHEN i.indisunique THEN 'unique ' ELSE '' END || 'index ' || c.relname || ' '
			|| string_agg(pg_get_indexdef(i.indexrelid, k, TRUE), ', ' ORDER BY k) || COALESCE(' where ' || pg_get_expr(i.indpred, i.indrelid), '')
			FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam AND a.amname = 'btree', generate_series(1, i.indnkeyatts) k
			WHERE i.indrelid = CAST($1 AS regclass) AND NOT i.indisprimary GROUP BY i.indexrelid, i.indrelid, i.indisunique, i.indpred, c.relname`,
		`SELECT 'foreign key ' || a.attname || ' to ' || CAST(CAST(f.confrelid AS regclass) AS text) || ' ' || b.attname
			|| CASE f.confdeltype WHEN 'c' THEN ' cascade' ELSE '' END
			FROM pg_constraint f JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[1]
			JOIN pg_attribute b ON b.attrelid = f.confrelid AND b.attnum = f.confkey[1] WHERE f.contype = 'f' AND f.conrelid = CAST($1 AS regclass)`,
	},
	"sqlite": {
		// Moments and days are text there.
		`SELECT 'column ' || name || ' ' || CASE WHEN name IN ('at', 'last_login') OR name LIKE '%\_at' ESCAPE '\' THEN 'timestamp'
			WHEN name IN ('starts', 'ends', 'start_date', 'end_date', 'told_ending', 'told_ended') THEN 'date' ELSE lower(type) END || CASE WHEN "notnull" OR pk THEN ' not null' ELSE '' END
			|| COALESCE(' default ' || dflt_value, '') FROM pragma_table_info($1)`,
		`SELECT 'primary key ' || group_concat(name, ', ') FROM (SELECT name FROM pragma_table_info($1) WHERE pk ORDER BY pk)`,
		`SELECT CASE WHEN l."unique" THEN 'unique ' ELSE '' END || 'index ' || l.name || ' '
			|| (SELECT group_concat(name, ', ') FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno))
			|| CASE WHEN l.partial THEN (SELECT ' where ' || substr(sql, instr(sql, ' WHERE ') + 7) FROM sqlite_master WHERE name = l.name) ELSE '' END
			FROM pragma_index_list($1) l WHERE l.origin = 'c' AND l.name <> 'contracts_number_fold'`,
		`SELECT 'foreign key ' || "from" || ' to ' || "table" || ' ' || "to" || CASE on_delete WHEN 'CASCADE' THEN ' cascade' ELSE '' END
			FROM pragma_foreign_key_list($1)`,
	},
}

// tables returns the tables of the program: those of jobs are the library's.
func tables(t testing.TB, raw *sql.DB, engine string) []string {
	t.Helper()
	query := "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%' AND name NOT LIKE 'river%' AND name <> $1"
	if engine == "postgres" {
		query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'goose%' AND tablename NOT LIKE 'river%' AND tablename <> $1"
	}
	return lines(t, raw, query, "")
}

func lines(t testing.TB, raw *sql.DB, query, arg string) (out []string) {
	t.Helper()
	rows, err := raw.QueryContext(context.Background(), query, arg)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		out = append(out, line)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// CheckIndexes checks that lists and references of this schema have what they
// need: an index that begins with each foreign key, and those that are promised.
func CheckIndexes(t testing.TB, schema []string) {
	t.Helper()
	has := func(table, columns string) bool {
		return slices.ContainsFunc(schema, func(line string) bool {
			of, rest, _ := strings.Cut(line, " ")
			_, index, found := strings.Cut(rest, "index ")
			_, cols, _ := strings.Cut(index, " ")
			if key, primary := strings.CutPrefix(rest, "primary key "); primary {
				cols, found = key, true
			}
			return found && of == table && (strings.HasPrefix(cols+",", columns+",") || strings.HasPrefix(cols, columns+" "))
		})
	}
	keys := 0
	for _, line := range schema {
		if table, rest, found := strings.Cut(line, " foreign key "); found {
			keys++
			if column, _, _ := strings.Cut(rest, " "); !has(table, column) {
				t.Errorf("no index begins with %s.%s, which refers to another table", table, column)
			}
		}
	}
	if keys < 12 {
		t.Errorf("the schema has %d foreign keys: it was not read", keys)
	}
	for table, all := range map[string][]string{
		"users":         {"email_key", "username_key", "role", "created_at, id", "last_active_at, id"},
		"cars":          {"plate_key", "status", "manufacturer_fold", "category", "status, is_archived", "manufacturer_fold, model_fold", "created_at, id", "price_per_day, id", "year, id", "mileage, id", "license_plate, id"},
		"customers":     {"passport_key", "license_key", "name_fold, id", "created_at, id", "country_fold", "city_fold"},
		"contracts":     {"customer_id", "car_id", "start_date, id", "end_date, id", "start_date, end_date", "car_id, start_date, end_date", "created_at, id", "total_amount, id", "number"},
		"holds":         {"car_id, starts", "contract_id", "starts", "ends"},
		"audit_logs":    {"created_at, id", "user_id", "resource", "resource_id", "action"},
		"changes":       {"at"},
		"notifications": {"recipient_id, created_at, id", "sender_id"},
	} {
		for _, columns := range all {
			if !has(table, columns) {
				t.Errorf("no index of %s begins with %s", table, columns)
			}
		}
	}
}
