package app_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/identity"
	"cartracker/internal/record"
)

// onDay returns the day n days after the day that it is for c.
func onDay(c *apptest.Company, n int) string { return apptest.Day(c.Clock.Now(), n) }

func TestOneOf200RentsTheCar(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		const callers = 200
		rounds := 50
		if apptest.Raced() { // make test-faults plays all of them
			rounds = 5
		}
		car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		customer := c.Employee.Make("/api/customers", apptest.Customer("1234567"))
		for round := range rounds {
			began := 10 + 9*round // a round takes up to eight days, all of its callers the fourth
			var mu sync.Mutex
			count := map[int]int{}
			apptest.Together(callers, func(i int) {
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
			apptest.Together(callers, func(i int) {
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
			apptest.Together(callers, func(i int) {
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

// ways are all the ways in which an admin can stop being one.
var ways = []func(who *apptest.Client, whom record.UserID) apptest.Response{
	func(who *apptest.Client, whom record.UserID) apptest.Response {
		return who.Do("PATCH", "/api/users/"+string(whom), apptest.JSON{"role": "employee"})
	},
	func(who *apptest.Client, whom record.UserID) apptest.Response {
		return who.Do("PATCH", "/api/users/"+string(whom), apptest.JSON{"active": false})
	},
	func(who *apptest.Client, whom record.UserID) apptest.Response {
		return who.Do("DELETE", "/api/users/"+string(whom), nil)
	},
}

// Whatever is done to the last two admins at the same moment, one stays.
func TestLastAdminStays(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		const rounds = 36 // each way against each way, to oneself and to the other, twice
		admins := []*apptest.Client{c.Admin, c.SignUp(t, "bakir", record.Admin)}
		raw := c.Database.Raw(t)
		for round := range rounds {
			answers := make([]apptest.Response, 2)
			whom := func(i int) int { return (i + round/9) % 2 }
			apptest.Together(2, func(i int) {
				way := ways[[]int{round % 3, round / 3 % 3}[i]]
				answers[i] = way(admins[i], admins[whom(i)].ID)
			})
			checkOneAdmin(t, raw, round, answers)
			for i, res := range answers {
				if gone := admins[whom(i)]; res.Status == http.StatusOK {
					name := []string{"amra", "bakir"}[whom(i)]
					restore(t, c, gone.ID)
					admins[whom(i)] = c.Nobody.SignIn(name)
				}
			}
		}
	})
}

// An admin who left no trace is deleted and not only deactivated.
func TestLastAdminStaysWhenTheOtherIsDeleted(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		const rounds = 20
		raw := c.Database.Raw(t)
		for round := range rounds {
			other, err := c.Identity.Add(operator(), func(d *identity.Draft) error {
				d.Username, d.Email = fmt.Sprint("other", round), fmt.Sprintf("other%d@example.com", round)
				d.Role, d.Password = record.Admin, identity.NewPassword(apptest.Password)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			answers := make([]apptest.Response, 2)
			apptest.Together(2, func(i int) {
				if i == 0 {
					answers[i] = ways[2](c.Admin, other.ID)
				} else {
					answers[i] = ways[round%2](c.Admin, c.Admin.ID)
				}
			})
			checkOneAdmin(t, raw, round, answers)
			if answers[1].Status == http.StatusOK {
				restore(t, c, c.Admin.ID)
				c.Admin = c.Nobody.SignIn("amra")
				if res := ways[2](c.Admin, other.ID); res.Status != http.StatusOK {
					t.Fatalf("round %d: %s", round, res)
				}
			}
		}
		if n := rows(t, raw, "users WHERE username LIKE 'other%'"); n != 0 {
			t.Errorf("%d admins who left no trace are still there", n)
		}
	})
}

// checkOneAdmin checks that one of two callers won, and one admin is left.
func checkOneAdmin(t *testing.T, raw *sql.DB, round int, answers []apptest.Response) {
	t.Helper()
	won := 0
	for _, res := range answers {
		switch {
		case res.Status == http.StatusOK:
			won++
		case res.Status == http.StatusUnauthorized, res.Status == http.StatusForbidden: // the winner was done before
		case res.Status != http.StatusConflict || res.Text("code") != "last_admin":
			t.Errorf("round %d: %s", round, res)
		}
	}
	if n := rows(t, raw, "users WHERE role = 'admin' AND active"); won != 1 || n != 1 {
		t.Fatalf("round %d: %d won and %d admins are left: %s, %s", round, won, n, answers[0], answers[1])
	}
}

func operator() context.Context {
	return record.As(context.Background(), record.Caller{Person: record.Person{Username: "cli:test", Role: record.Admin}})
}

// restore makes a user an active admin again.
func restore(t *testing.T, c *apptest.Company, id record.UserID) {
	t.Helper()
	_, err := c.Identity.Amend(operator(), id, record.AnyVersion, func(a *identity.Account) error {
		a.Role, a.Active = record.Admin, true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
