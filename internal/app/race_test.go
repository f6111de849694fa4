package app_test

import (
	"bytes"
	"database/sql"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
)

// together calls do n times at the same moment, with 0 to n-1.
func together(n int, do func(i int)) {
	var ready, done sync.WaitGroup
	gun := make(chan struct{})
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-gun
			do(i)
		})
	}
	ready.Wait()
	close(gun)
	done.Wait()
}

// onDay returns the day n days after the day that c has.
func onDay(c *apptest.Company, n int) string {
	return c.Clock.Now().AddDate(0, 0, n).Format(time.DateOnly)
}

func TestOneOf200RentsTheCar(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		const callers, rounds = 200, 50
		car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		customer := c.Employee.Make("/api/customers", apptest.Customer("1234567"))
		for round := range rounds {
			began := 10 + 9*round // a round takes up to eight days, all of its callers the fourth
			var mu sync.Mutex
			count := map[int]int{}
			together(callers, func(i int) {
				body := apptest.Contract(car, customer, onDay(c, began+i%4), onDay(c, began+4+i%5))
				res := c.Employee.Do("POST", "/api/contracts", body)
				mu.Lock()
				defer mu.Unlock()
				count[res.Status]++
				if res.Status == http.StatusConflict && !bytes.Contains(res.Body, []byte(`"car_taken"`)) || res.Status >= 500 {
					t.Errorf("round %d: %s", round, res)
				}
			})
			if count[http.StatusCreated] != 1 || count[http.StatusConflict] != callers-1 {
				t.Fatalf("round %d was answered %v, want one 201 and %d times 409", round, count, callers-1)
			}
		}
		raw := c.Database.Raw(t)
		var contracts, holds int
		if err := raw.QueryRow("SELECT (SELECT COUNT(*) FROM contracts), (SELECT COUNT(*) FROM holds)").Scan(&contracts, &holds); err != nil {
			t.Fatal(err)
		}
		if contracts != rounds || holds != rounds {
			t.Errorf("there are %d contracts and %d holds after %d rounds", contracts, holds, rounds)
		}
		apptest.CheckBooks(t, raw, onDay(c, 0))
	})
}

func TestOneKeyMakesOneRow(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		const callers, rounds = 50, 10
		car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		customer := c.Employee.Make("/api/customers", apptest.Customer("1234567"))
		raw := c.Database.Raw(t)
		for round := range rounds {
			path, body := "/api/contracts", apptest.Contract(car, customer, onDay(c, 10+3*round), onDay(c, 12+3*round))
			if round%2 == 1 {
				path, body = "/api/customers", apptest.Customer(fmt.Sprint(round))
			}
			before := rows(t, raw, path[len("/api/"):])
			answers := make([]apptest.Response, callers)
			together(callers, func(i int) {
				answers[i] = c.Employee.Do("POST", path, body, fmt.Sprintf("Idempotency-Key: round-%d", round))
			})
			first := 0
			for _, res := range answers {
				if res.Header.Get("Idempotency-Replayed") == "" {
					first++
				}
				if res.Status != http.StatusCreated || !bytes.Equal(res.Body, answers[0].Body) || res.Header.Get("Location") != answers[0].Header.Get("Location") {
					t.Fatalf("round %d: one caller was answered %s, another %s", round, answers[0], res)
				}
			}
			if first != 1 {
				t.Errorf("round %d: %d answers were not replayed, want 1", round, first)
			}
			if n := rows(t, raw, path[len("/api/"):]) - before; n != 1 {
				t.Errorf("round %d made %d rows", round, n)
			}
		}
		apptest.CheckBooks(t, raw, onDay(c, 0))
	})
}

func TestOneTokenHasOneSuccessor(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		const callers, rounds = 20, 10
		token := c.User.Cookie
		for round := range rounds {
			answers := make([]apptest.Response, callers)
			together(callers, func(i int) {
				answers[i] = c.Nobody.Do("POST", "/api/auth/refresh", nil, "Cookie: refreshToken="+token)
			})
			next := answers[0].Cookie("refreshToken")
			for _, res := range answers {
				if got := res.Cookie("refreshToken"); res.Status != http.StatusOK || got == "" || got != next || got == token {
					t.Fatalf("round %d: one caller was answered %s with the token %.4s…, another %s with %.4s…", round, answers[0], next, res, got)
				}
			}
			token = next
		}
		apptest.CheckBooks(t, c.Database.Raw(t), onDay(c, 0))
	})
}

func rows(t *testing.T, raw *sql.DB, table string) (n int) {
	t.Helper()
	if err := raw.QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
