package store_test

import (
	"context"
	"database/sql"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/ident"
	"cartracker/internal/page"
	"cartracker/internal/rental"
	"cartracker/internal/store"
)

// A planner asks a database how it gets at what the program asks it for.
type planner struct {
	engine string
	seen   *spy
	conn   *sql.Conn
}

// small returns a planner for tables that are too small for an index to be of
// use: PostgreSQL is told to use one all the same, if there is any.
func (p planner) small(t *testing.T, raw *sql.DB) planner {
	t.Helper()
	p.conn = connection(t, raw)
	if p.engine == "postgres" {
		if _, err := p.conn.ExecContext(t.Context(), "SET enable_sort = off; SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off"); err != nil {
			t.Fatal(err)
		}
	}
	return p
}

// check runs a query, for a list its first page and one behind a cursor, and
// looks at the plan of each statement that the program made of it.
func (p planner) check(t *testing.T, q query) {
	t.Helper()
	cursor := ""
	for range 2 {
		p.seen.asked()
		next, err := q.run(t.Context(), page.Query{Limit: 5, Cursor: cursor})
		if err != nil {
			t.Fatal(q.what, err)
		}
		for _, a := range p.seen.asked() {
			p.checkStatement(t, q.what, a)
		}
		if cursor = next; cursor == "" {
			return
		}
	}
}

func (p planner) checkStatement(t *testing.T, what string, a asked) {
	t.Helper()
	if strings.HasPrefix(a.query, "INSERT") || !strings.Contains(a.query, "WHERE") && !strings.Contains(a.query, "GROUP BY") && !strings.Contains(a.query, "ORDER BY") {
		return
	}
	explain := "EXPLAIN "
	if p.engine == "sqlite" {
		explain = "EXPLAIN QUERY PLAN "
	}
	plan := planOf(t, p.conn, explain+a.query, a.args)
	for line := range strings.Lines(plan) {
		if p.reads(line) && !p.most(a.query, line) {
			t.Errorf("%s reads a whole table: %s\n%s\n%s", what, line, a.query, plan)
		}
	}
	if sorted := strings.Contains(a.query, "ORDER BY") && strings.Contains(what, ", all, by "); sorted && (strings.Contains(plan, "TEMP B-TREE") || strings.Contains(plan, "Sort Key")) {
		t.Errorf("%s sorts:\n%s\n%s", what, a.query, plan)
	}
}

var (
	wholeSQLite   = regexp.MustCompile(`^SCAN (contracts|co|s|holds|h|g|n|audit_logs|notifications)\b`)
	wholePostgres = regexp.MustCompile(`Seq Scan on (contracts|holds|audit_logs|notifications)\b.* rows=(\d+)`)
)

// reads reports whether a line of a plan reads one of the large tables as it lies.
func (p planner) reads(line string) bool {
	if p.engine == "sqlite" {
		return wholeSQLite.MatchString(line) && !strings.Contains(line, "USING")
	}
	return wholePostgres.MatchString(line)
}

// most reports whether that is right: PostgreSQL believes that a quarter of the
// table, or more, is wanted, and not for a page. Then an index is a detour. It
// counts, adds up, or stops as soon as it has seen enough.
func (p planner) most(query, line string) bool {
	m := wholePostgres.FindStringSubmatch(line)
	if p.engine == "sqlite" || strings.Contains(query, "ORDER BY") && strings.Contains(query, "LIMIT") {
		return false
	}
	rows, err := strconv.Atoi(m[2])
	return err == nil && rows >= many/4
}

// lookups are what the program asks for besides lists.
func lookups(db *store.DB) (all []query) {
	contracts, cars, ledger := store.NewContracts(db), store.NewCars(db), store.Ledger{DB: db}
	span := date.Span{Start: today, End: today.Add(30)}
	for what, do := range map[string]func(context.Context) error{
		"a contract":            func(ctx context.Context) error { return none(contracts.Get(ctx, aContract, today)) },
		"an entry":              func(ctx context.Context) error { return none(store.NewAuditLogs(db).Get(ctx, aLog)) },
		"what holds a car":      func(ctx context.Context) error { return none(ledger.Holds(ctx, aCar, span, aContract)) },
		"the calendar":          func(ctx context.Context) error { return none(ledger.Calendar(ctx, span)) },
		"the fleet":             func(ctx context.Context) error { return none(cars.List(ctx, fleet.Filter{}, today)) },
		"free cars":             func(ctx context.Context) error { return none(cars.List(ctx, fleet.Filter{Free: span}, today)) },
		"a car":                 func(ctx context.Context) error { return none(cars.Get(ctx, fleet.Ref(aCar), today)) },
		"if a car is needed":    func(ctx context.Context) error { return none(cars.Needed(ctx, aCar, today)) },
		"if customer is needed": func(ctx context.Context) error { return none(store.NewCustomers(db).Needed(ctx, aCustomer, today)) },
		"a month's earnings": func(ctx context.Context) error {
			_, _, err := contracts.Earnings(ctx, today.Add(-30), today)
			return err
		},
		"an old month's earnings": func(ctx context.Context) error {
			_, _, err := contracts.Earnings(ctx, date.New(2021, time.May, 1), date.New(2021, time.June, 1))
			return err
		},
		"all earnings": func(ctx context.Context) error {
			_, _, err := contracts.Earnings(ctx, date.Date{}, date.Date{})
			return err
		},
	} {
		all = append(all, query{what, func(ctx context.Context, _ page.Query) (string, error) { return "", do(ctx) }})
	}
	return all
}

func none[T any](_ T, err error) error { return err }

// changes are what the program does to these tables, with a spy on it.
func changes(t *testing.T, seen *spy, db *store.DB) (all []query) {
	t.Helper()
	pool := sql.OpenDB(seen)
	pool.SetMaxOpenConns(1)
	writing := db.Writing(pool)
	t.Cleanup(func() {
		if err := writing.Forget(); err != nil {
			t.Error(err)
		}
		pool.Close()
	})
	contracts, ledger := store.NewContracts(writing), store.Ledger{DB: writing}
	free := date.Span{Start: today.Add(900), End: today.Add(901)}
	for what, do := range map[string]func(context.Context) error{
		"a change of a contract": func(ctx context.Context) error {
			return none(contracts.Update(ctx, aContract, today, func(c *rental.Contract) error {
				c.AdditionalNotes = nil
				return nil
			}))
		},
		"a deletion of a contract": func(ctx context.Context) error { return contracts.Delete(ctx, "00000000-0000-7000-a000-000000000008") },
		"a move of a hold": func(ctx context.Context) error {
			c := rental.Contract{CarID: aCar, CustomerID: aCustomer}
			c.ID = aContract
			return ledger.Move(ctx, &c, free)
		},
		"the end of a hold": func(ctx context.Context) error {
			c := rental.Contract{}
			c.ID = aContract
			return ledger.Move(ctx, &c, date.Span{})
		},
		"a lock of a car": func(ctx context.Context) error { return none(store.NewCars(writing).Lock(ctx, aCar)) },
		"an entry of the log": func(ctx context.Context) error {
			return store.NewAuditLogs(writing).Insert(ctx, &audit.Log{ID: ident.New[audit.LogID](), Action: "CREATE", Status: audit.Success})
		},
	} {
		all = append(all, query{what, func(ctx context.Context, _ page.Query) (string, error) {
			return "", writing.InTx(ctx, do)
		}})
	}
	return all
}

func connection(t *testing.T, raw *sql.DB) *sql.Conn {
	t.Helper()
	conn, err := raw.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
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
