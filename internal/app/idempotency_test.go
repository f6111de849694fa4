package app_test

import (
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
)

// creates are the routes that take an Idempotency-Key with a body for each and
// one that is refused.
func (w *world) creates() map[string][2]apptest.JSON {
	return map[string][2]apptest.JSON{
		"/api/users":     {{"username": "key", "email": "key@example.com", "password": apptest.Password}, {"username": "k", "email": "key@example.com", "password": apptest.Password}},
		"/api/cars":      {apptest.Car("KEY-1"), apptest.Car("#")},
		"/api/customers": {apptest.Customer("KEY1"), {"name": "K"}},
		"/api/contracts": {apptest.Contract(w.car, w.customer, "2026-10-01", "2026-10-05"), apptest.Contract(w.car, w.customer, "2026-08-01", "2026-08-02")},
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		for path, bodies := range w.creates() {
			good, bad := bodies[0], bodies[1]
			for range 2 { // an error leaves no key
				if res := c.Admin.Do("POST", path, bad, "Idempotency-Key: k-1"); res.Status != 422 && res.Status != 409 || res.Header.Get("Idempotency-Replayed") != "" {
					t.Errorf("POST %s: %s", path, res)
				}
			}
			first := c.Admin.Do("POST", path, good, "Idempotency-Key: k-1")
			if first.Status != 201 || first.Header.Get("Idempotency-Replayed") != "" || first.Header.Get("Location") != path+"/"+first.Text("data.id") {
				t.Fatalf("POST %s: %s %v", path, first, first.Header)
			}
			before := w.state(t)
			for _, quoted := range []string{"k-1", `"k-1"`} {
				again := c.Admin.Do("POST", path+"/", good, "Idempotency-Key: "+quoted)
				if again.Status != 201 || string(again.Body) != string(first.Body) || again.Header.Get("Idempotency-Replayed") != "true" || again.Header.Get("Location") != first.Header.Get("Location") {
					t.Errorf("POST %s again: %s %v", path, again, again.Header)
				}
			}
			other := maps.Clone(good)
			other["name"] = "Other"
			res := c.Admin.Do("POST", path, other, "Idempotency-Key: k-1")
			if checkFailure(t, "another body", res, 422); res.Text("code") != "idempotency_key_reused" {
				t.Errorf("POST %s with another body: %s", path, res)
			}
			for _, bad := range []string{`""`, strings.Repeat("k", 256), "a b", "š", `"` + strings.Repeat("k", 256) + `"`} {
				checkFailure(t, "key "+bad, c.Admin.Do("POST", path, good, "Idempotency-Key: "+bad), 400)
			}
			checkFailure(t, "nobody's key", c.Nobody.Do("POST", path, good, "Idempotency-Key: k-1"), 401)
			checkFailure(t, "a user's key", c.User.Do("POST", path, good, "Idempotency-Key: k-1"), 403)
			w.unchanged(t, before, "the same again")
			checkFailure(t, "another key", c.Admin.Do("POST", path, good, "Idempotency-Key: "+strings.Repeat("k", 255)), 409)
		}
		customer := apptest.Customer("EMIR")
		if res := c.Employee.Do("POST", "/api/customers", customer, "Idempotency-Key: k-1"); res.Status != 201 || res.Header.Get("Idempotency-Replayed") != "" {
			t.Errorf("the same key of somebody else: %s", res)
		}
		c.Clock.Move(24*time.Hour + time.Second)
		emir := c.Nobody.SignIn("emir")
		checkFailure(t, "a day later", emir.Do("POST", "/api/customers", customer, "Idempotency-Key: k-1"), 409)
	})
}

// TestSameKeyAtOnce: 50 parallel requests with one key make one row.
func TestSameKeyAtOnce(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		w := newWorld(t, c)
		for path, bodies := range w.creates() {
			var wg sync.WaitGroup
			answers := make([]apptest.Response, 50)
			for i := range answers {
				wg.Go(func() { answers[i] = c.Admin.Do("POST", path, bodies[0], "Idempotency-Key: at-once") })
			}
			wg.Wait()
			made, replayed := 0, 0
			for _, res := range answers {
				switch {
				case res.Status == 201 && res.Header.Get("Idempotency-Replayed") == "true":
					replayed++
				case res.Status == 201:
					made++
				case res.Status != 409 || res.Text("code") != "in_progress":
					t.Errorf("POST %s: %s", path, res)
				}
				if res.Status == 201 && string(res.Body) != string(answers[0].Body) && answers[0].Status == 201 {
					t.Errorf("POST %s: %s, and %s", path, res, answers[0])
				}
			}
			if made != 1 || replayed == 0 {
				t.Errorf("POST %s: %d were made, %d replayed", path, made, replayed)
			}
		}
	})
}
