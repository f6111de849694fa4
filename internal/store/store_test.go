package store_test

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"cartracker/internal/store/sqlite"
	"cartracker/internal/store/storetest"
	"cartracker/internal/store/testdb"
)

func TestMain(m *testing.M) {
	if path := os.Getenv("TEST_OPEN_SQLITE"); path != "" {
		os.Exit(openSQLite(path))
	}
	if url := os.Getenv("TEST_COMMIT_AND_DIE"); url != "" {
		os.Exit(commitAndDie(url))
	}
	_ = flag.Set("rapid.checks", "40") // of many statements each; the command line can ask for more
	goleak.VerifyTestMain(m)
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, testdb.EmptySQLite)
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t testing.TB) testdb.Database { return testdb.EmptyPostgres(t) })
}

// Both databases end in the same schema.
func TestSchemas(t *testing.T) {
	t.Parallel()
	s := storetest.Schema(t, testdb.EmptySQLite(t))
	storetest.CheckIndexes(t, s)
	p := storetest.Schema(t, testdb.EmptyPostgres(t))
	storetest.CheckIndexes(t, p)
	for _, line := range s {
		if !slices.Contains(p, line) {
			t.Errorf("only on SQLite: %s", line)
		}
	}
	for _, line := range p {
		if !slices.Contains(s, line) {
			t.Errorf("only on PostgreSQL: %s", line)
		}
	}
}

// Several processes start at once on a file that is not there yet.
func TestProcessesRaced(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/cartracker.db"
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), "TEST_OPEN_SQLITE="+path)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	wg.Wait()
}

// openSQLite is what each of these processes does.
func openSQLite(path string) int {
	ctx := context.Background()
	db, err := sqlite.Open(ctx, path)
	if err == nil {
		_, err = db.Migrate(ctx)
	}
	if err == nil {
		err = db.Close()
	}
	if err != nil {
		os.Stderr.WriteString(strings.TrimSpace(err.Error()) + "\n")
		return 1
	}
	return 0
}
