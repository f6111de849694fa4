package apptest

import (
	"context"
	"encoding/json"

	"cartracker/internal/ident"
	"cartracker/internal/record"
)

// A Mail is one in the queue, for a user or for whoever has an address.
type Mail struct {
	Kind  string        `json:"-"`
	To    record.UserID `json:"userId"`
	Email string        `json:"email"`
}

// Mails returns those that are queued and not worked yet, the oldest first.
func (c *Company) Mails() (all []Mail) {
	t := c.Nobody.t
	t.Helper()
	raw := c.Database.Raw(t)
	rows, err := raw.QueryContext(context.Background(), "SELECT kind, args ->> '$' FROM river_job WHERE queue = 'mail' AND CAST(state AS TEXT) = 'available' ORDER BY id")
	if c.Database.Driver == "pgx" {
		rows, err = raw.QueryContext(context.Background(), "SELECT kind, CAST(args AS TEXT) FROM river_job WHERE queue = 'mail' AND CAST(state AS TEXT) = 'available' ORDER BY id")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var m Mail
		var args string
		if err := rows.Scan(&m.Kind, &args); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(args), &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// Link returns the token of the link that a user is sent.
func (c *Company) Link(id record.UserID) string {
	l, err := c.Identity.ResetLetter(context.Background(), id, ident.New[string]())
	if err != nil {
		c.Nobody.t.Fatal(err)
	}
	return l.Token
}
