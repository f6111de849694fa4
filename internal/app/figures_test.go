package app_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"cartracker/internal/app"
	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/mail"
	"cartracker/internal/money"
	"cartracker/internal/overload"
	"cartracker/internal/record"
	"cartracker/internal/store/testdb"
)

// What is counted is what the lists show: a contract that was cancelled or
// deleted is none, and a car that was deleted neither.
func TestFigures(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		customer := c.Employee.Make("/api/customers", apptest.Customer("1234567"))
		car := func(plate string) string { return c.Admin.Make("/api/cars", apptest.Car(plate)) }
		rent := func(car, start, end string) string {
			return c.Employee.Make("/api/contracts", apptest.Contract(car, customer, start, end))
		}
		do := func(method, path string, body any) {
			t.Helper()
			if res := c.Admin.Do(method, path, body); res.Status >= 300 {
				t.Fatalf("%s %s: %s", method, path, res)
			}
		}
		rent(car("A01-K-345"), "2026-07-01", "2026-07-03") // goes out today
		rent(car("A02-K-345"), "2026-07-02", "2026-07-05")
		cancelled := rent(car("A03-K-345"), "2026-07-01", "2026-07-02")
		do("POST", "/api/contracts/"+cancelled+"/cancel", apptest.JSON{"reason": "the customer is ill"})
		deleted := rent(car("A04-K-345"), "2026-07-02", "2026-07-05")
		do("DELETE", "/api/contracts/"+deleted, nil)
		do("POST", "/api/cars/"+car("A05-K-345")+"/archive", nil)
		do("DELETE", "/api/cars/"+car("A06-K-345"), nil)
		do("PATCH", "/api/cars/"+car("A07-K-345"), apptest.JSON{"status": "maintenance"})

		f, err := c.DB.Figures(t.Context(), c.API.Today())
		if err != nil || f.Active != 1 || f.Out != 1 || f.Back != 0 || f.Booked != money.Minor(2*5550) {
			t.Errorf("today: %+v, %v", f, err)
		}
		for status, want := range map[string]int{"available": 4, "maintenance": 1, "unavailable": 0, "archived": 1} {
			if f.Cars[status] != want {
				t.Errorf("%d cars are %s, want %d", f.Cars[status], status, want)
			}
		}
		f, err = c.DB.Figures(t.Context(), c.API.Today().Add(2)) // 3 July
		if err != nil || f.Active != 2 || f.Out != 0 || f.Back != 1 || f.Booked != money.Minor(5*5550) {
			t.Errorf("in two days: %+v, %v", f, err)
		}

		before, err := c.Jobs.Depth(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		failedMail(t, c, record.UserID(c.Admin.ID)) // is queued, and given up
		after, err := c.Jobs.Depth(t.Context())
		if err != nil || after.Jobs["mail"][mail.Failed] != before.Jobs["mail"][mail.Failed]+1 || after.Oldest != 0 {
			t.Errorf("with a mail that was given up: %+v, before %+v, %v", after, before, err)
		}
		spare := c.Admin.Make("/api/users", apptest.JSON{"username": "spare", "email": "spare@example.com", "sendCredentials": true})
		after, err = c.Jobs.Depth(t.Context())
		if err != nil || after.Jobs["mail"][mail.Waiting] != 1 || after.Oldest <= 0 {
			t.Errorf("with a mail to %s that waits: %+v, %v", spare, after, err)
		}
	})
}

// While the database is overloaded the last figures stand; while it is away
// there are none.
func TestFiguresAreNeverWrong(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t), func(c *config.Config) { c.DBPlaces = "1" })
	take := app.CountFigures(c.Office, "BAM")
	told := func() string {
		w := httptest.NewRecorder()
		c.Metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return w.Body.String()
	}
	expect := func(when, line string, there bool) {
		t.Helper()
		if strings.Contains(told(), line) != there {
			t.Errorf("%s: %q is there: %t", when, line, !there)
		}
	}
	expect("before", "\ncartracker_cars", false)
	expect("before", "\ncartracker_figures_updated_timestamp_seconds 0\n", true)
	take(t.Context())
	expect("at first", `cartracker_cars{status="available"} 0`, true)
	c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
	leave, err := c.API.Gate.Enter(t.Context(), overload.Report)
	if err != nil {
		t.Fatal(err)
	}
	take(t.Context())
	expect("overloaded", `cartracker_cars{status="available"} 0`, true)
	leave()
	take(t.Context())
	expect("afterwards", `cartracker_cars{status="available"} 1`, true)
	c.StopFeed()
	if err := c.DB.Close(); err != nil {
		t.Fatal(err)
	}
	take(t.Context())
	expect("away", "\ncartracker_cars", false)
	expect("away", "\ncartracker_jobs{", false)
	expect("away", "\ncartracker_figures_updated_timestamp_seconds 0\n", false)
}
