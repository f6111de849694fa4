package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app"
	"cartracker/internal/app/apptest"
	"cartracker/internal/cli"
	"cartracker/internal/config"
	"cartracker/internal/record"
)

// A company that is made up is one that the program works on as on any other.
func TestDemo(t *testing.T) {
	t.Parallel()
	apptest.EachSite(t, func(t *testing.T, s *apptest.Site) {
		out, err := s.Run(t, "", "demo", "--cars", "30", "--customers", "20", "--contracts", "450", "--seed", "3")
		if err != nil || !strings.Contains(out, "made 30 cars, 20 customers and 450 contracts in ") || !strings.Contains(out, "user add --role admin") {
			t.Fatalf("%v\n%s", err, out)
		}
		day := apptest.Day(time.Now(), 0)
		next := ""
		s.Look(t, func(raw *sql.DB) {
			apptest.CheckLedger(t, raw, day)
			apptest.CheckDatabase(t, raw)
			next = nextNumber(t, raw, day[:4])
			for topic, table := range map[string]string{"cars": "cars", "customers": "customers", "contracts": "contracts"} {
				if n := rows(t, raw, "changes WHERE topic = '"+topic+"' AND kind = 'created' AND id IN (SELECT id FROM "+table+")"); n != 1 {
					t.Errorf("the feed has %d changes of %s, want 1", n, topic)
				}
			}
			if n := rows(t, raw, "users"); n != 0 {
				t.Errorf("there are %d users", n)
			}
		})
		s.AddUser(t, "amra", record.Admin)
		boss := s.Serve(t).Nobody.SignIn("amra")
		checkDemoServed(t, boss, day, next)

		out, err = s.Run(t, "", "demo")
		if err == nil || !strings.Contains(err.Error(), "exit status 1") || !strings.Contains(out, "demo fills an empty one only") {
			t.Errorf("once more: %v\n%s", err, out)
		}
		s.Look(t, func(raw *sql.DB) { apptest.CheckLedger(t, raw, day) })
	})
}

// nextNumber returns the number that the next contract of a year has to get.
func nextNumber(t *testing.T, raw *sql.DB, year string) string {
	t.Helper()
	n := rows(t, raw, "contracts WHERE number LIKE 'CTR-"+year+"-%'")
	return fmt.Sprintf("CTR-%s-%05d", year, n+1)
}

func checkDemoServed(t *testing.T, boss *apptest.Client, day, next string) {
	t.Helper()
	for path, total := range map[string]string{"/api/cars?archived=all": "30", "/api/customers": "20", "/api/contracts": "450"} {
		if res := boss.Do("GET", path, nil); res.Text("pagination.total") != total {
			t.Errorf("GET %s: %.300s", path, res)
		}
	}
	calendar := boss.Do("GET", "/api/cars/calendar?from="+apptest.Day(time.Now(), -30)+"&to="+apptest.Day(time.Now(), 30), nil)
	held := 0
	for i := range calendar.Len("data.cars") {
		held += calendar.Len(fmt.Sprintf("data.cars.%d.holds", i))
	}
	if calendar.Status != http.StatusOK || held < 20 {
		t.Errorf("the calendar has %d holds: %.300s", held, calendar)
	}
	log := boss.Do("GET", "/api/audit-logs?resource=demo", nil)
	if log.Len("data") != 1 || log.Text("data.0.action") != "CREATE" || !strings.HasPrefix(log.Text("data.0.username"), "cli:") ||
		!strings.Contains(log.Text("data.0.description"), "30 cars, 20 customers, 450 contracts") {
		t.Errorf("the audit log: %s", log)
	}
	free := boss.Do("GET", "/api/cars?status=available", nil).Text("data.0.id")
	customer := boss.Do("GET", "/api/customers?limit=1", nil).Text("data.0.id")
	res := boss.Do("POST", "/api/contracts", apptest.Contract(free, customer, apptest.Day(time.Now(), 300), apptest.Day(time.Now(), 302)))
	if res.Status != http.StatusCreated || res.Text("data.number") != next {
		t.Errorf("the next contract, which is %s of %s: %s", next, day, res)
	}
}

// What does not fit is refused before anything is made.
func TestDemoRefuses(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--cars 1 --contracts 10000": "1 cars have room for about",
		"--cars 0 --customers 0":     "  customers must be from 1 to 1000000",
	} {
		dir := filepath.Join(t.TempDir(), "data")
		var out, said bytes.Buffer
		code := app.Main(t.Context(), app.Program{Version: "test"}, append([]string{"demo", "--data-dir", dir}, strings.Fields(args)...), &bytes.Buffer{}, &out, &said)
		if _, err := os.Stat(dir); code != 1 || out.Len() > 0 || !strings.Contains(said.String(), want) || !os.IsNotExist(err) {
			t.Errorf("demo %s: %d\n%s%s%v", args, code, &out, &said, err)
		}
	}
}

// What one leaves behind that was stopped adds up.
func TestDemoStopped(t *testing.T) {
	t.Parallel()
	c := &config.Config{DataDir: t.TempDir()}
	if err := c.Load(func(string) (string, bool) { return "", false }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	made, err := app.Program{}.Demo(ctx, c, cli.DemoSize{Cars: 100, Customers: 200, Contracts: 5000}, func(done int) {
		if done > 300 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || made.Records != 300 || made.Contracts != 0 {
		t.Fatalf("%+v, %v", made, err)
	}
	raw, err := sql.Open("sqlite", "file:"+c.Database.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	apptest.CheckLedger(t, raw, apptest.Day(time.Now(), 0))
	if n := rows(t, raw, "audit_logs WHERE resource = 'demo' AND description LIKE 'began to fill%: 100 cars, 200 customers, 0 contracts'"); n != 1 {
		t.Errorf("%d entries say that it began", n)
	}
}
