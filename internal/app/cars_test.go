package app_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
)

// coded fails unless res is a failure of this status and code.
func coded(t *testing.T, what string, res apptest.Response, status int, code string) {
	t.Helper()
	if checkFailure(t, what, res, status); res.Text("code") != code {
		t.Errorf("%s: the code is %q, want %q: %.300s", what, res.Text("code"), code, res)
	}
}

// ok fails unless res is a success, and returns it.
func ok(t *testing.T, res apptest.Response) apptest.Response {
	t.Helper()
	if res.Status != 200 && res.Status != 201 {
		t.Fatalf("got %.300s", res)
	}
	return res
}

// all returns the text of one field of each item in a list.
func all(t *testing.T, res apptest.Response, field string) []string {
	t.Helper()
	out := []string{}
	for i := range ok(t, res).Len("data") {
		out = append(out, res.Text(fmt.Sprintf("data.%d.%s", i, field)))
	}
	return out
}

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestCars(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		car := ok(t, c.User.Do("GET", "/api/cars/"+w.car, nil))
		for field, want := range map[string]string{"status": "available", "mileage": "0", "rentedNow": "false", "nextFreeOn": "2026-07-01", "isArchived": "false", "version": "1"} {
			if got := car.Text("data." + field); got != want {
				t.Errorf("%s of a new car is %s, want %s", field, got, want)
			}
		}
		t.Run("plates", func(t *testing.T) { plates(t, w) })
		t.Run("mileage", func(t *testing.T) { mileage(t, w) })
		t.Run("archive", func(t *testing.T) { archive(t, w) })
		t.Run("delete", func(t *testing.T) { deleteCar(t, w) })
		t.Run("year", func(t *testing.T) {
			for year, status := range map[int]int{1899: 422, 1900: 200, 2027: 200, 2028: 422} {
				if res := c.Admin.Do("PATCH", "/api/cars/"+w.car, apptest.JSON{"year": year}); res.Status != status {
					t.Errorf("year %d: %s", year, res)
				}
			}
		})
		t.Run("photo", func(t *testing.T) {
			for photo, status := range map[string]int{"https://example.com/a.jpg": 200, "upload-1.jpg": 200, "javascript:alert(1)": 422, "../etc/passwd": 422, "ftp://example.com/x": 422, "https://": 422} {
				if res := c.Admin.Do("PATCH", "/api/cars/"+w.car, apptest.JSON{"photoUrl": photo}); res.Status != status {
					t.Errorf("photo %s: %s", photo, res)
				}
			}
		})
	})
}

func plates(t *testing.T, w *world) {
	for _, plate := range []string{"A12-K-345", "a12-k-345", "A12K345", "a 12 k 345"} {
		if res := w.User.Do("GET", "/api/cars/"+url.PathEscape(plate), nil); res.Text("data.id") != w.car {
			t.Errorf("GET by the plate %s: %s", plate, res)
		}
		coded(t, "the plate "+plate+" again", w.Admin.Do("POST", "/api/cars", apptest.Car(plate)), 409, "license_plate_taken")
	}
	if res := w.User.Do("GET", "/api/cars/"+strings.ToUpper(w.car), nil); res.Text("data.id") != w.car {
		t.Errorf("GET by an id in capitals: %s", res)
	}
	other := w.Admin.Make("/api/cars", apptest.Car("Š 99-Č"))
	coded(t, "another's plate", w.Admin.Do("PATCH", "/api/cars/"+other, apptest.JSON{"licensePlate": "A12K345"}), 409, "license_plate_taken")
	path := "/api/cars/" + url.PathEscape("š99č")
	for _, call := range [][2]string{{"PATCH", ""}, {"PUT", ""}, {"POST", "/archive"}, {"POST", "/unarchive"}, {"GET", "/availability?from=2026-07-01&to=2026-07-02"}} {
		if res := w.Admin.Do(call[0], path+call[1], nil); res.Status != 200 {
			t.Errorf("%s %s: %s", call[0], path+call[1], res)
		}
	}
	ok(t, w.Admin.Do("PATCH", path+"/mileage", apptest.JSON{"mileage": 5}))
	ok(t, w.Admin.Do("DELETE", path, nil))
	coded(t, "a deleted car", w.Admin.Do("GET", path, nil), 404, "no_car")
	coded(t, "a deleted car", w.Admin.Do("PATCH", "/api/cars/"+other, apptest.JSON{"color": "red"}), 404, "no_car")
	w.Admin.Make("/api/cars", apptest.Car("Š99Č")) // its plate is free again
}

func mileage(t *testing.T, w *world) {
	path := "/api/cars/" + w.car
	ok(t, w.Employee.Do("PATCH", path+"/mileage", apptest.JSON{"mileage": 1000}))
	for _, p := range []string{path, path + "/mileage"} {
		for _, why := range []any{nil, "", "  "} {
			res := w.Employee.Do("PATCH", p, apptest.JSON{"mileage": 999, "mileageCorrection": why})
			same(t, "mileage down", checkFailure(t, "mileage down", res, 422), "mileage")
		}
	}
	res := ok(t, w.Employee.Do("PATCH", path+"/mileage", apptest.JSON{"mileage": 999, "mileageCorrection": "misread"}))
	if res.Text("data.mileage") != "999" || res.At("data.mileageCorrection") != nil {
		t.Errorf("a correction: %s", res)
	}
	if audit := w.Admin.Do("GET", "/api/audit-logs?limit=1", nil); !strings.Contains(audit.Text("data.0.description"), "misread") {
		t.Errorf("a correction in the audit log: %s", audit)
	}
	checkFailure(t, "mileage by a user", w.User.Do("PATCH", path+"/mileage", apptest.JSON{"mileage": 2000}), 403)
}

func archive(t *testing.T, w *world) {
	id := w.Admin.Make("/api/cars", apptest.Car("ARC-1"))
	res := ok(t, w.Admin.Do("POST", "/api/cars/"+id+"/archive", nil))
	if res.At("data.isArchived") != true || res.Text("data.archivedBy.username") != "amra" || res.Text("data.archivedAt") == "" || res.Text("data.version") != "2" {
		t.Errorf("archive: %s", res)
	}
	if again := ok(t, w.Admin.Do("POST", "/api/cars/"+id+"/archive", nil)); again.Text("data.version") != "2" {
		t.Errorf("archive again: %s", again)
	}
	for query, want := range map[string]bool{"": false, "?archived=false": false, "?archived=true": true, "?archived=all": true} {
		if got := slices.Contains(all(t, w.User.Do("GET", "/api/cars"+query, nil), "id"), id); got != want {
			t.Errorf("an archived car in /api/cars%s: %t", query, got)
		}
	}
	if slices.Contains(all(t, w.User.Do("GET", "/api/cars/available?from=2026-07-01&to=2026-07-02", nil), "id"), id) {
		t.Error("an archived car is available")
	}
	coded(t, "to rent an archived car", w.Employee.Do("POST", "/api/contracts", apptest.Contract(id, w.customer, "2026-07-01", "2026-07-02")), 409, "car_archived")
	if res := ok(t, w.Admin.Do("POST", "/api/cars/"+id+"/unarchive", nil)); res.At("data.isArchived") != false || res.At("data.archivedAt") != nil || res.At("data.archivedBy") != nil {
		t.Errorf("unarchive: %s", res)
	}
}

func deleteCar(t *testing.T, w *world) {
	before := w.state(t)
	coded(t, "a car with an upcoming contract", w.Admin.Do("DELETE", "/api/cars/"+w.car, nil), 409, "car_in_use")
	coded(t, "a customer with an upcoming contract", w.Admin.Do("DELETE", "/api/customers/"+w.customer, nil), 409, "customer_in_use")
	w.unchanged(t, before, "refused deletes")
	id := w.Admin.Make("/api/cars", apptest.Car("DEL-1"))
	contract := w.Employee.Make("/api/contracts", apptest.Contract(id, w.customer, "2026-06-01", "2026-07-01"))
	coded(t, "a car on its return day", w.Admin.Do("DELETE", "/api/cars/"+id, nil), 409, "car_in_use")
	w.Clock.Move(24 * time.Hour)
	defer w.Clock.Move(-24 * time.Hour)
	admin := w.Nobody.SignIn("amra")
	if res := ok(t, admin.Do("DELETE", "/api/cars/"+id, nil)); !strings.Contains(string(res.Body), `"data":null`) {
		t.Errorf("DELETE: %s", res)
	}
	coded(t, "once more", admin.Do("DELETE", "/api/cars/"+id, nil), 404, "no_car")
	if res := ok(t, admin.Do("GET", "/api/contracts/"+contract, nil)); res.Text("data.car.licensePlate") != "DEL-1" {
		t.Errorf("the contract of a deleted car: %s", res)
	}
}

// TestFreeDays asks every route that tells what is free about one run of contracts.
func TestFreeDays(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		busy, idle := w.Admin.Make("/api/cars", apptest.Car("BUSY-1")), w.car
		for _, days := range [][2]string{{"2026-06-28", "2026-07-03"}, {"2026-07-03", "2026-07-03"}, {"2026-07-06", "2026-07-08"}} {
			w.Employee.Make("/api/contracts", apptest.Contract(busy, w.customer, days[0], days[1]))
		}
		car := ok(t, c.User.Do("GET", "/api/cars/"+busy, nil))
		if car.Text("data.rentedNow") != "true" || car.Text("data.nextFreeOn") != "2026-07-04" { // 3 July is held by a day's contract
			t.Errorf("today: %s", car)
		}
		for days, want := range map[[2]string]bool{
			{"2026-07-03", "2026-07-03"}: false, // one day
			{"2026-07-04", "2026-07-04"}: true,
			{"2026-07-04", "2026-07-06"}: true, // half-open
			{"2026-07-04", "2026-07-07"}: false,
			{"2026-07-08", "2026-07-20"}: true,
			{"2026-06-01", "2026-06-28"}: true,
			{"2026-06-01", "2026-12-31"}: false,
		} {
			q := "?from=" + days[0] + "&to=" + days[1]
			listed := slices.Contains(all(t, c.User.Do("GET", "/api/cars/available"+q, nil), "id"), busy)
			posted := slices.Contains(all(t, c.User.Do("POST", "/api/cars/available-period", apptest.JSON{"startingDate": days[0], "endingDate": days[1]}), "id"), busy)
			held := ok(t, c.User.Do("GET", "/api/cars/"+busy+"/availability"+q, nil)).Len("data") == 0
			checked := ok(t, c.Employee.Do("POST", "/api/contracts/check-availability", apptest.JSON{"carId": busy, "startDate": days[0], "endDate": days[1]})).At("data.available")
			if listed != want || posted != want || held != want || checked != want {
				t.Errorf("%v: available %t, available-period %t, availability %t, check-availability %v, want %t", days, listed, posted, held, checked, want)
			}
		}
		res := ok(t, c.Employee.Do("GET", "/api/cars/calendar?from=2026-07-01&to=2026-08-01", nil))
		if res.Text("data.from") != "2026-07-01" || res.Text("data.to") != "2026-08-01" || res.Len("data.cars") != 2 {
			t.Errorf("the calendar: %s", res)
		}
		for i := range 2 {
			at := fmt.Sprintf("data.cars.%d.", i)
			if id := res.Text(at + "id"); id == busy && (res.Len(at+"holds") != 3 || res.Text(at+"holds.1.start") != "2026-07-03" || res.Text(at+"holds.1.end") != "2026-07-04" || res.Text(at+"holds.1.customerName") != "Šaćir Đurić") ||
				id == idle && res.Len(at+"holds") != 0 {
				t.Errorf("the calendar: %s", res)
			}
		}
		ok(t, c.Employee.Do("GET", "/api/cars/calendar?from=2026-07-01&to=2026-10-01", nil)) // 92 days
		checkFailure(t, "93 days", c.Employee.Do("GET", "/api/cars/calendar?from=2026-07-01&to=2026-10-02", nil), 400)
		ok(t, w.Admin.Do("PATCH", "/api/cars/"+busy, apptest.JSON{"status": "maintenance"}))
		if slices.Contains(all(t, c.User.Do("GET", "/api/cars/available?from=2026-08-20&to=2026-08-21", nil), "id"), busy) {
			t.Error("a car in maintenance is available")
		}
	})
}

func TestCarLists(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		for i, car := range []apptest.JSON{
			{"manufacturer": "Škoda", "model": "Fabia", "licensePlate": "A-1", "pricePerDay": 40, "seats": 5, "mileage": 10, "year": 2020, "category": "economy"},
			{"manufacturer": "Volkswagen", "model": "Golf 100%", "licensePlate": "B-2", "pricePerDay": 55.5, "seats": 5, "mileage": 20, "year": 2021, "category": "compact", "fuelType": "petrol"},
			{"manufacturer": "Citroën", "model": "C_4", "licensePlate": "C-3", "pricePerDay": 60.05, "mileage": 30, "year": 2019, "category": "family", "transmission": "automatic"},
			{"manufacturer": "Kia", "model": `Ceed 'GT' \ "x"`, "licensePlate": "D-4", "pricePerDay": 70, "seats": 7, "mileage": 40, "year": 2022, "category": "van", "status": "unavailable"},
		} {
			full := apptest.Car("")
			for k, v := range car {
				full[k] = v
			}
			c.Admin.Make("/api/cars", full)
			c.Clock.Move(time.Duration(i+1) * time.Millisecond)
		}
		for q, want := range map[string]string{
			"": "A-1 B-2 C-3 D-4", "q=skoda": "A-1", "q=ŠKODA": "A-1", "q=citroen": "C-3", "q=%25": "B-2", "q=_": "C-3", "q='": "D-4", "q=\\": "D-4", "q=%22": "D-4", "q=-1": "A-1", "q=zzz": "",
			"status=unavailable": "D-4", "category=van": "D-4", "manufacturer=skoda": "A-1", "model=fabia": "A-1", "fuelType=petrol": "B-2", "transmission=automatic": "C-3",
			"minPrice=55.5": "B-2 C-3 D-4", "maxPrice=55.5": "A-1 B-2", "minPrice=55.51&maxPrice=60.05": "C-3", "minSeats=6": "D-4", "maxMileage=20": "A-1 B-2", "minPrice=0&maxPrice=0": "",
			"sort=createdAt": "A-1 B-2 C-3 D-4", "sort=-createdAt": "D-4 C-3 B-2 A-1", "sort=pricePerDay": "A-1 B-2 C-3 D-4", "sort=-pricePerDay": "D-4 C-3 B-2 A-1", "sort=year": "C-3 A-1 B-2 D-4",
			"sort=-mileage": "D-4 C-3 B-2 A-1", "sort=licensePlate": "A-1 B-2 C-3 D-4", "sort=-manufacturer": "B-2 A-1 D-4 C-3",
		} {
			got := strings.Join(all(t, c.User.Do("GET", "/api/cars?"+escaped(q), nil), "licensePlate"), " ")
			if got != want {
				t.Errorf("%s: %s, want %s", q, got, want)
			}
		}
		pages(t, c.User, "/api/cars?sort=-pricePerDay", "D-4", "C-3", "B-2", "A-1")
		pages(t, c.User, "/api/cars?sort=manufacturer&category=", "C-3", "D-4", "A-1", "B-2")
	})
}

func escaped(q string) string {
	return strings.NewReplacer(`\`, "%5C", "'", "%27", "Š", "%C5%A0", " ", "%20").Replace(q)
}

// pages reads a list page by page, by number and by cursor, and compares.
func pages(t *testing.T, c *apptest.Client, path string, plates ...string) {
	t.Helper()
	const limit = 3
	cursor := ""
	for page := 1; (page-1)*limit < len(plates); page++ {
		rest := plates[(page-1)*limit:]
		want := rest[:min(limit, len(rest))]
		byNumber := c.Do("GET", fmt.Sprintf("%s&limit=%d&page=%d", path, limit, page), nil)
		same(t, path, all(t, byNumber, "licensePlate"), want...)
		var p struct {
			Page, Limit, Total, TotalPages int
			HasNext, HasPrevious           bool
			NextCursor                     *string
		}
		raw, _ := json.Marshal(byNumber.At("pagination"))
		if err := json.Unmarshal(raw, &p); err != nil {
			t.Fatal(err)
		}
		more := len(rest) > limit
		if p.Page != page || p.Limit != limit || p.Total != len(plates) || p.TotalPages != (len(plates)+limit-1)/limit || p.HasNext != more || p.HasPrevious != (page > 1) || (p.NextCursor != nil) != more {
			t.Errorf("%s: page %d is %s", path, page, raw)
		}
		if page > 1 {
			byCursor := c.Do("GET", path+"&limit=3&cursor="+cursor, nil)
			same(t, path+" by cursor", all(t, byCursor, "licensePlate"), want...)
			if byCursor.At("pagination.page") != nil || byCursor.Text("pagination.total") != fmt.Sprint(len(plates)) || byCursor.At("pagination.hasPrevious") != true {
				t.Errorf("%s by cursor: %s", path, byCursor)
			}
		}
		if cursor = byNumber.Text("pagination.nextCursor"); cursor != "" {
			checkFailure(t, "page and cursor", c.Do("GET", path+"&limit=3&page=2&cursor="+cursor, nil), 400)
			checkFailure(t, "a cursor of another sort", c.Do("GET", "/api/cars?sort=year&cursor="+cursor, nil), 400)
		}
	}
	beyond := ok(t, c.Do("GET", path+"&limit=1000&page=10", nil))
	if beyond.Len("data") != 0 || beyond.Text("pagination.total") != fmt.Sprint(len(plates)) || !strings.Contains(string(beyond.Body), `"data":[]`) {
		t.Errorf("a page beyond: %s", beyond)
	}
	checkFailure(t, "beyond row 10,000", c.Do("GET", path+"&limit=1000&page=11", nil), 400)
	checkFailure(t, "beyond row 10,000", c.Do("GET", path+"&limit=1&page=10001", nil), 400)
	ok(t, c.Do("GET", path+"&limit=1&page=10000", nil))
}
