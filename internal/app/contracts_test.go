package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
)

func TestContracts(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		t.Run("new", func(t *testing.T) { newContract(t, w) })
		t.Run("what it needs", func(t *testing.T) { needs(t, w) })
		t.Run("price", func(t *testing.T) { prices(t, w) })
		t.Run("days", func(t *testing.T) { days(t, w) })
		t.Run("move", func(t *testing.T) { moves(t, w) })
		t.Run("cancel", func(t *testing.T) { cancels(t, w) })
		t.Run("delete", func(t *testing.T) { deletes(t, w) })
		t.Run("check-availability", func(t *testing.T) { checks(t, w) })
	})
}

func (w *world) newCar(plate string) string { return w.Admin.Make("/api/cars", apptest.Car(plate)) }

func (w *world) rent(t *testing.T, car, start, end string) string {
	t.Helper()
	return w.Employee.Make("/api/contracts", apptest.Contract(car, w.customer, start, end))
}

// tells fails unless fields of the data are what they should be.
func tells(t *testing.T, res apptest.Response, want map[string]string) {
	t.Helper()
	if res.Status >= 300 {
		t.Errorf("got %.300s", res)
	}
	for field, v := range want {
		if got := res.Text("data." + field); got != v {
			t.Errorf("%s is %s, want %s", field, got, v)
		}
	}
}

func newContract(t *testing.T, w *world) {
	res := ok(t, w.Employee.Do("GET", "/api/contracts/"+w.contract, nil))
	tells(t, res, map[string]string{
		"number": "CTR-2026-00001", "customerId": w.customer, "customer.id": w.customer, "customer.name": "Šaćir Đurić", "customer.passportNumber": "B1234567",
		"carId": w.car, "car.id": w.car, "car.licensePlate": w.plate, "car.manufacturer": "Škoda", "car.year": "2022", "startDate": "2026-08-01", "endDate": "2026-08-10",
		"days": "9", "dailyRate": "55.5", "totalAmount": "499.5", "priceAgreed": "false", "status": "upcoming", "notificationSent": "false", "version": "1", "createdBy.username": "emir",
	})
	for _, null := range []string{"cancelledAt", "cancellationReason", "additionalNotes", "photoUrl", "customer.email", "customer.phoneNumber"} {
		if v := res.At("data." + null); v != nil {
			t.Errorf("%s is %v", null, v)
		}
	}
	car := w.newCar("NEW-1")
	for _, bad := range []apptest.JSON{apptest.Contract(w.car, w.customer, "2026-08-05", "2026-08-06"), apptest.Contract(car, unknownID, "2026-08-05", "2026-08-06")} {
		if res := w.Employee.Do("POST", "/api/contracts", bad); res.Status < 400 { // takes no number
			t.Errorf("got %s", res)
		}
	}
	tells(t, ok(t, w.Employee.Do("GET", "/api/contracts/"+w.rent(t, car, "2026-08-05", "2026-08-06"), nil)), map[string]string{"number": "CTR-2026-00002"})
}

func needs(t *testing.T, w *world) {
	car := w.newCar("NEED-1")
	for _, status := range []string{"maintenance", "unavailable"} {
		ok(t, w.Admin.Do("PATCH", "/api/cars/"+car, apptest.JSON{"status": status}))
		coded(t, "a car in "+status, w.Employee.Do("POST", "/api/contracts", apptest.Contract(car, w.customer, "2026-08-05", "2026-08-06")), 409, "car_not_available")
	}
	same(t, "unknown", checkFailure(t, "unknown", w.Employee.Do("POST", "/api/contracts", apptest.Contract(unknownID, unknownID, "2026-08-05", "2026-08-06")), 422), "carId", "customerId")
	gone := w.Admin.Make("/api/customers", apptest.Customer("GONE"))
	ok(t, w.Admin.Do("DELETE", "/api/customers/"+gone, nil))
	same(t, "deleted", checkFailure(t, "deleted", w.Employee.Do("POST", "/api/contracts", apptest.Contract(w.car, gone, "2026-09-05", "2026-09-06")), 422), "customerId")
	ok(t, w.Admin.Do("PATCH", "/api/cars/"+w.car, apptest.JSON{"status": "maintenance"}))
	tells(t, w.Employee.Do("PATCH", "/api/contracts/"+w.contract, apptest.JSON{"endDate": "2026-08-11"}), map[string]string{"days": "10"}) // its own car is asked no more
	tells(t, w.Employee.Do("PATCH", "/api/contracts/"+w.contract, apptest.JSON{"endDate": "2026-08-10"}), map[string]string{"days": "9"})
	id := w.rent(t, w.newCar("NEED-2"), "2026-09-01", "2026-09-02")
	coded(t, "to a car in maintenance", w.Employee.Do("PATCH", "/api/contracts/"+id, apptest.JSON{"carId": w.car}), 409, "car_not_available")
	ok(t, w.Admin.Do("PATCH", "/api/cars/"+w.car, apptest.JSON{"status": "available"}))
}

func prices(t *testing.T, w *world) {
	car, dearer := w.newCar("PRICE-1"), w.newCar("PRICE-2")
	ok(t, w.Admin.Do("PATCH", "/api/cars/"+dearer, apptest.JSON{"pricePerDay": 100.05}))
	path := "/api/contracts/" + w.rent(t, car, "2026-08-01", "2026-08-05")
	patch := func(body apptest.JSON) apptest.Response { return w.Employee.Do("PATCH", path, body) }
	ok(t, w.Admin.Do("PATCH", "/api/cars/"+car, apptest.JSON{"pricePerDay": 60}))
	tells(t, patch(apptest.JSON{"endDate": "2026-08-06"}), map[string]string{"dailyRate": "55.5", "totalAmount": "277.5"}) // the rate is kept
	tells(t, patch(apptest.JSON{"carId": dearer}), map[string]string{"dailyRate": "100.05", "totalAmount": "500.25"})      // a car brings its price
	tells(t, patch(apptest.JSON{"dailyRate": 90}), map[string]string{"totalAmount": "450", "priceAgreed": "false"})
	tells(t, patch(apptest.JSON{"totalAmount": 400}), map[string]string{"totalAmount": "400", "priceAgreed": "true", "dailyRate": "90"})
	audit := w.Admin.Do("GET", "/api/audit-logs?limit=1", nil)
	if audit.Text("data.0.changes.before.totalAmount") != "450" || audit.Text("data.0.changes.after.totalAmount") != "400" || audit.At("data.0.changes.after.priceAgreed") != true {
		t.Errorf("an agreed price in the audit log: %s", audit)
	}
	for _, change := range []apptest.JSON{{"endDate": "2026-08-07"}, {"startDate": "2026-07-31"}, {"carId": car}, {"endDate": "2026-08-07", "totalAmount": 400}} {
		same(t, "a change at an agreed price", checkFailure(t, "a change at an agreed price", patch(change), 422), "totalAmount")
	}
	tells(t, patch(apptest.JSON{"additionalNotes": "x"}), map[string]string{"totalAmount": "400", "priceAgreed": "true"})
	tells(t, patch(apptest.JSON{"endDate": "2026-08-07", "totalAmount": 420.5}), map[string]string{"totalAmount": "420.5", "priceAgreed": "true", "days": "6"})
	tells(t, patch(apptest.JSON{"endDate": "2026-08-06", "totalAmount": nil}), map[string]string{"totalAmount": "450", "priceAgreed": "false"})
	tells(t, w.Employee.Do("POST", "/api/contracts", apptest.JSON{"carId": car, "customerId": w.customer, "startDate": "2026-09-01", "endDate": "2026-09-04", "totalAmount": 0, "dailyRate": 10}),
		map[string]string{"dailyRate": "10", "totalAmount": "0", "priceAgreed": "true"})
}

func days(t *testing.T, w *world) {
	car := w.newCar("DAYS-1")
	for span, want := range map[[2]string]string{
		{"2026-10-01", "2026-10-01"}: "1", {"2026-10-02", "2026-10-03"}: "1",
		{"2026-10-24", "2026-10-26"}: "2", // clocks go back on the 25th
		{"2028-02-28", "2028-03-01"}: "2", {"2027-03-27", "2027-03-29"}: "2", {"2029-01-01", "2030-01-01"}: "365",
	} {
		tells(t, w.Employee.Do("POST", "/api/contracts", apptest.Contract(car, w.customer, span[0], span[1])), map[string]string{"days": want})
	}
	same(t, "366 days", checkFailure(t, "366 days", w.Employee.Do("POST", "/api/contracts", apptest.Contract(car, w.customer, "2028-01-01", "2029-01-01")), 422), "endDate")
}

func moves(t *testing.T, w *world) {
	car, other := w.newCar("MOVE-1"), w.newCar("MOVE-2")
	first, second := w.rent(t, car, "2026-08-01", "2026-08-05"), "/api/contracts/"+w.rent(t, car, "2026-08-05", "2026-08-10")
	before := w.state(t)
	for _, days := range [][2]string{{"2026-08-04", "2026-08-10"}, {"2026-08-01", "2026-08-02"}, {"2026-07-01", "2026-08-30"}, {"2026-08-04", "2026-08-04"}} {
		res := w.Employee.Do("PATCH", second, apptest.JSON{"startDate": days[0], "endDate": days[1]})
		if coded(t, fmt.Sprint("to ", days), res, 409, "car_taken"); !strings.Contains(res.Text("message"), "2026-08-01") || !strings.Contains(res.Text("message"), "2026-08-05") {
			t.Errorf("the period is not told: %s", res)
		}
		coded(t, fmt.Sprint("new ", days), w.Employee.Do("POST", "/api/contracts", apptest.Contract(car, w.customer, days[0], days[1])), 409, "car_taken")
	}
	w.unchanged(t, before, "refused moves", "audit_logs")
	if audit := w.Admin.Do("GET", "/api/audit-logs?limit=1", nil); audit.Text("data.0.status") != "failure" || audit.Text("data.0.username") != "emir" {
		t.Errorf("a refusal in the audit log: %s", audit)
	}
	tells(t, w.Employee.Do("PATCH", "/api/contracts/"+first, apptest.JSON{"carId": other}), map[string]string{"car.licensePlate": "MOVE-2", "carId": other})
	tells(t, w.Employee.Do("PATCH", second, apptest.JSON{"startDate": "2026-08-01"}), map[string]string{"days": "9"}) // free by now
	coded(t, "back", w.Employee.Do("PATCH", "/api/contracts/"+first, apptest.JSON{"carId": car}), 409, "car_taken")
	customer := w.Employee.Make("/api/customers", apptest.Customer("MOVE"))
	tells(t, w.Employee.Do("PATCH", second, apptest.JSON{"customerId": customer}), map[string]string{"customer.id": customer})
}

func cancels(t *testing.T, w *world) {
	car := w.newCar("CANCEL-1")
	cancel := func(id, reason string) apptest.Response {
		return w.Employee.Do("POST", "/api/contracts/"+id+"/cancel", apptest.JSON{"reason": reason})
	}
	upcoming, active, ended := w.rent(t, car, "2026-07-10", "2026-07-20"), w.rent(t, car, "2026-06-28", "2026-07-04"), w.rent(t, car, "2026-06-01", "2026-06-28")
	for _, short := range []string{"too short", "          ", "short     "} {
		same(t, "a short reason", checkFailure(t, "a short reason", cancel(upcoming, short), 422), "reason")
	}
	coded(t, "an ended contract", cancel(ended, "the customer is ill"), 409, "contract_ended")
	res := cancel(upcoming, "  the customer is ill ")
	tells(t, res, map[string]string{"status": "cancelled", "cancellationReason": "the customer is ill", "days": "10", "totalAmount": "555"})
	if res.Text("data.cancelledAt") != "2026-07-01T10:00:00.000Z" {
		t.Errorf("cancelledAt: %s", res)
	}
	coded(t, "once more", cancel(upcoming, "the customer is ill"), 409, "contract_cancelled")
	ok(t, cancel(active, "the car broke down"))
	held := ok(t, w.User.Do("GET", "/api/cars/"+car+"/availability?from=2026-06-28&to=2026-12-31", nil))
	if held.Len("data") != 1 || held.Text("data.0.start") != "2026-06-28" || held.Text("data.0.end") != "2026-07-01" {
		t.Errorf("what a cancelled contract holds: %s", held)
	}
	w.rent(t, car, "2026-07-01", "2026-07-20")
	coded(t, "new days for a cancelled contract", w.Employee.Do("PATCH", "/api/contracts/"+upcoming, apptest.JSON{"endDate": "2026-07-21"}), 409, "contract_cancelled")
	tells(t, w.Employee.Do("PATCH", "/api/contracts/"+upcoming, apptest.JSON{"additionalNotes": "paid back"}), map[string]string{"additionalNotes": "paid back", "status": "cancelled"})
	whole := w.Employee.Do("GET", "/api/contracts/"+upcoming, nil)
	if res := w.Employee.Do("PUT", "/api/contracts/"+upcoming, whole.At("data")); res.Status != 200 || res.Header.Get("ETag") != whole.Header.Get("ETag") {
		t.Errorf("a cancelled contract sent back: %s", res)
	}
	// Three of the six days were held: half of 6 × 55.5.
	res = ok(t, w.Employee.Do("POST", "/api/contracts/revenue/date-range", apptest.JSON{"startDate": "2026-06-28", "endDate": "2026-07-01"}))
	if res.Text("data.revenue") != "166.5" {
		t.Errorf("revenue of a cancelled contract: %s", res)
	}
	today := w.rent(t, w.newCar("CANCEL-2"), "2026-07-01", "2026-07-05")
	ok(t, cancel(today, "did not turn up"))
	if res := ok(t, w.User.Do("GET", "/api/cars/CANCEL-2", nil)); res.At("data.rentedNow") != false || res.Text("data.nextFreeOn") != "2026-07-01" {
		t.Errorf("cancelled on its first day: %s", res)
	}
}

func deletes(t *testing.T, w *world) {
	car := w.newCar("DELETE-1")
	began, upcoming := w.rent(t, car, "2026-07-01", "2026-07-02"), w.rent(t, car, "2026-07-02", "2026-07-03")
	coded(t, "a contract that began", w.Admin.Do("DELETE", "/api/contracts/"+began, nil), 409, "contract_began")
	checkFailure(t, "by an employee", w.Employee.Do("DELETE", "/api/contracts/"+upcoming, nil), 403)
	number := ok(t, w.Employee.Do("GET", "/api/contracts/"+upcoming, nil)).Text("data.number")
	ok(t, w.Admin.Do("DELETE", "/api/contracts/"+upcoming, nil))
	coded(t, "once more", w.Admin.Do("DELETE", "/api/contracts/"+upcoming, nil), 404, "no_contract")
	again := ok(t, w.Employee.Do("GET", "/api/contracts/"+w.rent(t, car, "2026-07-02", "2026-07-03"), nil))
	if again.Text("data.number") <= number {
		t.Errorf("the number %s came again as %s", number, again.Text("data.number"))
	}
}

func checks(t *testing.T, w *world) {
	car := w.newCar("CHECK-1")
	id := w.rent(t, car, "2026-08-01", "2026-08-05")
	body := apptest.JSON{"carId": car, "startDate": "2026-08-04", "endDate": "2026-08-06"}
	res := ok(t, w.Employee.Do("POST", "/api/contracts/check-availability", body))
	if string(res.Body) == "" || res.At("data.available") != false || res.Len("data.conflicts") != 1 || res.Text("data.conflicts.0.start") != "2026-08-01" || res.Text("data.conflicts.0.end") != "2026-08-05" || res.Text("data.conflicts.0.kind") != "contract" {
		t.Errorf("a conflict: %s", res)
	}
	body["excludeId"] = id
	if res := ok(t, w.Employee.Do("POST", "/api/contracts/check-availability", body)); res.At("data.available") != true || res.Len("data.conflicts") != 0 {
		t.Errorf("without the contract itself: %s", res)
	}
	for _, other := range []string{unknownID, "CHECK-1"} { // a license plate is no id
		body["carId"] = other
		same(t, "the car "+other, checkFailure(t, other, w.Employee.Do("POST", "/api/contracts/check-availability", body), 422), "carId")
	}
}

func TestContractLists(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		if _, err := w.raw.Exec("DELETE FROM holds"); err != nil {
			t.Fatal(err)
		}
		ids := map[string]string{w.contract: "far"}
		for name, days := range map[string][2]string{
			"ended": {"2026-06-01", "2026-06-30"}, "today": {"2026-06-20", "2026-07-01"}, "active": {"2026-07-01", "2026-07-08"}, "soon": {"2026-07-02", "2026-07-09"}, "old": {"2026-05-01", "2026-05-02"},
		} {
			ids[w.rent(t, w.newCar("LIST-"+name), days[0], days[1])] = name
		}
		gone := w.rent(t, w.newCar("LIST-X"), "2026-06-20", "2026-07-05")
		ids[gone] = "cancelled"
		ok(t, w.Employee.Do("POST", "/api/contracts/"+gone+"/cancel", apptest.JSON{"reason": "the customer is ill"}))
		list := func(method, path string, body any, want string) {
			t.Helper()
			var got []string
			for _, id := range all(t, w.Employee.Do(method, path, body), "id") {
				got = append(got, ids[id])
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s %s: %v, want %s", method, path, got, want)
			}
		}
		for path, want := range map[string]string{
			"?sort=startDate":                                 "old ended today cancelled active soon far",
			"?sort=-endDate":                                  "far soon active cancelled today ended old",
			"?status=upcoming&sort=startDate":                 "soon far",
			"?status=cancelled":                               "cancelled",
			"?from=2026-07-01&to=2026-07-02&sort=startDate":   "cancelled active",
			"?from=2026-07-08&to=2026-07-08&sort=startDate":   "soon",
			"?to=2026-05-02":                                  "old",
			"?from=2026-07-10":                                "far",
			"?q=A12":                                          "far",
			"?q=list-SOON":                                    "soon",
			"?q=sacir&sort=startDate&limit=1":                 "old",
			"?q=00001":                                        "far",
			"?carId=" + w.car:                                 "far",
			"?carId=" + unknownID:                             "",
			"?customerId=" + w.customer + "&status=cancelled": "cancelled",
			"/active?sort=endDate":                            "today active",
			"/expired":                                        "ended old",
			"/expiring":                                       "today active",
			"/expiring?days=8":                                "today active soon",
			"/expiring?days=0":                                "today",
			"/active?limit=1&sort=-endDate":                   "active",
			"/active?status=active&sort=endDate":              "today active",
		} {
			list("GET", "/api/contracts"+path, nil, want)
		}
		checkFailure(t, "another status", w.Employee.Do("GET", "/api/contracts/active?status=ended", nil), 400)
		list("POST", "/api/contracts/date-range?sort=startDate", apptest.JSON{"startDate": "2026-07-01", "endDate": "2026-07-03"}, "cancelled active soon")
		list("POST", "/api/contracts/date-range?sort=startDate", apptest.JSON{"startDate": "2026-07-02", "endDate": "2026-07-02"}, "cancelled active soon")
		list("GET", "/api/customers/"+w.customer+"/contracts?status=active&sort=endDate", nil, "today active")
		coded(t, "contracts of nobody", w.Employee.Do("GET", "/api/customers/"+unknownID+"/contracts", nil), 404, "no_customer")
		list("GET", "/api/contracts/pending-notification?sort=startDate&status=active", nil, "today active")
		for id, name := range ids {
			if name == "today" {
				tells(t, w.Employee.Do("POST", "/api/contracts/"+id+"/mark-notification-sent", nil), map[string]string{"notificationSent": "true", "version": "2"})
				tells(t, w.Employee.Do("POST", "/api/contracts/"+id+"/mark-notification-sent", nil), map[string]string{"notificationSent": "true", "version": "2"})
			}
		}
		list("GET", "/api/contracts/pending-notification?sort=startDate&status=active", nil, "active")
		w.Clock.Move(24 * time.Hour) // 2 July
		w.Employee = w.Nobody.SignIn("emir")
		list("GET", "/api/contracts/active?sort=endDate", nil, "active soon")
		list("GET", "/api/contracts/expired", nil, "today ended old")
	})
}

func TestRevenue(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		ok(t, w.Employee.Do("PATCH", "/api/contracts/"+w.contract, apptest.JSON{"totalAmount": 100})) // 9 days
		of := func(start, end string) string {
			return ok(t, w.Employee.Do("POST", "/api/contracts/revenue/date-range", apptest.JSON{"startDate": start, "endDate": end})).Text("data.revenue")
		}
		for days, want := range map[[2]string]string{
			{"2026-08-01", "2026-08-10"}: "100", {"2026-08-01", "2026-08-02"}: "11.11", {"2026-08-02", "2026-08-03"}: "11.11", {"2026-08-05", "2026-08-06"}: "11.12",
			{"2026-08-01", "2026-08-01"}: "11.11", {"2026-07-01", "2026-08-01"}: "0", {"2026-08-10", "2026-12-01"}: "0", {"2026-01-01", "2026-12-31"}: "100",
		} {
			if got := of(days[0], days[1]); got != want {
				t.Errorf("revenue of %v is %s, want %s", days, got, want)
			}
		}
		sum := 0.0
		for day := 1; day < 10; day++ {
			var v float64
			_, _ = fmt.Sscan(of(fmt.Sprintf("2026-08-%02d", day), fmt.Sprintf("2026-08-%02d", day+1)), &v)
			sum += v
		}
		if fmt.Sprintf("%.2f", sum) != "100.00" {
			t.Errorf("the days add up to %f", sum)
		}
		if total := ok(t, w.Employee.Do("GET", "/api/contracts/revenue/total", nil)); total.Text("data.totalRevenue") != "100" {
			t.Errorf("total: %s", total)
		}
	})
}
