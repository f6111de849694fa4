package apptest

import (
	"database/sql"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"cartracker/internal/mail/mailtest"
)

// Newcomers are users who are made one after the other, each with a mail, also
// while the program or what it stands on is killed.
type Newcomers struct {
	t     testing.TB
	total int

	mu    sync.Mutex
	next  int
	again []int // to be tried again: nobody answered
	tried map[int]bool
	made  int
	then  func()
}

// NewNewcomers returns so many newcomers, none of whom is made yet.
func NewNewcomers(t testing.TB, total int) *Newcomers {
	return &Newcomers{t: t, total: total, tried: map[int]bool{}}
}

// Made returns how many are made for sure.
func (n *Newcomers) Made() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.made
}

// Make lets clients make newcomers until so many are made. Then it calls then,
// and goes on until nobody answers any more, or all are made. Without then it
// ends at once.
func (n *Newcomers) Make(clients, until int, then func(), at ...*Client) {
	n.then = then
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			for n.one(at[i%len(at)], until) {
			}
		})
	}
	all.Wait()
}

// one makes the next newcomer and reports whether there may be more.
func (n *Newcomers) one(c *Client, until int) bool {
	i, ok := n.take(until)
	if !ok {
		return false
	}
	name := fmt.Sprint("new", i)
	res, err := c.Try("POST", "/api/users", JSON{"username": name, "email": name + "@example.com", "name": "New " + name, "sendCredentials": true})
	n.mu.Lock()
	defer n.mu.Unlock()
	if err != nil || res.Status == http.StatusServiceUnavailable {
		n.again = append(n.again, i)
		n.tried[i] = true
		return false
	}
	if res.Status != http.StatusCreated && (res.Status != http.StatusConflict || !n.tried[i]) {
		n.t.Errorf("a newcomer: %s", res)
		return false
	}
	n.made++
	if n.made == until && n.then != nil {
		n.then()
	}
	return true
}

func (n *Newcomers) take(until int) (i int, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.then == nil && n.next-len(n.again) >= until {
		return 0, false
	}
	if last := len(n.again) - 1; last >= 0 {
		i, n.again = n.again[last], n.again[:last]
		return i, true
	}
	if n.next == n.total {
		return 0, false
	}
	n.next++
	return n.next, true
}

// Delivered checks that each newcomer is there and was sent one mail, by one
// job, and nobody else. A mail may have come more than once, but no more than
// most in all, and always as the same. It returns how many came again.
func (n *Newcomers) Delivered(s *Site, mails []mailtest.Mail, most int) (again int) {
	n.t.Helper()
	emails := s.newcomers(n.t)
	if len(emails) != n.total || n.Made() != n.total {
		n.t.Errorf("%d of %d newcomers are in the database, %d were made", len(emails), n.total, n.Made())
	}
	to := map[string]string{} // by the id of the mail
	mailed := map[string]bool{}
	for _, j := range s.Jobs(n.t) {
		email, known := emails[j.User]
		if j.Kind != "credentials" {
			continue
		}
		if !known || mailed[email] || j.State != "completed" {
			n.t.Errorf("a job for %q, of whom there was one: %v, is %s", email, mailed[email], j.State)
		}
		to[j.Mail], mailed[email] = email, true
	}
	if len(to) != n.total {
		n.t.Errorf("%d mails were queued for %d newcomers", len(to), n.total)
	}
	return n.arrived(to, mails, most)
}

func (n *Newcomers) arrived(to map[string]string, mails []mailtest.Mail, most int) (again int) {
	n.t.Helper()
	seen := map[string]bool{}
	for _, m := range mails {
		id, _, _ := strings.Cut(strings.TrimPrefix(m.MessageID, "<"), "@")
		email := to[id]
		if email == "" || len(m.Rcpt) != 1 || m.Rcpt[0] != "<"+email+">" || !strings.Contains(m.To, email) {
			n.t.Errorf("the mail %s went to %q and %s, not to %q", id, m.Rcpt, m.To, email)
		}
		if seen[id] {
			again++
		}
		seen[id] = true
	}
	if len(seen) != n.total {
		n.t.Errorf("%d different mails arrived, not %d", len(seen), n.total)
	}
	if again > most {
		n.t.Errorf("%d mails came again, more than %d", again, most)
	}
	return again
}

// newcomers returns the addresses of those in the database, by their ids.
func (s *Site) newcomers(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	s.Look(t, func(raw *sql.DB) {
		t.Helper()
		rows, err := raw.QueryContext(t.Context(), "SELECT id, email FROM users WHERE username LIKE 'new%'")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id, email string
			if err := rows.Scan(&id, &email); err != nil {
				t.Fatal(err)
			}
			out[id] = email
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	})
	return out
}
