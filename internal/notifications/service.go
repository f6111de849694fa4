package notifications

import (
	"context"
	"strings"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/ident"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

const (
	// RecentDays is how many days back Recent looks unless told otherwise.
	RecentDays = 7
	// MaxRecentDays is how many days back it can look.
	MaxRecentDays = 90
)

// A Store keeps notifications.
type Store interface {
	// InsertAll keeps new notifications, very many by one statement each.
	InsertAll(context.Context, []Notification) error
	List(context.Context, Selection, Filter) (page.Of[Notification], error)
	Count(context.Context, Selection) (int, error)
	// ByIDs returns those of these notifications that there are, in any order.
	ByIDs(ctx context.Context, ids []string) ([]Notification, error)
	// Update changes a notification that nobody else can change at the same time.
	Update(context.Context, ID, func(*Notification) error) (Notification, error)
	// MarkSeen marks those that are selected as seen, and returns how many that were.
	MarkSeen(context.Context, Selection, date.Moment) (int, error)
	Delete(context.Context, ID) error
	// Audience returns the active users who are meant. They stay there until the
	// transaction ends.
	Audience(context.Context, Audience) ([]record.Person, error)
}

// An Audience says who is meant: one user, or all of a role.
type Audience struct {
	User   record.UserID // "" for all of Role
	Role   record.Role
	Except []record.UserID
}

// A Service keeps the inboxes. All of its fields are required. It reads as of the
// last commit: others write into an inbox, and its owner, told so at once, looks.
type Service struct {
	record.Env
	Store Store
}

// List returns the notifications of who asks, the newest first.
func (s *Service) List(ctx context.Context, f Filter) (page.Of[Notification], error) {
	return s.list(ctx, Selection{}, f)
}

// Unread returns those that they have not seen yet.
func (s *Service) Unread(ctx context.Context, f Filter) (page.Of[Notification], error) {
	return s.list(ctx, Selection{Unseen: true}, f)
}

// Recent returns those of the last days: from 1 to MaxRecentDays times 24 hours.
func (s *Service) Recent(ctx context.Context, days int, f Filter) (page.Of[Notification], error) {
	if days < 1 || days > MaxRecentDays {
		return page.Of[Notification]{}, page.ErrQuery.Say("days must be from 1 to 90")
	}
	return s.list(ctx, Selection{Since: s.Now().Add(-time.Duration(days) * 24 * time.Hour)}, f)
}

func (s *Service) list(ctx context.Context, sel Selection, f Filter) (page.Of[Notification], error) {
	if err := sel.own(ctx); err != nil {
		return page.Of[Notification]{}, err
	}
	all, err := s.Store.List(record.Fresh(ctx), sel, f)
	for i := range all.Items {
		all.Items[i].tell()
	}
	return all, err
}

// own selects only what whoever asks may see: their own, and of that what
// their role may see now.
func (sel *Selection) own(ctx context.Context) error {
	c := record.CallerOf(ctx)
	sel.Recipient, sel.Messages = c.ID, record.Staff.Allow(c) != nil
	return record.SignedIn.Allow(c)
}

// UnreadCount returns how many they have not seen yet.
func (s *Service) UnreadCount(ctx context.Context) (int, error) {
	sel := Selection{Unseen: true}
	if err := sel.own(ctx); err != nil {
		return 0, err
	}
	return s.Store.Count(record.Fresh(ctx), sel)
}

// ByIDs returns those of these notifications that there are, whoever they are
// for, in the order of ids. It asks for no role: it is for the program itself,
// which hands each to its recipient.
func (s *Service) ByIDs(ctx context.Context, ids []string) ([]Notification, error) {
	found, err := s.Store.ByIDs(record.Fresh(ctx), ids)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*Notification, len(found))
	for i := range found {
		found[i].tell()
		byID[string(found[i].ID)] = &found[i]
	}
	out := make([]Notification, 0, len(found))
	for _, id := range ids {
		if n := byID[id]; n != nil {
			out = append(out, *n)
		}
	}
	return out, nil
}

// Seen marks a notification of who asks as seen. To do so again changes nothing.
func (s *Service) Seen(ctx context.Context, id ID) (n Notification, err error) {
	err = s.withOwn(ctx, id, func(ctx context.Context, id ID, check func(*Notification) error) error {
		changed := false
		n, err = s.Store.Update(ctx, id, func(n *Notification) error {
			if err := check(n); err != nil {
				return err
			}
			if changed = n.Status != Seen; !changed {
				return record.ErrUnchanged
			}
			n.Status, n.UpdatedAt = Seen, s.Now()
			return nil
		})
		if err != nil || !changed {
			return err
		}
		return s.Journal.Tell(ctx, n.change(record.Updated))
	})
	n.tell()
	return n, err
}

// Delete deletes a notification of who asks.
func (s *Service) Delete(ctx context.Context, id ID) error {
	return s.withOwn(ctx, id, func(ctx context.Context, id ID, check func(*Notification) error) error {
		n, err := s.Store.Update(ctx, id, func(n *Notification) error {
			if err := check(n); err != nil {
				return err
			}
			return record.ErrUnchanged
		})
		if err != nil {
			return err
		}
		if err := s.Store.Delete(ctx, id); err != nil {
			return err
		}
		return s.Journal.Tell(ctx, n.change(record.Deleted))
	})
}

// withOwn lets do work in a transaction on a notification of who asks. Check
// refuses one that is not theirs as one that is not there.
func (s *Service) withOwn(ctx context.Context, id ID, do func(ctx context.Context, id ID, check func(*Notification) error) error) error {
	var own Selection
	if err := own.own(ctx); err != nil {
		return err
	}
	id = ID(strings.ToLower(string(id)))
	if !ident.Valid(string(id)) {
		return ErrNoNotification
	}
	return s.InTx(ctx, func(ctx context.Context) error {
		return do(ctx, id, func(n *Notification) error {
			if n.RecipientID != own.Recipient || own.Messages && n.Type != record.Message {
				return ErrNoNotification
			}
			return nil
		})
	})
}

// MarkAllSeen marks all notifications of who asks as seen, and returns how many
// that were.
func (s *Service) MarkAllSeen(ctx context.Context) (affected int, err error) {
	sel := Selection{Unseen: true}
	if err := sel.own(ctx); err != nil {
		return 0, err
	}
	err = s.InTx(ctx, func(ctx context.Context) error {
		if affected, err = s.Store.MarkSeen(ctx, sel, s.Now()); err != nil || affected == 0 {
			return err
		}
		return s.Journal.Tell(ctx, record.Change{Topic: record.Inboxes, ID: string(sel.Recipient), Kind: record.Updated, Version: affected})
	})
	return affected, err
}
