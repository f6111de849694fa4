package store_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/ident"
	"cartracker/internal/observe"
	"cartracker/internal/store"
	"cartracker/internal/store/testdb"
)

// A query that takes long is told of as it stands in the program, with how many
// rows it returned or touched, and without its arguments.
func TestSlowQueries(t *testing.T) { // not beside others: the log is everybody's
	for name, open := range map[string]func(testing.TB) testdb.Database{"SQLite": testdb.EmptySQLite, "PostgreSQL": testdb.MigratedPostgres} {
		t.Run(name, func(t *testing.T) {
			db := open(t).Migrated(t)
			logs := store.NewAuditLogs(db)
			var out bytes.Buffer
			before := slog.Default()
			slog.SetDefault(observe.NewLogger(&out, "text", new(slog.LevelVar), nil))
			defer slog.SetDefault(before)
			do := func() {
				err := db.InTx(observe.WithRequestID(t.Context(), "req-12345678"), func(ctx context.Context) error {
					return logs.Insert(ctx, &audit.Log{ID: audit.LogID("zq7" + ident.New[string]()), Action: "CREATE", Resource: "zq8", Status: audit.Success})
				})
				if err != nil {
					t.Fatal(err)
				}
				if _, err := logs.List(t.Context(), audit.Filter{Selection: audit.Selection{Q: "zq9"}}); err != nil {
					t.Fatal(err)
				}
			}
			var told []string
			tell := func(query string, took time.Duration) { told = append(told, fmt.Sprint(query, took > 0)) }
			do()
			db.TellSlow(time.Minute, tell)
			do()
			if strings.Contains(out.String(), "slow query") || told != nil {
				t.Errorf("told of what is not slow: %s %q", &out, told)
			}
			db.TellSlow(1, tell)
			do()
			for _, want := range []string{
				`level=WARN msg="slow query" query="INSERT INTO audit_logs \([^"]*\?[^"]*" database=primary rows=1 ms=\d\S* requestId=req-12345678\n`,
				`msg="slow query" query="SELECT [^"]* FROM audit_logs [^"]*" database=primary rows=0 ms=\d\S*\n`,
			} {
				if !regexp.MustCompile(want).MatchString(out.String()) {
					t.Errorf("the log lacks %s: %s", want, &out)
				}
			}
			if strings.Contains(out.String()+fmt.Sprint(told), "zq") {
				t.Errorf("an argument is told: %s %q", &out, told)
			}
			if all := strings.Join(told, "\n"); !regexp.MustCompile(`(?m)^INSERT INTO audit_logs \([^"]*\?.*true$`).MatchString(all) {
				t.Errorf("somebody else is told %s", all)
			}
		})
	}
}
