package notifications

import (
	"context"
	"strings"

	"cartracker/internal/fault"
	"cartracker/internal/ident"
	"cartracker/internal/record"
)

// A Draft is a message, as somebody writes it to one user or to all of a role.
type Draft struct {
	RecipientID *record.UserID `json:"recipientId" format:"uuid" doc:"Either this or role is required, and not both."`
	Role        *record.Role   `json:"role" enum:"admin,employee,user" doc:"All active users of this role, except who sends it."`
	Message     string         `json:"message" minLength:"1" maxLength:"1000"`
}

// Validate puts d into its kept form and reports everything that is wrong with
// it when somebody, who has the id by, sends it.
func (d *Draft) Validate(by record.UserID) error {
	record.Trim(&d.Message)
	var bad fault.Fields
	record.CheckText(&bad, "message", d.Message, 1, 1000)
	bad.Check(d.RecipientID != nil || d.Role != nil, "recipientId", "is required unless role is given")
	bad.Check(d.RecipientID == nil || d.Role == nil, "recipientId", "must not be given together with role")
	if d.Role != nil {
		record.CheckOneOf(&bad, "role", *d.Role, record.Admin, record.Employee, record.User)
	}
	if d.RecipientID != nil {
		*d.RecipientID = record.UserID(strings.ToLower(string(*d.RecipientID)))
		record.CheckID(&bad, "recipientId", *d.RecipientID)
		bad.Check(*d.RecipientID != by, "recipientId", "must be somebody else")
	}
	return bad.Err()
}

// audience returns whom d is for.
func (d *Draft) audience(by record.UserID) Audience {
	if d.RecipientID != nil {
		return Audience{User: *d.RecipientID}
	}
	return Audience{Role: *d.Role, Except: []record.UserID{by}}
}

// Send sends the message that fill writes, and returns to how many.
func (s *Service) Send(ctx context.Context, fill func(*Draft) error) (n int, err error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return 0, err
	}
	var d Draft
	by := record.CallerOf(ctx).ID
	if err := fault.All(fill(&d), d.Validate(by)); err != nil {
		return 0, err
	}
	err = s.Do(ctx, func(ctx context.Context) (record.Entry, error) {
		to, err := s.Store.Audience(ctx, d.audience(by))
		if err != nil {
			return record.Entry{}, err
		}
		n = len(to)
		return s.send(ctx, d, to)
	})
	return n, err
}

// send writes a message into inboxes, and returns what the journal says of it.
func (s *Service) send(ctx context.Context, d Draft, to []record.Person) (record.Entry, error) {
	e := record.Entry{Action: record.Create, Resource: "notification"}
	if d.RecipientID == nil {
		e.Description = "sent a message to all of role " + string(*d.Role)
	} else {
		var bad fault.Fields
		bad.Check(len(to) > 0, "recipientId", "there is no such active user")
		if err := bad.Err(); err != nil {
			return e, err
		}
		e.Description = "sent a message to " + to[0].Username
	}
	all := s.write(ctx, record.Notice{Type: record.Message, Data: map[string]any{"message": d.Message}}, to)
	if d.RecipientID != nil {
		e.ResourceID = string(all[0].ID)
	}
	e.Changes = created(all)
	return e, s.Store.InsertAll(ctx, all)
}

// Announce writes a notice into the inbox of each active admin, except who
// asks, inside a transaction.
func (s *Service) Announce(ctx context.Context, n record.Notice) error {
	to, err := s.Store.Audience(ctx, Audience{Role: record.Admin, Except: []record.UserID{record.CallerOf(ctx).ID, n.Except}})
	if err != nil || len(to) == 0 {
		return err
	}
	all := s.write(ctx, n, to)
	if err := s.Store.InsertAll(ctx, all); err != nil {
		return err
	}
	return s.Journal.Tell(ctx, created(all)...)
}

// write returns the notifications by which who asks tells each of to.
func (s *Service) write(ctx context.Context, n record.Notice, to []record.Person) []Notification {
	now, by := s.Now(), record.Author(ctx)
	all := make([]Notification, len(to))
	for i, p := range to {
		all[i] = Notification{
			ID: ident.New[ID](), RecipientID: p.ID, Sender: by, Type: n.Type, Data: n.Data, Status: New, CreatedAt: now, UpdatedAt: now,
		}
	}
	return all
}

func created(all []Notification) []record.Change {
	out := make([]record.Change, len(all))
	for i := range all {
		out[i] = all[i].change(record.Created)
	}
	return out
}

// A Journal is a record.Journal that writes into inboxes, in the same
// transaction, what entries have a notice of.
type Journal struct {
	record.Journal
	Announce func(context.Context, record.Notice) error
}

// Write keeps entries, and announces their notices.
func (j Journal) Write(ctx context.Context, entries ...record.Entry) error {
	if err := j.Journal.Write(ctx, entries...); err != nil {
		return err
	}
	for _, e := range entries {
		if e.Notice == nil {
			continue
		}
		if err := j.Announce(ctx, *e.Notice); err != nil {
			return err
		}
	}
	return nil
}
