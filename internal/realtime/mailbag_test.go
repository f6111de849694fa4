package realtime

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"cartracker/internal/notifications"
	"cartracker/internal/record"
)

// A shutStore cannot be read a number of times.
type shutStore struct {
	notifications.Store
	times *int
}

func (s shutStore) ByIDs(_ context.Context, ids []string) ([]notifications.Notification, error) {
	if *s.times--; *s.times >= 0 {
		return nil, errors.New("the database is away")
	}
	return []notifications.Notification{{ID: notifications.ID(ids[0])}}, nil
}

// What cannot be read at once is told later, unless the program stops.
func TestReadAgain(t *testing.T) {
	change := []record.Event{{Seq: 1, Change: record.Change{Topic: record.Notifications, ID: "n", Kind: record.Created}}}
	for times, want := range map[int]int{0: 1, 3: 1, 1e9: 0} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 10*mailPause)
			defer cancel()
			h := &Hub{Config: Config{Notifications: &notifications.Service{Store: shutStore{times: &times}}}}
			if got := h.read(ctx, change); len(got) != want {
				t.Errorf("%v is told, want %d", got, want)
			}
		})
	}
}
