package bench

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/page"
	"cartracker/internal/rental"
	"cartracker/internal/store"
	"cartracker/internal/store/testdb"
)

// BenchmarkIndexes measures what is asked of a hundred thousand contracts and
// as many entries of the audit log, by the store alone, and again once all
// indexes are gone but those that keep keys unique.
func BenchmarkIndexes(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			var d testdb.Database
			filled(b, func(t testing.TB) testdb.Database {
				d = e.empty(t)
				return d
			}, 100_000)
			raw := d.Raw(b)
			history(b, raw, e.name == "PostgreSQL")
			db, err := d.Open(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			asked := questions(db)
			with := answers(b, asked)
			unindex(b, raw, e.name)
			without := answers(b, asked)
			for i, q := range asked {
				b.Run(q.name, func(b *testing.B) {
					for b.Loop() {
					}
					b.ReportMetric(with[i], "with-ms")
					b.ReportMetric(without[i], "without-ms")
					b.ReportMetric(without[i]/with[i], "times")
					b.ReportMetric(0, "ns/op")
				})
			}
		})
	}
}

// history adds an entry to the audit log for each contract.
func history(b *testing.B, raw *sql.DB, numbered bool) {
	tx, err := raw.Begin()
	if err != nil {
		b.Fatal(err)
	}
	f := filler{b: b, tx: tx, numbered: numbered, now: time.Now().UTC().Truncate(time.Second)}
	var rows [][]any
	for i := range 100_000 {
		id := strings.Replace(carID(i), "-8000-", "-c000-", 1)
		resource := []string{"contract", "contract", "contract", "customer", "car"}[i%5]
		rows = append(rows, []any{
			id, id[:35] + string(rune('a'+i%6)), "emir", "employee", "192.0.2.1", "UPDATE", resource, strings.Replace(carID(i/3), "-8000-", "-a000-", 1),
			"rented A03-K-111 out to Ana Jurić", `{"before":{"endDate":"2026-01-01"},"after":{"endDate":"2026-01-03"}}`, "success",
			f.now.Add(-time.Duration(i) * 20 * time.Minute), "rented a03-k-111 out to ana juric\nemir\n",
		})
	}
	f.insert("audit_logs", "id, user_id, username, user_role, ip_address, action, resource, resource_id, description, changes, status, created_at, search", rows)
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	analyze(b, raw, numbered)
}

// analyze does for PostgreSQL what it does by itself before long.
func analyze(b *testing.B, raw *sql.DB, numbered bool) {
	if !numbered {
		return
	}
	if _, err := raw.ExecContext(context.Background(), "VACUUM ANALYZE"); err != nil {
		b.Fatal(err)
	}
}

// A question is something that the program often asks.
type question struct {
	name string
	ask  func(context.Context) error
}

func questions(db *store.DB) []question {
	contracts, logs, ledger := store.NewContracts(db), store.NewAuditLogs(db), store.Ledger{DB: db}
	today := date.In(time.UTC, date.At(time.Now()))
	month := date.Span{Start: today.Add(-15), End: today.Add(15)}
	list := func(name string, f rental.Filter) question {
		f.Query = page.Query{Limit: 30}
		return question{name, func(ctx context.Context) error { return failed(contracts.List(ctx, f, today)) }}
	}
	entries := func(name string, f audit.Selection) question {
		return question{name, func(ctx context.Context) error {
			return failed(logs.List(ctx, audit.Filter{Selection: f, Query: page.Query{Limit: 30}}))
		}}
	}
	return []question{
		list("contracts-by-createdAt", rental.Filter{}),
		list("contracts-by-startDate", rental.Filter{Sort: "-startDate"}),
		list("contracts-by-endDate", rental.Filter{Sort: "-endDate"}),
		list("contracts-by-totalAmount", rental.Filter{Sort: "-totalAmount"}),
		list("contracts-of-a-car", rental.Filter{CarID: fleet.CarID(carID(7))}),
		list("contracts-of-a-customer", rental.Filter{CustomerID: rental.Filter{}.CustomerID + "00000000-0000-7000-9000-000000000007"}),
		list("contracts-active", rental.Filter{Status: rental.Active}),
		list("contracts-cancelled", rental.Filter{Status: rental.Cancelled}),
		list("contracts-of-an-old-month", rental.Filter{From: today.Add(-1500), To: today.Add(-1470)}),
		list("contracts-q-plate", rental.Filter{Q: "A03-K-311"}),
		list("contracts-q-nothing", rental.Filter{Q: "nobody"}),
		{"calendar-of-a-month", func(ctx context.Context) error { return failed(ledger.Calendar(ctx, month)) }},
		{"holds-of-a-car", func(ctx context.Context) error { return failed(ledger.Holds(ctx, fleet.CarID(carID(7)), month, "")) }},
		{"free-cars", func(ctx context.Context) error {
			return failed(store.NewCars(db).List(ctx, fleet.Filter{Free: month}, today))
		}},
		entries("audit-first-page", audit.Selection{}),
		entries("audit-of-a-record", audit.Selection{Resource: "contract", ResourceID: "00000000-0000-7000-a000-000000000700"}),
		entries("audit-failures", audit.Selection{Status: audit.Failure}),
		entries("audit-q-nothing", audit.Selection{Q: "nobody"}),
		{"audit-statistics", func(ctx context.Context) error { return failed(logs.Statistics(ctx, audit.Selection{}, time.UTC)) }},
	}
}

func failed[T any](_ T, err error) error { return err }

// answers returns the median time that each question takes, in milliseconds.
func answers(b *testing.B, asked []question) (ms []float64) {
	for _, q := range asked {
		var took []time.Duration
		for began := time.Now(); len(took) < 5 || len(took) < 100 && time.Since(began) < time.Second; {
			at := time.Now()
			if err := q.ask(b.Context()); err != nil {
				b.Fatal(q.name, err)
			}
			took = append(took, time.Since(at))
		}
		slices.Sort(took)
		ms = append(ms, float64(took[len(took)/2].Microseconds())/1000)
	}
	return ms
}

// indexesOf are the indexes that speed up questions, as statements that drop
// them. What keeps the holds of a car apart is one on PostgreSQL, too.
var indexesOf = map[string]string{
	"SQLite": `SELECT 'DROP INDEX ' || name FROM sqlite_master WHERE sql LIKE 'CREATE INDEX%' AND tbl_name IN ('contracts', 'holds', 'audit_logs')`,
	"PostgreSQL": `SELECT 'DROP INDEX ' || indexname FROM pg_indexes WHERE indexdef LIKE 'CREATE INDEX%' AND tablename IN ('contracts', 'holds', 'audit_logs')
		AND indexname <> 'holds_no_overlap' UNION ALL SELECT 'ALTER TABLE holds DROP CONSTRAINT holds_no_overlap'`,
}

func unindex(b *testing.B, raw *sql.DB, engine string) {
	rows, err := raw.QueryContext(b.Context(), indexesOf[engine])
	if err != nil {
		b.Fatal(err)
	}
	defer rows.Close()
	var drops []string
	for rows.Next() {
		var drop string
		if err := rows.Scan(&drop); err != nil {
			b.Fatal(err)
		}
		drops = append(drops, drop)
	}
	if err := rows.Err(); err != nil {
		b.Fatal(err)
	}
	for _, drop := range drops {
		if _, err := raw.ExecContext(b.Context(), drop); err != nil {
			b.Fatal(drop, err)
		}
	}
	analyze(b, raw, engine == "PostgreSQL")
}
