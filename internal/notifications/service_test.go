package notifications

import (
	"context"
	"testing"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// An askedStore counts how often it was asked for what the last commit left.
type askedStore struct {
	Store
	fresh *int
}

func (s askedStore) List(ctx context.Context, _ Selection, _ Filter) (page.Of[Notification], error) {
	s.note(ctx)
	return page.Of[Notification]{}, nil
}

func (s askedStore) Count(ctx context.Context, _ Selection) (int, error) {
	s.note(ctx)
	return 0, nil
}

func (s askedStore) note(ctx context.Context) {
	if record.IsFresh(ctx) {
		*s.fresh++
	}
}

// Whoever was told of a notification finds it: others wrote it, so that what a
// caller themselves wrote says nothing of where it can be read.
func TestInboxIsFresh(t *testing.T) {
	fresh := 0
	now := func() date.Moment { return date.At(time.Now()) }
	s := &Service{Env: record.Env{Now: now}, Store: askedStore{fresh: &fresh}}
	ctx := record.As(t.Context(), record.Caller{Person: record.Person{ID: "u", Role: record.User}})
	_, err1 := s.List(ctx, Filter{})
	_, err2 := s.Unread(ctx, Filter{})
	_, err3 := s.Recent(ctx, 7, Filter{})
	_, err4 := s.UnreadCount(ctx)
	for _, err := range []error{err1, err2, err3, err4} {
		if err != nil {
			t.Error(err)
		}
	}
	if fresh != 4 {
		t.Errorf("%d of 4 looks are at the last commit", fresh)
	}
}
