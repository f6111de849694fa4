package app_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
)

func TestAuditLog(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		last := func() apptest.Response {
			t.Helper()
			return ok(t, c.Admin.Do("GET", "/api/audit-logs?limit=1", nil))
		}
		ok(t, c.Employee.Do("PATCH", "/api/customers/"+w.customer, apptest.JSON{"passportNumber": "XX9876543", "driverLicenseNumber": "ab", "idOfPerson": "1234567890", "notes": "n"}, "X-Request-Id: audit-request-1", "User-Agent: test/1"))
		res := last()
		for field, want := range map[string]string{
			"userId": string(c.Employee.ID), "username": "emir", "userRole": "employee", "ipAddress": "127.0.0.1", "userAgent": "test/1", "requestId": "audit-request-1",
			"action": "UPDATE", "resource": "customer", "resourceId": w.customer, "status": "success", "createdAt": "2026-07-01T10:00:00.000Z",
			"changes.before.passportNumber": "*****567", "changes.after.passportNumber": "******543", "changes.after.driverLicenseNumber": "**", "changes.after.idOfPerson": "*******890", "changes.after.notes": "n",
		} {
			if got := res.Text("data.0." + field); got != want {
				t.Errorf("%s is %s, want %s", field, got, want)
			}
		}
		if after, _ := res.At("data.0.changes.after").(map[string]any); len(after) != 4 {
			t.Errorf("only what changed is kept: %v", after)
		}
		ok(t, c.Admin.Do("PATCH", "/api/users/"+w.spare, apptest.JSON{"citizenshipId": "0101990123456"}))
		if res := last(); res.Text("data.0.changes.after.citizenshipId") != "**********456" {
			t.Errorf("a citizenship id: %s", res)
		}
		created := c.Admin.Do("GET", "/api/audit-logs?action=CREATE&resource=car", nil)
		if created.Len("data") != 1 || created.At("data.0.changes.before") != nil || created.Text("data.0.changes.after.licensePlate") != w.plate {
			t.Errorf("a new car: %s", created)
		}
		id := c.Admin.Make("/api/cars", apptest.Car("GONE-1"))
		ok(t, c.Admin.Do("DELETE", "/api/cars/"+id, nil))
		if res := last(); res.Text("data.0.action") != "DELETE" || res.At("data.0.changes.after") != nil || res.Text("data.0.changes.before.licensePlate") != "GONE-1" {
			t.Errorf("a deleted car: %s", res)
		}
		single := ok(t, c.Admin.Do("GET", "/api/audit-logs/"+last().Text("data.0.id"), nil))
		if fmt.Sprint(single.At("data")) != fmt.Sprint(last().At("data.0")) {
			t.Errorf("single: %s, in the list %s", single, last())
		}
		coded(t, "an unknown entry", c.Admin.Do("GET", "/api/audit-logs/"+unknownID, nil), 404, "no_audit_log")
		t.Run("filters", func(t *testing.T) { auditFilters(t, w, id) })
		t.Run("statistics", func(t *testing.T) { auditStatistics(t, w) })
	})
}

func auditFilters(t *testing.T, w *world, car string) {
	count := func(q string) int { return ok(t, w.Admin.Do("GET", "/api/audit-logs?"+q, nil)).Len("data") }
	every := count("")
	for q, want := range map[string]int{
		"resourceId=" + car: 2, "resourceId=" + car + "&action=DELETE": 1, "action=EXPORT": 0, "status=failure": 0, "status=success": every,
		"userId=" + unknownID: 0, "resource=contract": 1, "q=gone-1": 2, "q=GONE": 2, "q=%25": 0, "q=sacir": 3,
		"from=2026-07-01&to=2026-07-01": every, "from=2026-07-02": 0, "to=2026-07-01": 0, "to=2026-07-02": every, "from=2026-06-30&to=2026-07-01": 0,
	} {
		if got := count(q); got != want {
			t.Errorf("%s: %d entries, want %d", q, got, want)
		}
	}
}

// auditStatistics counts entries on both sides of a midnight, and of another
// after the clocks were set back.
func auditStatistics(t *testing.T, w *world) {
	stats := func(q string) apptest.Response { return ok(t, w.Admin.Do("GET", "/api/audit-logs/statistics?"+q, nil)) }
	before, err := strconv.Atoi(stats("").Text("data.total"))
	if err != nil {
		t.Fatal(err)
	}
	w.Clock.Move(11*time.Hour + 59*time.Minute) // 23:59 in Sarajevo
	boss := w.Nobody.SignIn("amra")
	ok(t, boss.Do("PATCH", "/api/customers/"+w.customer, apptest.JSON{"notes": "before midnight"}))
	w.Clock.Move(time.Minute)
	ok(t, boss.Do("PATCH", "/api/customers/"+w.customer, apptest.JSON{"notes": "after midnight"}))
	w.Clock.Move(time.Date(2026, 11, 15, 23, 0, 0, 0, time.UTC).Sub(w.Clock.Now()))
	boss = w.Nobody.SignIn("amra") // after midnight, of another day than in summer
	res := ok(t, boss.Do("GET", "/api/audit-logs/statistics", nil))
	tells(t, res, map[string]string{
		"total": fmt.Sprint(before + 4), "byDay.0.day": "2026-07-01", "byDay.0.count": fmt.Sprint(before + 2), "byDay.1.day": "2026-07-02",
		"byDay.1.count": "1", "byDay.2.day": "2026-11-16", "byDay.2.count": "1", "byStatus.success": fmt.Sprint(before + 4),
	})
	for q, want := range map[string]string{
		"resource=customer&action=UPDATE": "3", "q=midnight": "0", "from=2026-07-02&to=2026-07-02": "1", "to=2026-07-02": fmt.Sprint(before + 2), "status=failure": "0", "action=LOGIN&from=2026-07-03": "1",
	} {
		if got := ok(t, boss.Do("GET", "/api/audit-logs/statistics?"+q, nil)); got.Text("data.total") != want {
			t.Errorf("%s: %s, want %s", q, got, want)
		}
	}
	for q, status := range map[string]int{"page=1": 400, "limit=1": 400, "sort=createdAt": 400, "cursor=x": 400, "from=2026-07-02&to=2026-07-01": 400, "action=READ": 400} {
		checkFailure(t, q, boss.Do("GET", "/api/audit-logs/statistics?"+q, nil), status)
	}
	checkFailure(t, "by an employee", w.Nobody.SignIn("emir").Do("GET", "/api/audit-logs/statistics", nil), 403)
}

// TestRefusedLeavesNothing: what was refused left no trace of having been
// done. That a rental was refused is in the log, as a failure.
func TestRefusedLeavesNothing(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		before := w.state(t)
		c.Admin.Do("POST", "/api/cars", apptest.Car(w.plate))
		c.Admin.Do("POST", "/api/customers", apptest.Customer("1234567"))
		c.Admin.Do("DELETE", "/api/cars/"+w.car, nil)
		c.Admin.Do("DELETE", "/api/users/"+string(c.Admin.ID), nil)
		c.Admin.Do("PATCH", "/api/users/"+string(c.Admin.ID), apptest.JSON{"role": "user"})
		c.User.Do("DELETE", "/api/cars/"+w.car, nil)
		c.Nobody.Do("DELETE", "/api/cars/"+w.car, nil)
		w.unchanged(t, before, "refused")
	})
}

func TestCustomers(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		other := apptest.Customer("other")
		other["passportNumber"] = "b1234567"
		coded(t, "a passport again", c.Employee.Do("POST", "/api/customers", other), 409, "passport_number_taken")
		other["passportNumber"], other["driverLicenseNumber"] = "Q1", "dl1234567"
		coded(t, "a licence again", c.Employee.Do("POST", "/api/customers", other), 409, "driver_license_number_taken")
		ana := c.Employee.Make("/api/customers", apptest.JSON{
			"name": "Ana Čaušević", "driverLicenseNumber": "Z9", "passportNumber": "Z9", "countryOfOrigin": "Österreich", "cityOfResidence": "Wien", "email": "ana@example.at", "phoneNumber": "+43 (1) 234-567",
		})
		for q, want := range map[string]string{
			"": "Ana Čaušević,Šaćir Đurić", "sort=-name": "Šaćir Đurić,Ana Čaušević", "q=causevic": "Ana Čaušević", "q=DURIC": "Šaćir Đurić", "q=example.at": "Ana Čaušević", "q=43%20(1": "Ana Čaušević", "q=z9": "Ana Čaušević",
			"country=osterreich": "Ana Čaušević", "city=wien": "Ana Čaušević", "country=oster": "", "q=%25": "", "q=_": "",
		} {
			if got := strings.Join(all(t, c.Employee.Do("GET", "/api/customers?"+q, nil), "name"), ","); got != want {
				t.Errorf("%s: %s, want %s", q, got, want)
			}
		}
		for phone, status := range map[string]int{"12345": 422, "123456": 200, "call me": 422, "+387 33 123 456": 200, strings.Repeat("1", 21): 422} {
			if res := c.Employee.Do("PATCH", "/api/customers/"+ana, apptest.JSON{"phoneNumber": phone}); res.Status != status {
				t.Errorf("phone %s: %s", phone, res)
			}
		}
		checkFailure(t, "by an employee", c.Employee.Do("DELETE", "/api/customers/"+ana, nil), 403)
		ok(t, c.Admin.Do("DELETE", "/api/customers/"+ana, nil))
		coded(t, "deleted", c.Admin.Do("GET", "/api/customers/"+ana, nil), 404, "no_customer")
		c.Employee.Make("/api/customers", apptest.JSON{"name": "Ana", "driverLicenseNumber": "z9", "passportNumber": "z9", "countryOfOrigin": "AT"}) // free again
		ok(t, c.Employee.Do("GET", "/api/customers/"+w.customer+"/contracts", nil))
	})
}

func TestUsers(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		for code, body := range map[string]apptest.JSON{
			"username_taken": {"username": "SPARE", "email": "x@example.com", "password": apptest.Password},
			"email_taken":    {"username": "xenia", "email": "Spare@Example.com", "password": apptest.Password},
		} {
			coded(t, code, c.Admin.Do("POST", "/api/users", body), 409, code)
		}
		res := ok(t, c.Admin.Do("POST", "/api/users", apptest.JSON{"username": "ｚｏｒａｎ", "email": "Zoran@Example.com", "password": apptest.Password}))
		tells(t, res, map[string]string{"username": "zoran", "email": "Zoran@Example.com", "role": "user", "language": "en", "active": "true", "version": "1"})
		if strings.Contains(string(res.Body), "assword") {
			t.Errorf("a user tells of a password: %s", res)
		}
		for q, want := range map[string]string{
			"": "amra emir spare uma zoran", "role=admin": "amra", "active=false": "", "q=ZORAN": "zoran", "sort=-username": "zoran uma spare emir amra", "q=example.com&role=employee": "emir",
		} {
			if got := strings.Join(all(t, c.Admin.Do("GET", "/api/users?"+q, nil), "username"), " "); got != want {
				t.Errorf("%s: %s, want %s", q, got, want)
			}
		}
		me := "/api/users/" + string(c.Admin.ID)
		coded(t, "delete the last admin", c.Admin.Do("DELETE", me, nil), 409, "last_admin")
		coded(t, "demote the last admin", c.Admin.Do("PATCH", me, apptest.JSON{"role": "employee"}), 409, "last_admin")
		coded(t, "deactivate the last admin", c.Admin.Do("PATCH", me, apptest.JSON{"active": false}), 409, "last_admin")
		gone := ok(t, c.Admin.Do("DELETE", "/api/users/"+w.spare, nil))
		if gone.Text("message") != "deleted" || c.Admin.Do("GET", "/api/users/"+w.spare, nil).Status != 404 {
			t.Errorf("a user without history: %s", gone)
		}
		ok(t, c.Admin.Do("DELETE", "/api/users/"+string(c.Employee.ID), nil))
		tells(t, c.Admin.Do("GET", "/api/users/"+string(c.Employee.ID), nil), map[string]string{"active": "false", "username": "emir"})
		checkFailure(t, "sign-in afterwards", login(c.Nobody, "emir", apptest.Password), 401)
	})
}
