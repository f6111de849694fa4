package app_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
)

// A program that a test runs in this process would bound the memory of all tests,
// from then on: half of the processors would do nothing but look for what is free.
func TestMain(m *testing.M) {
	if os.Getenv("GOMEMLIMIT") == "" {
		os.Setenv("GOMEMLIMIT", "off")
	}
	os.Exit(apptest.Main(m))
}

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

// A range of days that ends before it begins is a mistake wherever it is asked for.
func TestRangesBackwards(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		for _, path := range []string{"/api/contracts", "/api/contracts/active", "/api/audit-logs", "/api/cars/available", "/api/cars/calendar"} {
			res := c.Admin.Do("GET", path+"?from=2026-12-02&to=2026-12-01", nil)
			if res.Status != 400 || res.Text("code") != "bad_request" {
				t.Errorf("%s: %s, want 400", path, res)
			}
		}
	})
}

// Ids are the same in capitals, as they are in paths.
func TestIDsInCapitals(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		customer := c.Employee.Make("/api/customers", apptest.Customer("1234567"))
		up := strings.ToUpper
		id := c.Employee.Make("/api/contracts", apptest.Contract(up(car), up(customer), "2026-12-01", "2026-12-10"))
		for _, q := range []string{"carId=" + up(car), "customerId=" + up(customer)} {
			if res := c.Employee.Do("GET", "/api/contracts?"+q, nil); res.Len("data") != 1 {
				t.Errorf("%s: %s, want the contract", q, res)
			}
		}
		if res := c.Employee.Do("PATCH", "/api/contracts/"+id, apptest.JSON{"id": up(id)}); res.Status != 200 {
			t.Errorf("its own id: %s", res)
		}
		check := apptest.JSON{"carId": up(car), "startDate": "2026-12-01", "endDate": "2026-12-02"}
		if res := c.Employee.Do("POST", "/api/contracts/check-availability", check); res.Text("data.available") != "false" {
			t.Errorf("check-availability: %s, want not available", res)
		}
		bad := apptest.Contract("zz", "", "2026-12-05", "2026-12-01")
		res := c.Employee.Do("POST", "/api/contracts", bad)
		if res.Status != 422 || res.Len("errors") != 3 {
			t.Errorf("three wrong fields: %s", res)
		}
	})
}

// Signing out ends the session of each credential that is brought.
func TestSignOutOfBothSessions(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		other := c.Nobody.SignIn("emir")
		if res := c.Employee.Do("POST", "/api/auth/logout", nil, "Cookie: refreshToken="+other.Cookie); res.Status != 200 {
			t.Fatalf("sign-out: %s", res)
		}
		for what, gone := range map[string]*apptest.Client{"bearer": c.Employee, "cookie": other} {
			if res := gone.Do("GET", "/api/users/me", nil); res.Status != 401 {
				t.Errorf("the session of the %s: %s, want 401", what, res)
			}
		}
	})
}

// An e-mail address is the same in both forms of Unicode, where it is kept and
// where it is typed.
func TestAddressForms(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		user := apptest.JSON{"username": "jose", "email": "jose\u0301@example.com", "password": apptest.Password}
		c.Admin.Make("/api/users", user)
		c.Nobody.SignIn("jose\u0301@example.com")
		c.Nobody.SignIn("jos\u00e9@example.com")
		user["username"], user["email"] = "other", "jos\u00e9@example.com"
		if res := c.Admin.Do("POST", "/api/users", user); res.Text("code") != "email_taken" {
			t.Errorf("the same address again: %s", res)
		}
	})
}
