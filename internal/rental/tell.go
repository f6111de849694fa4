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

// A Notice is what the admins are told of the end of a contract.
type Notice string

// What they are told.
const (
	EndNear Notice = "ending"
	EndPast Notice = "ended"
)

// TellEnding calls tell with each contract that ends within ExpiringDays, once
// for each end that it has, unless somebody marked it as notified. What it told
// is noted in the transaction in which tell is called. It returns of how many
// contracts it told.
func (s *Service) TellEnding(ctx context.Context, tell func(context.Context, Contract) error) (int, error) {
	today := s.Today()
	return s.tellEach(ctx, EndNear, Filter{Unnotified: true, EndsFrom: today, EndsTo: today.Add(ExpiringDays)}, tell)
}

// TellEnded does the same with each contract that has ended within EndedDays.
func (s *Service) TellEnded(ctx context.Context, tell func(context.Context, Contract) error) (int, error) {
	today := s.Today()
	return s.tellEach(ctx, EndPast, Filter{EndsFrom: today.Add(-EndedDays), EndsTo: today.Add(-1)}, tell)
}

// tellEach calls tell with the contracts that f selects, page by page, those
// that end first first.
func (s *Service) tellEach(ctx context.Context, what Notice, f Filter, tell func(context.Context, Contract) error) (n int, err error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return 0, err
	}
	f.Untold, f.Sort, f.Query = what, "endDate", page.Query{Limit: page.MaxLimit}
	for {
		found, err := s.Store.List(record.Fresh(ctx), f, s.Today())
		if err != nil {
			return n, err
		}
		before := n
		for _, c := range found.Items {
			told, err := s.tellOne(ctx, what, c, tell)
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

func (s *Service) tellOne(ctx context.Context, what Notice, c Contract, tell func(context.Context, Contract) error) (told bool, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		if told, err = s.Store.NoteTold(ctx, what, c.ID, c.EndDate); err != nil || !told {
			return err
		}
		return tell(ctx, c)
	})
	return told && err == nil, err
}
