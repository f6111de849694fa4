package app_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/overload"
)

// Who is refused at once and comes again, as told, is not locked out for it.
func TestRefusedDoNotCount(t *testing.T) {
	t.Parallel()
	onSQLite(t, func(t *testing.T, c *apptest.Company) {
		other := c.Beside(t, func(c *config.Config) { c.RateLimitRead = "10/15m" })
		if res := other.User.Do("GET", "/api/users/me", nil); res.Status != http.StatusOK {
			t.Fatal(res)
		}
		gate := overload.New(overload.Room{Reports: 1, Reads: 1, All: 1})
		other.API.Gate = gate
		other.DB.Guard(gate.Pass)
		leave, err := gate.Enter(t.Context(), overload.Read)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			overloaded(t, "one too many", other.User.Do("GET", fmt.Sprintf("/api/cars?limit=%d", i+1), nil))
		}
		leave()
		if res := other.User.Do("GET", "/api/cars?limit=77", nil); res.Status != http.StatusOK {
			t.Errorf("afterwards: %s", res)
		}
	})
}

// All that a person asks waits until it is known who they are: it does not wait
// behind reports because a report was the first.
func TestWhoAsksIsNoReport(t *testing.T) {
	t.Parallel()
	onSQLite(t, func(t *testing.T, c *apptest.Company) {
		other := c.Beside(t, few)
		leave := occupy(t, other, overload.Report)
		var all sync.WaitGroup
		all.Go(func() { other.Admin.Do("GET", "/api/contracts/revenue/total", nil) })
		apptest.Until(t, "the report waits", func() bool { return other.API.Gate.Stats().Reports.Waiting == 1 })
		if res := other.Admin.Do("POST", "/api/customers", apptest.Customer("77")); res.Status != http.StatusCreated {
			t.Errorf("a write of the same person: %s", res)
		}
		leave()
		all.Wait()
	})
}
