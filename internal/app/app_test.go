package app_test

import (
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
