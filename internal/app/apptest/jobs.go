package apptest

import (
	"database/sql"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// A Job is a row of the queue, as the database has it.
type Job struct {
	ID        int64
	Kind      string
	State     string // as River calls it
	Attempts  int    // that count: not those that ended because the program did
	Rescues   int    // how often it was taken over
	Created   time.Time
	Finalized time.Time // zero until it is over

	Mail     string `json:"id"` // the id of the mail, if it is one
	User     string `json:"userId"`
	Contract string `json:"contractId"`
	Occasion string `json:"occasion"` // of what is done every day
}

const (
	jobsOfSQLite   = "SELECT id, kind, state, attempt, json(metadata), json(args), created_at, finalized_at FROM river_job ORDER BY id"
	jobsOfPostgres = "SELECT id, kind, CAST(state AS TEXT), attempt, CAST(metadata AS TEXT), CAST(args AS TEXT), created_at, finalized_at FROM river_job ORDER BY id"
)

// Jobs returns the queue, the oldest first.
func (s *Site) Jobs(t testing.TB) (all []Job) {
	t.Helper()
	query := jobsOfSQLite
	if strings.HasPrefix(s.url, "postgres") {
		query = jobsOfPostgres
	}
	s.Look(t, func(raw *sql.DB) {
		t.Helper()
		rows, err := raw.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			all = append(all, readJob(t, rows))
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	})
	return all
}

func readJob(t testing.TB, rows *sql.Rows) (j Job) {
	t.Helper()
	var metadata, args string
	var finalized sql.NullTime
	if err := rows.Scan(&j.ID, &j.Kind, &j.State, &j.Attempts, &metadata, &args, &j.Created, &finalized); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(args), &j); err != nil {
		t.Fatal(err)
	}
	var m struct {
		Rescues int `json:"river:rescue_count"`
	}
	if err := json.Unmarshal([]byte(metadata), &m); err != nil {
		t.Fatal(err)
	}
	j.Finalized, j.Rescues = finalized.Time, m.Rescues
	j.Attempts -= m.Rescues
	return j
}

// MailStates returns how many mails are in each of River's states.
func (s *Site) MailStates(t testing.TB) map[string]int {
	t.Helper()
	out := map[string]int{}
	s.Look(t, func(raw *sql.DB) {
		t.Helper()
		rows, err := raw.QueryContext(t.Context(), "SELECT CAST(state AS TEXT), COUNT(*) FROM river_job WHERE queue = 'mail' GROUP BY state")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var state string
			var n int
			if err := rows.Scan(&state, &n); err != nil {
				t.Fatal(err)
			}
			out[state] = n
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	})
	return out
}
