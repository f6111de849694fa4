package postgres

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"cartracker/internal/store"
)

const (
	columns = `SELECT c.relname, a.attname, format_type(a.atttypid, NULL),
		COALESCE((SELECT k.place FROM pg_index i, unnest(i.indkey) WITH ORDINALITY AS k (attnum, place)
			WHERE i.indrelid = c.oid AND i.indisprimary AND k.attnum = a.attnum), 0)
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
		WHERE c.relkind = 'r' AND c.relnamespace = CAST(current_schema() AS regnamespace) AND c.relname NOT LIKE 'goose%' AND c.relname NOT LIKE 'river%'
		ORDER BY c.relname COLLATE "C", a.attnum`
	references = `SELECT DISTINCT c.relname, r.relname FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
		JOIN pg_class r ON r.oid = f.confrelid WHERE f.contype = 'f' AND c.relname NOT LIKE 'river%'`

	// patient lifts the bounds that keep a request from waiting for ever. Only
	// the wait for locks keeps one: somebody who holds them may never let go.
	patient = `SELECT set_config('statement_timeout', '0', TRUE), set_config('idle_in_transaction_session_timeout', '0', TRUE),
		set_config('lock_timeout', '30s', TRUE)`

	// advance lets each sequence that numbers a column go on behind the greatest
	// number that is there: rows that are copied in do not move it.
	advance = `DO $$
DECLARE
	c record;
BEGIN
	FOR c IN SELECT t.relname, a.attname, pg_get_serial_sequence(CAST(t.oid AS regclass)::text, a.attname) AS counter
		FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE t.relkind = 'r' AND t.relnamespace = CAST(current_schema() AS regnamespace) AND t.relname NOT LIKE 'goose%' AND t.relname NOT LIKE 'river%'
	LOOP
		IF c.counter IS NOT NULL THEN
			EXECUTE format('SELECT setval(%L, COALESCE(MAX(%I), 0) + 1, FALSE) FROM %I', c.counter, c.attname, c.relname);
		END IF;
	END LOOP;
END;
$$`
)

// copyIn writes rows as COPY does, several times as fast as INSERT.
func copyIn(ctx context.Context, conn *sql.Conn, t store.Table, next func() ([]any, error)) (n int64, err error) {
	var cols []string
	for _, c := range t.Columns {
		cols = append(cols, c.Name)
	}
	err = conn.Raw(func(c any) error {
		n, err = c.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{t.Name}, cols, pgx.CopyFromFunc(next))
		return err
	})
	return n, err
}
