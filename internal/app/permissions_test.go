package app_test

import (
	"slices"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
)

// TestPermissions calls every route of the table as every role: who may not is
// told so, and who may gets past.
func TestPermissions(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		before := w.state(t)
		clients := []*apptest.Client{c.Nobody, c.User, c.Employee, c.Admin}
		names := []string{"anyone", "user", "employee", "admin"}
		for _, r := range c.API.Routes() {
			least := slices.Index(names, r.Role)
			if least < 0 {
				t.Fatalf("%s %s is for %q", r.Method, r.Path, r.Role)
			}
			op := d.at(t, r.Method, r.Path)
			for i, client := range clients {
				what := r.Method + " " + r.Path + " as " + names[i]
				// An unknown parameter is refused after the caller was let in, so that nothing happens.
				res := client.Do(r.Method, w.fill(r.Path)+query(op)+"unknown=1", nil)
				switch {
				case i >= least:
					checkFailure(t, what, res, 400)
				case i == 0:
					checkFailure(t, what, res, 401)
				default:
					checkFailure(t, what, res, 403)
				}
				if i < least && res.Header.Get("Allow") != "" {
					t.Errorf("%s: %v", what, res.Header)
				}
			}
		}
		w.unchanged(t, before, "asking")
	})
}

// TestGETsAsEveryRole makes sure that who may read is in fact answered.
func TestGETsAsEveryRole(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		rank := map[string]int{"anyone": 0, "user": 1, "employee": 2, "admin": 3}
		for _, r := range c.API.Routes() {
			if r.Method != "GET" || strings.HasPrefix(r.Path, "/api/auth/") {
				continue
			}
			for i, client := range []*apptest.Client{c.Nobody, c.User, c.Employee, c.Admin} {
				res := client.Do("GET", w.fill(r.Path)+query(d.at(t, "GET", r.Path)), nil)
				want := 200
				if i < rank[r.Role] {
					want = 403
				}
				if i == 0 && rank[r.Role] > 0 {
					want = 401
				}
				if res.Status != want {
					t.Errorf("GET %s as %d: got %s, want %d", r.Path, i, res, want)
				}
			}
		}
	})
}

func TestFieldPermissions(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		t.Run("employees change status, mileage and location of a car", func(t *testing.T) { deskFields(t, w) })
		t.Run("users see no people", func(t *testing.T) { noPeople(t, w) })
		t.Run("the own profile has no role", func(t *testing.T) { ownProfile(t, w) })
	})
}

func deskFields(t *testing.T, w *world) {
	path := "/api/cars/" + w.car
	res := w.Employee.Do("PATCH", path, apptest.JSON{"status": "maintenance", "mileage": 100, "currentLocation": "Mostar"})
	if res.Status != 200 || res.Text("data.status") != "maintenance" || res.Text("data.updatedBy.username") != "emir" {
		t.Errorf("desk fields: %s", res)
	}
	before := w.state(t)
	for name, v := range map[string]any{
		"manufacturer": "VW", "model": "Golf", "year": 2020, "licensePlate": "NEW-1", "fuelType": "petrol", "transmission": "automatic",
		"pricePerDay": 1, "category": "suv", "chassisNumber": "WVWZZZ1KZAW000001", "color": "red", "seats": 5, "doors": 5, "enginePower": 90, "photoUrl": "x.jpg",
	} {
		checkFailure(t, "employee changes "+name, w.Employee.Do("PATCH", path, apptest.JSON{name: v, "status": "available"}), 403)
	}
	w.unchanged(t, before, "an employee's other fields")
	whole := w.Employee.Do("GET", path, nil).At("data")
	if res := w.Employee.Do("PUT", path, whole); res.Status != 200 {
		t.Errorf("a car sent back by an employee: %s", res)
	}
	w.unchanged(t, before, "a car sent back by an employee")
	if res := w.Employee.Do("PATCH", path+"/mileage", apptest.JSON{"mileage": 101}); res.Status != 200 {
		t.Errorf("mileage by an employee: %s", res)
	}
	w.Employee.Do("PATCH", path, apptest.JSON{"status": "available"})
}

func noPeople(t *testing.T, w *world) {
	for _, path := range []string{"/api/cars/" + w.car, "/api/cars"} {
		at := "data."
		if path == "/api/cars" {
			at = "data.0."
		}
		staff, user := w.Employee.Do("GET", path, nil), w.User.Do("GET", path, nil)
		for _, name := range []string{"createdBy", "updatedBy"} {
			if staff.Text(at+name+".username") == "" || user.At(at+name) != nil {
				t.Errorf("%s of %s: staff %s, user %s", name, path, staff, user)
			}
		}
		if user.Text(at+"pricePerDay") != "55.5" {
			t.Errorf("a user sees no price: %s", user)
		}
	}
	person, _ := w.Employee.Do("GET", "/api/cars/"+w.car, nil).At("data.createdBy").(map[string]any)
	if len(person) != 4 || person["id"] == nil || person["username"] != "amra" || person["role"] != "admin" {
		t.Errorf("a nested person is %v", person)
	}
	path := "/api/cars/" + w.car + "/availability?from=2026-08-01&to=2026-08-31"
	staff, user := w.Employee.Do("GET", path, nil), w.User.Do("GET", path, nil)
	for _, name := range []string{"contractId", "customerName", "customerPassportNumber", "totalAmount"} {
		if staff.At("data.0."+name) == nil || user.At("data.0."+name) != nil {
			t.Errorf("availability: %s: staff %s, user %s", name, staff, user)
		}
	}
	if user.Text("data.0.start") != "2026-08-01" || user.Text("data.0.end") != "2026-08-10" || user.Text("data.0.kind") != "contract" {
		t.Errorf("availability for a user: %s", user)
	}
}

func ownProfile(t *testing.T, w *world) {
	for _, client := range []*apptest.Client{w.User, w.Employee} {
		before := client.Do("GET", "/api/users/me", nil)
		res := client.Do("PATCH", "/api/users/me", apptest.JSON{"role": "admin", "active": false, "version": 99})
		if res.Status != 200 || res.Text("data.role") != before.Text("data.role") || res.Text("data.active") != "true" || res.Text("data.version") != before.Text("data.version") {
			t.Errorf("own role: %s", res)
		}
	}
	if res := w.User.Do("PATCH", "/api/users/me", apptest.JSON{"name": "Uma Žuljević", "phone": "+387 33 123 456"}); res.Text("data.name") != "Uma Žuljević" {
		t.Errorf("own name: %s", res)
	}
	checkFailure(t, "another's password", w.Employee.Do("PUT", "/api/users/"+w.spare+"/password",
		apptest.JSON{"currentPassword": apptest.Password, "newPassword": "another-Lamp-Neretva-5"}), 403)
}
