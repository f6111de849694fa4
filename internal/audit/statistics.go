package audit

import (
	"context"

	"cartracker/internal/date"
	"cartracker/internal/record"
)

// Statistics are counts of entries. What has none is not in them.
type Statistics struct {
	Total      int                   `json:"total"`
	ByAction   map[record.Action]int `json:"byAction" nullable:"false"`
	ByResource map[string]int        `json:"byResource" nullable:"false"`
	ByStatus   map[Status]int        `json:"byStatus" nullable:"false"`
	ByDay      []DayCount            `json:"byDay" doc:"In the business's time zone, the first day first."`
}

// A DayCount is how many entries a day has.
type DayCount struct {
	Day   date.Date `json:"day"`
	Count int       `json:"count"`
}

// Statistics counts the entries that f selects.
func (s *Service) Statistics(ctx context.Context, f Selection) (Statistics, error) {
	if err := record.Require(ctx, record.AdminOnly); err != nil {
		return Statistics{}, err
	}
	if err := s.settle(&f); err != nil {
		return Statistics{}, err
	}
	return s.Store.Statistics(ctx, f, s.Zone)
}
