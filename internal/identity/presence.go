package identity

import (
	"context"
	"slices"

	"cartracker/internal/date"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// A Presence knows who has the program open right now.
type Presence interface {
	// Online returns who is, on any instance, in any order.
	Online(context.Context) ([]record.UserID, error)
}

// A Status is whether a user is there.
type Status struct {
	User         record.Person `json:"user"`
	IsOnline     bool          `json:"isOnline"`
	LastActiveAt *date.Moment  `json:"lastActiveAt"`
}

// Online returns the users who have the program open right now, sorted.
func (s *Service) Online(ctx context.Context) ([]record.UserID, error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return nil, err
	}
	return s.online(ctx)
}

func (s *Service) online(ctx context.Context) ([]record.UserID, error) {
	if s.Presence == nil {
		return []record.UserID{}, nil
	}
	ids, err := s.Presence.Online(ctx)
	if err != nil {
		return nil, err
	}
	ids = append([]record.UserID{}, ids...)
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// Statuses returns a page of the active users, by user name, and whether they
// are there.
func (s *Service) Statuses(ctx context.Context, q page.Query) (page.Of[Status], error) {
	if err := record.Require(ctx, record.Staff); err != nil {
		return page.Of[Status]{}, err
	}
	users, err := s.Users.List(ctx, Filter{Active: "true", Query: q})
	if err != nil {
		return page.Of[Status]{}, err
	}
	online, err := s.online(ctx)
	if err != nil {
		return page.Of[Status]{}, err
	}
	out := page.Of[Status]{Items: make([]Status, len(users.Items)), Limit: users.Limit, Page: users.Page, Total: users.Total, AtLeast: users.AtLeast, More: users.More, Next: users.Next}
	for i, u := range users.Items {
		_, there := slices.BinarySearch(online, u.ID)
		out.Items[i] = Status{User: u.Person(), IsOnline: there, LastActiveAt: u.LastActiveAt}
	}
	return out, nil
}
