package pgtest_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"cartracker/internal/store/pgtest"
	_ "cartracker/internal/store/postgres" // the driver
)

// ask asks the server one question, on a connection of its own.
func ask(t *testing.T, s *pgtest.Server, query string, limit time.Duration) (answer string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	db, err := sql.Open("pgx", s.URL("cartracker"))
	if err != nil {
		return "", err
	}
	defer db.Close()
	err = db.QueryRowContext(ctx, query).Scan(&answer)
	return answer, err
}

func check(t *testing.T, s *pgtest.Server, query, want string) {
	t.Helper()
	if got, err := ask(t, s, query, 30*time.Second); err != nil || got != want {
		t.Errorf("%s is %q, want %q (%v)", query, got, want, err)
	}
}

func TestServer(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t, "max_connections = 17")
	check(t, s, "SHOW max_connections", "17")
	check(t, s, "SELECT COUNT(*)::text FROM pg_database WHERE datname = 'cartracker'", "1")
	for what, away := range map[string]struct{ end, begin func() }{
		"stopped": {s.Stop, s.Start}, "killed": {s.Kill, s.Start}, "hung": {s.Hang, s.Resume},
	} {
		away.end()
		if _, err := ask(t, s, "SELECT ''", 200*time.Millisecond); err == nil {
			t.Errorf("a server that was %s answers", what)
		}
		away.begin()
		check(t, s, "SHOW max_connections", "17")
	}
}

func TestReplica(t *testing.T) {
	t.Parallel()
	s := pgtest.New(t, "max_connections = 17")
	r := s.Replica("cluster_name = 'second'")
	check(t, s, "SELECT pg_is_in_recovery()::text", "false")
	check(t, r, "SELECT pg_is_in_recovery()::text", "true")
	check(t, r, "SHOW max_connections", "17")
	check(t, r, "SHOW cluster_name", "second")
	s.Kill()
	r.Promote()
	check(t, r, "SELECT pg_is_in_recovery()::text", "false")
}
