package app_test

import (
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
)

// The command line works on the file that the program serves.
func TestUsersAreAddedWhileItServes(t *testing.T) {
	t.Parallel()
	apptest.EachSite(t, func(t *testing.T, s *apptest.Site) {
		const added = 6
		s.AddUser(t, "amra", record.Admin)
		p := s.Serve(t)
		boss := p.Nobody.SignIn("amra")
		k := apptest.NewClerks(boss)
		k.Write(t, boss, clerks, 20, func() {
			apptest.Together(added, func(i int) {
				name := fmt.Sprint("clerk", i)
				if out, err := s.Run(t, apptest.Password+"\n", "user", "add", "--username", name, "--email", name+"@example.com", "--role", "employee"); err != nil {
					t.Errorf("user add %s: %v\n%s", name, err, out)
				}
			})
			if out, err := s.Run(t, "", "user", "list"); err != nil || strings.Count(out, "\n") != added+2 {
				t.Errorf("user list: %v\n%s", err, out)
			}
			p.Terminate(t)
		})
		p = s.Serve(t)
		boss = p.As(boss)
		for i := range added {
			if res := p.Nobody.SignIn(fmt.Sprint("clerk", i)).Do("GET", "/api/customers?limit=1", nil); res.Status != http.StatusOK {
				t.Errorf("clerk%d: %s", i, res)
			}
		}
		if res := boss.Do("GET", "/api/audit-logs?action=CREATE&resource=user", nil); res.Text("pagination.total") != fmt.Sprint(added+1) {
			t.Errorf("the audit log has not %d users: %s", added+1, res)
		}
		checkStored(t, s, k, boss)
	})
}

// Several programs that start in the same second on an empty database all serve.
func TestSeveralStartTogether(t *testing.T) {
	t.Parallel()
	apptest.EachSite(t, func(t *testing.T, s *apptest.Site) {
		const programs = 5
		all, waits := make([]*apptest.Process, programs), make([]func(), programs)
		for i := range programs {
			all[i], waits[i] = s.Launch(t)
		}
		for _, wait := range waits {
			wait()
		}
		s.Look(t, func(raw *sql.DB) {
			if n := rows(t, raw, "(SELECT version_id FROM goose_db_version GROUP BY version_id HAVING COUNT(*) > 1) AS twice"); n != 0 {
				t.Errorf("%d migrations ran twice", n)
			}
		})
		// All of them have agreed on one set-up code.
		code, err := os.ReadFile(filepath.Join(s.Dir, "setup-code"))
		if err != nil {
			t.Fatal(err)
		}
		res := all[0].Nobody.Do("POST", "/api/auth/setup", apptest.JSON{
			"code": strings.TrimSpace(string(code)), "username": "amra", "email": "amra@example.com", "password": apptest.Password,
		})
		if res.Status != http.StatusOK && res.Status != http.StatusCreated {
			t.Fatalf("set-up: %s", res)
		}
		boss := all[1].Nobody.SignIn("amra")
		car := boss.Make("/api/cars", apptest.Car("A12-K-345"))
		for i, p := range all {
			if res := p.As(boss).Do("GET", "/api/cars/"+car, nil); res.Status != http.StatusOK {
				t.Errorf("program %d does not see the car: %s", i, res)
			}
		}
		customer := boss.Make("/api/customers", apptest.Customer("1234567"))
		oneRents(t, all, boss, car, customer)
		s.Look(t, func(raw *sql.DB) { apptest.CheckBooks(t, raw, apptest.Day(time.Now(), 0)) })
	})
}

// oneRents checks that of many who rent a car at several programs, one gets it.
func oneRents(t *testing.T, all []*apptest.Process, boss *apptest.Client, car, customer string) {
	t.Helper()
	const callers = 60
	statuses := make([]int, callers)
	apptest.Together(callers, func(i int) {
		contract := apptest.Contract(car, customer, apptest.Day(time.Now(), 3+i%3), apptest.Day(time.Now(), 7+i%4))
		res := all[i%len(all)].As(boss).Insist("POST", "/api/contracts", contract)
		statuses[i] = res.Status
		if res.Status != http.StatusCreated && res.Text("code") != "car_taken" {
			t.Error(res)
		}
	})
	won := 0
	for _, s := range statuses {
		if s == http.StatusCreated {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d of %d rented the same car", won, callers)
	}
}

// A program that is asked to end answers what is under way, and takes nothing new.
func TestTerminatedUnderLoad(t *testing.T) {
	t.Parallel()
	apptest.EachSite(t, func(t *testing.T, s *apptest.Site) {
		const underWay = 20
		s.AddUser(t, "amra", record.Admin)
		p := s.Serve(t)
		boss := p.Nobody.SignIn("amra")
		k := apptest.NewClerks(boss)
		finish := make([]func() (apptest.Response, error), underWay)
		var wait func() int
		k.Write(t, boss, clerks, 40, func() {
			for i := range finish {
				var err error
				if finish[i], err = boss.Begin("POST", "/api/cars", apptest.Car(fmt.Sprint("LATE ", i))); err != nil {
					t.Fatal(err)
				}
			}
			wait = p.Terminate(t)
			apptest.Until(t, "the refusal of new connections", func() bool { return refuses(boss) })
			apptest.Together(underWay, func(i int) {
				if res, err := finish[i](); err != nil || res.Status != http.StatusCreated {
					t.Errorf("a request that was under way: %s (%v)", res, err)
				}
			})
		})
		if code := wait(); code != 0 {
			t.Errorf("the program ended with %d:\n%s", code, p.Output())
		}
		for _, err := range k.Failures() {
			if _, answered := errors.AsType[apptest.Refused](err); answered {
				t.Errorf("a write was refused and not served: %v", err)
			}
		}
		s.Look(t, func(raw *sql.DB) {
			if n := rows(t, raw, "cars WHERE license_plate LIKE 'LATE%'"); n != underWay {
				t.Errorf("%d of %d cars that were under way are there", n, underWay)
			}
		})
		p = s.Serve(t)
		checkStored(t, s, k, p.As(boss))
	})
}

// refuses reports whether the program takes no connection any more.
func refuses(c *apptest.Client) bool {
	u, err := url.Parse(c.URL())
	if err != nil {
		return false
	}
	conn, err := net.DialTimeout("tcp", u.Host, time.Second)
	if err == nil {
		conn.Close()
	}
	return err != nil
}
