package store

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"cartracker/internal/observe"
)

// primary is what the spans and the log call the database that takes writes.
const primary = "primary"

// TellSlow lets the log be told of queries that take longer; 0: of none. So is
// tell, of their text with placeholders, unless it is nil. It is called before the
// database is used.
func (db *DB) TellSlow(limit time.Duration, tell func(query string, took time.Duration)) {
	db.slow, db.tellSlow = limit, tell
}

// A Timed is told how long a statement took, with its rows and the wait for a
// connection: which database answered ("primary", "replica" or "sqlite") and what
// it did ("read", "write", or "commit" of a transaction).
type Timed func(database, operation string, took time.Duration)

// What a Timed is told that a statement did.
const read, write, commit = "read", "write", "commit"

// Time lets tell know of each statement. It is called before the database is used.
func (db *DB) Time(tell Timed) { db.timed = tell }

// A running is a query under way.
type running struct {
	db        *DB
	span      observe.Span
	query     string
	at        string // who is asked: primary, or a replica by its name
	operation string
	began     time.Time
}

// watch begins a query. Of it is told what stands in the program, with a ? for
// each argument, and never an argument.
func (db *DB) watch(ctx context.Context, at, operation, query string) (context.Context, running) {
	r := running{db: db, query: query, at: at, operation: operation, began: time.Now()}
	ctx, r.span = observe.Start(ctx, observe.Client, verb(query))
	if r.span.Kept() {
		r.span.Text("db.system.name", systems[db.dialect.Name])
		r.span.Text("db.query.text", query)
		r.span.Text("cartracker.database", at)
	}
	return ctx, r
}

// systems are the names of databases as OpenTelemetry knows them.
var systems = map[string]string{"sqlite": "sqlite", "postgres": "postgresql"}

// verb returns the first word of a statement.
func verb(query string) string {
	if i := strings.IndexAny(query, " \n\t"); i > 0 {
		return query[:i]
	}
	return query
}

// ended tells what became of the query, and how many rows it returned or touched.
func (r running) ended(ctx context.Context, rows int, err error) {
	r.span.Number("db.response.returned_rows", rows)
	r.span.End(err)
	took := time.Since(r.began)
	r.db.tellTime(r.at, r.operation, took)
	slow := r.db.slow
	if slow == 0 || took < slow {
		return
	}
	query := strings.Join(strings.Fields(r.query), " ")
	slog.WarnContext(ctx, "slow query", "query", query, "database", r.at, "rows", rows, "ms", float64(took.Microseconds())/1000)
	if tell := r.db.tellSlow; tell != nil {
		tell(query, took)
	}
}

// inSpan runs a transaction as a part of what ctx belongs to.
func inSpan(ctx context.Context, do func(context.Context) error) (err error) {
	ctx, span := observe.Start(ctx, observe.Internal, "transaction")
	defer func() { span.End(err) }()
	return do(ctx)
}

// tellTime tells how long something took. Replicas are one to whom it tells.
func (db *DB) tellTime(at, operation string, took time.Duration) {
	if db.timed == nil {
		return
	}
	database := "replica"
	switch {
	case db.dialect.Name == "sqlite":
		database = "sqlite"
	case at == primary:
		database = primary
	}
	db.timed(database, operation, took)
}
