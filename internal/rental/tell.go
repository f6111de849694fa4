package rental

import (
	"context"

	"cartracker/internal/page"
	"cartracker/internal/record"
)

const (
	// ExpiringDays is how many days ahead of the end of a contract it is told of.
	ExpiringDays = 7
	// EndedDays is for how many days after its end a contract is told of: who
	// brings the contracts of years in does not want to hear of them.
	EndedDays = 7
)

// TellExpiring calls tell with each contract that ends within ExpiringDays and
// whose end nobody was told of, and marks it as notified, in one transaction
// each. It returns of how many it told.
func (s *Service) TellExpiring(ctx context.Context, tell func(context.Context, Contract) error) (int, error) {
	today := s.Today()
	f := Filter{Unnotified: true, EndsFrom: today, EndsTo: today.Add(ExpiringDays)}
	return s.tellEach(ctx, f, func(ctx context.Context, id ContractID) (told bool, err error) {
		err = s.Do(ctx, func(ctx context.Context) (record.Entry, error) {
			c, before, e, err := s.update(ctx, id, record.AnyVersion, func(_ context.Context, c *Contract) (string, error) {
				c.NotificationSent = c.CancelledAt == nil
				return "told the admins that " + c.Number + " ends on " + c.EndDate.String(), nil
			})
			if told = err == nil && c.Version != before.Version; !told {
				return e, err
			}
			return e, tell(ctx, c)
		})
		return told, err
	})
}

// TellEnded does the same with each contract that has ended within EndedDays,
// once for each end that it has.
func (s *Service) TellEnded(ctx context.Context, tell func(context.Context, Contract) error) (int, error) {
	today := s.Today()
	f := Filter{Untold: true, EndsFrom: today.Add(-EndedDays), EndsTo: today.Add(-1)}
	return s.tellEach(ctx, f, func(ctx context.Context, id ContractID) (told bool, err error) {
		err = s.InTx(ctx, func(ctx context.Context) error {
			if told, err = s.Store.TellEnded(ctx, id, today); err != nil || !told {
				return err
			}
			c, err := s.Store.Get(ctx, id, today)
			if err != nil {
				return err
			}
			return tell(ctx, c)
		})
		return told, err
	})
}

// tellEach calls tell with the contracts that f selects, page by page, those
// that end first first.
func (s *Service) tellEach(ctx context.Context, f Filter, tell func(context.Context, ContractID) (bool, error)) (n int, err error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return 0, err
	}
	f.Sort = "endDate"
	f.Query = page.Query{Page: 1, Limit: page.MaxLimit}
	for {
		found, err := s.Store.List(record.Fresh(ctx), f, s.Today())
		if err != nil {
			return n, err
		}
		before := n
		for _, c := range found.Items {
			told, err := tell(ctx, c.ID)
			if err != nil {
				return n, err
			}
			if told {
				n++
			}
		}
		if len(found.Items) < f.Limit || n == before { // or others tell of the same
			return n, nil
		}
	}
}
