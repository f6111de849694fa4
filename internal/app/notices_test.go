package app_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/mail"
	"cartracker/internal/rental"
)

// A postbox keeps the mails that a company sends: to whom, and what they say.
type postbox struct {
	mu  sync.Mutex
	all []mail.Message
}

func (p *postbox) Send(_ context.Context, m mail.Message, taken func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all = append(p.all, m)
	return taken()
}

func (p *postbox) Close() error { return nil }

// about returns to whom a contract was told of, and by which subjects.
func (p *postbox) about(number string) (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.all {
		if strings.Contains(m.Text, number) {
			out = append(out, m.To.Email+" "+m.Language)
		}
	}
	slices.Sort(out)
	return out
}

// TestNotices tells the admins of contracts that end soon or have ended: each
// admin once for each end, and nobody of any other contract. It is July 1.
func TestNotices(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		box := &postbox{}
		c.Jobs.Sender = box
		boss := c.SignUp(t, "boss", "admin")
		c.Admin.Do("PATCH", "/api/users/"+string(boss.ID), apptest.JSON{"language": "bs"})
		gone := c.SignUp(t, "gone", "admin")
		c.Admin.Do("PATCH", "/api/users/"+string(gone.ID), apptest.JSON{"active": false})
		customer := c.Employee.Make("/api/customers", apptest.Customer("1"))
		rent := func(start, end string) (id, number string) {
			car := c.Admin.Make("/api/cars", apptest.Car("N-"+end+start[8:]))
			id = c.Employee.Make("/api/contracts", apptest.Contract(car, customer, start, end))
			return id, c.Employee.Do("GET", "/api/contracts/"+id, nil).Text("data.number")
		}
		both := []string{"amra@example.com en", "boss@example.com bs"}
		ends := map[string][]string{}
		expect := func(start, end string, want []string) string {
			id, number := rent(start, end)
			ends[number] = want
			return id
		}
		extended := expect("2026-06-20", "2026-07-01", both)
		expect("2026-06-21", "2026-07-08", both)
		expect("2026-06-22", "2026-07-09", nil)  // in eight days
		expect("2026-06-10", "2026-06-30", both) // yesterday
		expect("2026-06-11", "2026-06-24", both)
		expect("2026-06-12", "2026-06-23", nil) // eight days ago
		cancelled := expect("2026-06-25", "2026-07-03", nil)
		c.Employee.Do("POST", "/api/contracts/"+cancelled+"/cancel", apptest.JSON{"reason": "the customer is ill"})
		handled := expect("2026-06-26", "2026-07-04", nil)
		c.Employee.Do("POST", "/api/contracts/"+handled+"/mark-notification-sent", nil)

		stop := work(t, c)
		sent := func() int {
			done := 0
			for _, j := range queued(t, c) {
				if j.State == mail.Completed {
					done++
				}
			}
			return done
		}
		apptest.Until(t, "eight mails", func() bool { return sent() == 8 })
		stop()
		for number, want := range ends {
			if got := box.about(number); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("of %s are told %q, want %q", number, got, want)
			}
		}

		for number, want := range ends {
			for who, says := range map[*apptest.Client][2]string{c.Admin: {" ends on ", " ended on "}, boss: {" ističe ", " istekao je "}} {
				n := 0
				for _, line := range told(t, who, "/api/notifications") {
					if strings.HasPrefix(line, "nobody contract-exp") && strings.Contains(line, number) && (strings.Contains(line, says[0]) || strings.Contains(line, says[1])) {
						n++
					}
				}
				if n != len(want)/2 {
					t.Errorf("of %s %s is told %d times, want %d", number, who.ID, n, len(want)/2)
				}
			}
		}

		version := c.Employee.Do("GET", "/api/contracts/"+extended, nil)
		if fmt.Sprint(version.At("data.version")) != "1" || version.At("data.notificationSent") != false {
			t.Errorf("telling of a contract has changed it: %s", version)
		}
		if res := c.Employee.Do("PATCH", "/api/contracts/"+extended, apptest.JSON{"endDate": "2026-07-05"}); res.Status != 200 {
			t.Fatal(res)
		}
		stop = work(t, c) // which looks again: at the extended one's other end, and at nothing else
		apptest.Until(t, "two more mails", func() bool { return sent() == 10 })
		stop()
		number := version.Text("data.number")
		if got, want := box.about(number), []string{both[0], both[0], both[1], both[1]}; !slices.Equal(got, want) {
			t.Errorf("of the extended %s are told %q, want %q", number, got, want)
		}
	}, hasty)
}

// TestNoticesOfTwo lets many look for contracts that end at the same time: of
// each is told once.
func TestNoticesOfTwo(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		customer := c.Employee.Make("/api/customers", apptest.Customer("1"))
		const n = 10
		for i := range n {
			car := c.Admin.Make("/api/cars", apptest.Car(fmt.Sprint("N-", i)))
			c.Employee.Make("/api/contracts", apptest.Contract(car, customer, "2026-06-20", "2026-07-02"))
		}
		other := c.Beside(t)
		told := make(chan rental.ContractID, 20*n)
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				service := []*apptest.Company{c, other}[i%2].Transfer.Rental
				_, err := service.TellEnding(asAdmin(t.Context()), func(_ context.Context, k rental.Contract) error {
					told <- k.ID
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		close(told)
		seen := map[rental.ContractID]int{}
		for id := range told {
			seen[id]++
		}
		for id, times := range seen {
			if times != 1 {
				t.Errorf("%s was told of %d times", id, times)
			}
		}
		if len(seen) != n {
			t.Errorf("%d contracts were told of, want %d", len(seen), n)
		}
	})
}
