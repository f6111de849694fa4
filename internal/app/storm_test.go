package app_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"

	"cartracker/internal/app/apptest"
)

// A storm is many clerks who rent, move, cancel and delete on a few cars and days.
type storm struct {
	*apptest.Company
	cars, customers []string

	mu        sync.Mutex
	contracts []string
	writes    map[string]bool // id and version of what was acknowledged
	answers   map[string]int

	news chan struct{} // that something was acknowledged
}

func TestStorm(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		const clerks, each = 24, 60
		s := &storm{Company: c, writes: map[string]bool{}, answers: map[string]int{}, news: make(chan struct{}, 1)}
		for i := range 4 {
			s.cars = append(s.cars, c.Admin.Make("/api/cars", apptest.Car(fmt.Sprintf("A12-K-34%d", i))))
			s.customers = append(s.customers, c.Employee.Make("/api/customers", apptest.Customer(fmt.Sprint(i))))
		}
		raw := c.Database.Raw(t)
		followed := make(chan struct{})
		go func() {
			defer close(followed)
			follow(t, raw, s.news)
		}()
		apptest.Together(clerks, func(i int) {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for range each {
				s.act(t, random)
			}
		})
		close(s.news)
		<-followed

		t.Logf("answered: %v", s.answers)
		for _, need := range []string{"rent 201", "rent 409 car_taken", "move 200", "move 409 car_taken", "cancel 200", "delete 200"} {
			if s.answers[need] == 0 {
				t.Errorf("the storm was too mild: nobody was answered %s", need)
			}
		}
		apptest.CheckBooks(t, raw, onDay(c, 0))
		if n := rows(t, raw, "audit_logs WHERE resource = 'contract' AND status = 'success'"); n != len(s.writes) {
			t.Errorf("the audit log has %d entries for %d writes that were acknowledged", n, len(s.writes))
		}
		if n := rows(t, raw, "contracts"); n != s.answers["rent 201"] {
			t.Errorf("there are %d contracts, and %d were acknowledged", n, s.answers["rent 201"])
		}
	})
}

// act does one thing at random.
func (s *storm) act(t *testing.T, random *rand.Rand) {
	const horizon = 40 // days
	start := random.IntN(horizon) - 5
	from, to := onDay(s.Company, start), onDay(s.Company, start+random.IntN(6))
	car, customer := s.cars[random.IntN(len(s.cars))], s.customers[random.IntN(len(s.customers))]
	id := s.one(random)
	switch n := random.IntN(11); {
	case n < 5 || id == "":
		s.note(t, "rent", s.Employee.Do("POST", "/api/contracts", apptest.Contract(car, customer, from, to)))
	case n == 5:
		s.note(t, "move", s.Employee.Do("PATCH", "/api/contracts/"+id, apptest.JSON{"startDate": from, "endDate": to}))
	case n == 6:
		s.note(t, "move", s.Employee.Do("PATCH", "/api/contracts/"+id, apptest.JSON{"carId": car}))
	case n == 7:
		s.note(t, "move", s.Employee.Do("PATCH", "/api/contracts/"+id,
			apptest.JSON{"carId": car, "customerId": customer, "startDate": from, "endDate": to}))
	case n == 8:
		s.note(t, "move", s.Employee.Do("PATCH", "/api/contracts/"+id, apptest.JSON{"customerId": customer}))
	case n == 9:
		s.note(t, "cancel", s.Employee.Do("POST", "/api/contracts/"+id+"/cancel", apptest.JSON{"reason": "the customer fell ill"}))
	default:
		s.note(t, "delete", s.Admin.Do("DELETE", "/api/contracts/"+id, nil), id)
	}
}

// one returns a contract that was made, "" if there is none.
func (s *storm) one(random *rand.Rand) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.contracts) == 0 {
		return ""
	}
	return s.contracts[random.IntN(len(s.contracts))]
}

// note keeps what was answered. What changed nothing answers a version that is known.
func (s *storm) note(t *testing.T, what string, res apptest.Response, deleted ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer := fmt.Sprintf("%s %d", what, res.Status)
	switch {
	case res.Status == http.StatusCreated:
		s.contracts = append(s.contracts, res.Text("data.id"))
		s.writes[res.Text("data.id")+" 1"] = true
	case res.Status == http.StatusOK && len(deleted) > 0:
		s.writes[deleted[0]+" deleted"] = true
	case res.Status == http.StatusOK:
		s.writes[res.Text("data.id")+" "+res.Text("data.version")] = true
	default:
		answer += " " + res.Text("code")
	}
	s.answers[answer]++
	select {
	case s.news <- struct{}{}:
	default: // there is some already
	}
	if !expected[answer] {
		t.Errorf("%s: %s", what, res)
	}
}

// expected are the answers that a storm may get.
var expected = map[string]bool{
	"rent 201": true, "rent 409 car_taken": true,
	"move 200": true, "move 409 car_taken": true, "move 409 contract_cancelled": true, "move 404 no_contract": true,
	"cancel 200": true, "cancel 409 contract_cancelled": true, "cancel 409 contract_ended": true, "cancel 404 no_contract": true,
	"delete 200": true, "delete 409 contract_began": true, "delete 404 no_contract": true,
}

// follow reads the feed of changes whenever there is news, until there is none
// any more. Nothing may ever appear before what was read already.
func follow(t *testing.T, raw *sql.DB, news <-chan struct{}) {
	var last int64
	versions := map[string]int{}
	for range news {
		if !readFeed(t, raw, &last, versions) {
			return
		}
	}
	readFeed(t, raw, &last, versions)
	t.Logf("followed %d changes", last)
}

// readFeed reads what was added behind last.
func readFeed(t *testing.T, raw *sql.DB, last *int64, versions map[string]int) bool {
	rows, err := raw.Query(fmt.Sprintf("SELECT seq, topic || ' ' || id, version FROM changes WHERE seq > %d ORDER BY seq", *last))
	if err != nil {
		t.Errorf("the feed cannot be read: %v", err)
		return false
	}
	defer rows.Close()
	for rows.Next() {
		var seq int64
		var id string
		var version int
		if err := rows.Scan(&seq, &id, &version); err != nil {
			t.Error(err)
			return false
		}
		if seq != *last+1 {
			t.Errorf("after %d the feed told %d", *last, seq)
			return false
		}
		if *last = seq; version > 0 && version != versions[id]+1 {
			t.Errorf("after version %d of %s the feed told %d", versions[id], id, version)
			return false
		} else if version > 0 {
			versions[id] = version
		}
	}
	if err := rows.Err(); err != nil {
		t.Error(err)
		return false
	}
	return true
}
