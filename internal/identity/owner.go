package identity

import (
	"context"

	"cartracker/internal/record"
)

// Owner returns who has a session now, and until when it lasts unless it is
// refreshed; record.ErrSignIn if it has ended. It always asks the database.
func (s *Service) Owner(ctx context.Context, id SessionID) (Owner, error) {
	o, err := s.Sessions.Owner(record.Fresh(ctx), id)
	if err == nil && !o.Until.After(s.Now()) {
		err = record.ErrSignIn
	}
	return o, err
}
