package app_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
	"cartracker/internal/store/testdb"
)

// Values as odd as each column of an installation may have them.
var odd = []string{
	`UPDATE customers SET notes = 'two
		lines, a tab	and ''quotes'' "' || char(8364) || char(128663), phone_number = '', address = NULL WHERE rowid % 2 = 0`,
	`UPDATE cars SET created_at = '2026-03-29 00:59:59.999999+00:00', updated_at = '2026-03-29 01:00:00.1+00:00', mileage = 2147483647, seats = NULL`,
	`UPDATE contracts SET cancelled_at = '1999-12-31 23:59:59.000001+00:00', total_amount = 9007199254740993, price_agreed = 1 WHERE number LIKE '%1'`,
	`UPDATE contracts SET created_at = '2026-07-01 12:00:00+02:00' WHERE number LIKE '%2'`, // as another program would write it
	`INSERT INTO idempotency_keys VALUES ('a', 'b', 'Ž', 'f', 201, '', '{}', '2026-07-01 10:00:00+00:00'), ('a', 'b', 'a', 'f', 0, '', '', '2026-07-01 10:00:00+00:00')`,
}

func TestCopy(t *testing.T) {
	t.Parallel()
	s, k := rented(t)
	s.Look(t, func(raw *sql.DB) {
		for _, statement := range odd {
			if _, err := raw.Exec(statement); err != nil {
				t.Fatalf("%v: %s", err, statement)
			}
		}
	})
	target := testdb.EmptyPostgres(t)
	to := s.With("COPY_TO=" + target.URL)

	p := s.Serve(t)
	refused(t, to, "", "a program is running on this database", "copy")
	p.Kill() // what was written last is in the file beside the database

	before := hash(t, filepath.Join(s.Dir, "cartracker.db"))
	out := succeeds(t, to, "", "copy")
	for _, want := range []string{"contracts  ", "counts and checksums are the same", "xxxxx@"} {
		if !strings.Contains(out, want) {
			t.Errorf("copy does not say %q:\n%s", want, out)
		}
	}
	if hash(t, filepath.Join(s.Dir, "cartracker.db")) != before {
		t.Error("the source was changed")
	}
	refused(t, to, "", "there are records in the target already", "copy")
	s.Look(t, func(raw *sql.DB) { k.Stored(t, raw) })

	there := apptest.NewSite(t, s.Dir, target.URL)
	there.Look(t, func(raw *sql.DB) {
		k.Stored(t, raw)
		apptest.CheckDatabase(t, raw)
	})
	compareAnswers(t, s, there)
}

// compareAnswers asks the program the same over both databases.
func compareAnswers(t *testing.T, a, b *apptest.Site) {
	t.Helper()
	one, other := a.Serve(t), b.Serve(t)
	boss := one.Nobody.SignIn("amra")
	clerk := other.Nobody.SignIn("amra")
	for _, path := range []string{
		"/api/cars", "/api/customers?limit=200", "/api/contracts?limit=200", "/api/contracts/revenue/total", "/api/audit-logs?sort=createdAt&limit=30",
		"/api/cars/calendar?from=" + apptest.Day(time.Now(), 0) + "&to=" + apptest.Day(time.Now(), 60),
	} {
		x, y := boss.Do("GET", path, nil), clerk.Do("GET", path, nil)
		if fmt.Sprint(x.At("data")) != fmt.Sprint(y.At("data")) || x.At("data") == nil {
			t.Errorf("%s is answered\n%.2000s\non SQLite, and\n%.2000s\non PostgreSQL", path, x, y)
		}
	}
	clerk.Make("/api/cars", apptest.Car("NEW-1"))
}

// A copy that is killed leaves the target empty, so that it can be made again.
func TestCopyKilled(t *testing.T) {
	t.Parallel()
	s, k := rented(t)
	target := testdb.EmptyPostgres(t)
	to := s.With("COPY_TO=" + target.URL)
	for _, at := range []string{"audit_logs", "session_tokens"} {
		if !to.KillAt(t, at, "", "copy") {
			t.Fatalf("copy did not say %q", at)
		}
		s.Look(t, func(raw *sql.DB) { k.Stored(t, raw) })
		if n := rows(t, target.Raw(t), "cars"); n != 0 {
			t.Logf("the copy was done before the signal came, with %d cars", n)
			target = testdb.EmptyPostgres(t)
			to = s.With("COPY_TO=" + target.URL)
		}
	}
	succeeds(t, to, "", "copy")
	apptest.NewSite(t, s.Dir, target.URL).Look(t, func(raw *sql.DB) { k.Stored(t, raw) })
}

func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	s, _ := rented(t)
	target := testdb.MigratedPostgres(t)
	db := target.Migrated(t)
	if err := db.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	to := s.With("COPY_TO=" + target.URL)
	raw := target.Raw(t)
	if _, err := raw.Exec("INSERT INTO contract_numbers (year, last) VALUES (2026, 1)"); err != nil {
		t.Fatal(err)
	}
	refused(t, to, "", "contract_numbers has 1 rows", "copy")
	if _, err := raw.Exec("DELETE FROM contract_numbers"); err != nil {
		t.Fatal(err)
	}
	refused(t, s, "", "give --to", "copy")
	refused(t, to, "", "not both", "copy", "--to", "postgres://h/d")
	refused(t, s, "", "--to: must be postgres://", "copy", "--to", "sqlite:x")
	out, err := s.Run(t, "", "copy", "--to", "postgres://u:sw0rdfish@127.0.0.1:1/d")
	if err == nil || strings.Contains(out, "sw0rdfish") {
		t.Errorf("a server that is not there: %v\n%s", err, out)
	}
	there := apptest.NewSite(t, t.TempDir(), target.URL)
	refused(t, there, "", "PostgreSQL already", "copy", "--to", "postgres://h/d")
	// A schema that is behind is not brought up to date: the source is only read.
	s.Look(t, func(raw *sql.DB) {
		if _, err := raw.Exec("DELETE FROM goose_db_version WHERE version_id > 0"); err != nil {
			t.Fatal(err)
		}
	})
	refused(t, to, "", "run cartracker migrate up first", "copy")
}

// With PostgreSQL, backup and restore name what does it, and never the password.
func TestBackupOfPostgres(t *testing.T) {
	t.Parallel()
	s := apptest.NewSite(t, t.TempDir(), "postgres://desk:sw0rdfish@db.example.com:5433/cars?sslmode=require")
	for command, want := range map[string]string{
		"backup":  "PGSSLMODE=require pg_dump --host=db.example.com --port=5433 --username=desk --dbname=cars --format=custom '--file=a b.dump'",
		"restore": "PGSSLMODE=require pg_restore --host=db.example.com --port=5433 --username=desk --dbname=cars",
	} {
		out, err := s.Run(t, "", command, "a b.dump")
		if err == nil || !strings.Contains(out, want) || strings.Contains(out, "sw0rdfish") {
			t.Errorf("%s: %v\n%s", command, err, out)
		}
	}
	if entries, err := os.ReadDir(s.Dir); err != nil || len(entries) > 0 {
		t.Errorf("there is now %v, %v", entries, err)
	}
}

// TestCopyTakesJobs copies a database in which mails wait: they wait in the other one.
func TestCopyTakesJobs(t *testing.T) {
	t.Parallel()
	s := apptest.NewSite(t, t.TempDir(), "", "EMAIL_HOST=127.0.0.1", "EMAIL_PORT=1", "EMAIL_BACKOFF=1h")
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	boss := p.Nobody.SignIn("amra")
	for i := range 3 {
		boss.Make("/api/users", apptest.JSON{"username": fmt.Sprint("guest", i), "email": fmt.Sprint("guest", i, "@example.com"), "sendCredentials": true})
	}
	p.Kill()
	const waiting = "SELECT kind, %s FROM river_job WHERE kind = 'credentials' AND CAST(state AS TEXT) NOT IN ('completed', 'cancelled', 'discarded') ORDER BY id"
	var before string
	s.Look(t, func(raw *sql.DB) { before = dump(t, raw, fmt.Sprintf(waiting, "args ->> 'id', args ->> 'userId'")) })
	target := testdb.EmptyPostgres(t)
	if out := succeeds(t, s.With("COPY_TO="+target.URL), "", "copy"); !strings.Contains(out, "that wait to be done wait there as well") {
		t.Errorf("copy does not tell of the mails:\n%s", out)
	}
	after := dump(t, target.Raw(t), fmt.Sprintf(waiting, "args ->> 'id', args ->> 'userId'"))
	if after != before || !strings.HasPrefix(before, "3 rows") {
		t.Errorf("there waited\n%s\nand now\n%s", before, after)
	}
}
