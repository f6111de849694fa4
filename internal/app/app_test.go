package app_test

import (
	"fmt"
	"os"
	"testing"

	"cartracker/internal/app/apptest"
)

func TestMain(m *testing.M) { os.Exit(apptest.Main(m)) }

func TestRentACar(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		customer := c.Employee.Make("/api/customers", apptest.Customer("1234567"))
		c.Employee.Make("/api/contracts", apptest.Contract(car, customer, "2026-12-01", "2026-12-10"))
		res := c.Employee.Do("POST", "/api/contracts", apptest.Contract(car, customer, "2026-12-09", "2026-12-12"))
		if res.Status != 409 || res.Text("code") != "car_taken" {
			t.Errorf("an overlapping contract: %s", res)
		}
		c.Employee.Make("/api/contracts", apptest.Contract(car, customer, "2026-12-10", "2026-12-12"))
	})
}

// A refused rental is in the audit log, also when its transaction was part of
// another that keeps an Idempotency-Key, and leaves nothing else.
func TestRefusalIsAudited(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		customer := c.Employee.Make("/api/customers", apptest.Customer("1234567"))
		id := c.Employee.Make("/api/contracts", apptest.Contract(car, customer, "2026-12-01", "2026-12-10"))
		other := c.Employee.Make("/api/contracts", apptest.Contract(car, customer, "2026-12-20", "2026-12-22"))
		taken := apptest.Contract(car, customer, "2026-12-09", "2026-12-12")
		for _, refused := range []apptest.Response{
			c.Employee.Do("POST", "/api/contracts", taken),
			c.Employee.Do("POST", "/api/contracts", taken, "Idempotency-Key: once"),
			c.Employee.Do("PATCH", "/api/contracts/"+other, apptest.JSON{"startDate": "2026-12-05"}),
		} {
			if refused.Status != 409 {
				t.Fatalf("an overlapping contract: %s", refused)
			}
		}
		log := c.Admin.Do("GET", "/api/audit-logs?status=failure&sort=createdAt", nil)
		want := []string{
			"refused to rent A12-K-345 out from 2026-12-09 to 2026-12-12: the car is taken from 2026-12-01 to 2026-12-10 by a contract",
			"refused to rent A12-K-345 out from 2026-12-09 to 2026-12-12: the car is taken from 2026-12-01 to 2026-12-10 by a contract",
			"refused to change a contract: the car is taken from 2026-12-01 to 2026-12-10 by a contract",
		}
		if n := log.Len("data"); n != len(want) {
			t.Fatalf("%d failures in the log, want %d: %s", n, len(want), log)
		}
		for i, w := range want {
			at := fmt.Sprintf("data.%d.", i)
			if got := log.Text(at + "description"); got != w || log.Text(at+"username") != "emir" {
				t.Errorf("%q by %s, want %q by emir", got, log.Text(at+"username"), w)
			}
		}
		if n := c.Employee.Do("GET", "/api/contracts", nil).Text("pagination.total"); n != "2" {
			t.Errorf("%s contracts, want %s and %s only", n, id, other)
		}
	})
}
