package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"cartracker/internal/audit"
	"cartracker/internal/date"
	"cartracker/internal/record"
)

// Statistics counts the entries that f selects, by days of zone. One statement
// counts all, so that the sums agree. Each half sorts by one text, which takes
// SQLite a third of the time that it takes for three.
func (s AuditLogs) Statistics(ctx context.Context, f audit.Selection, zone *time.Location) (audit.Statistics, error) {
	out := audit.Statistics{ByAction: map[record.Action]int{}, ByResource: map[string]int{}, ByStatus: map[audit.Status]int{}, ByDay: []audit.DayCount{}}
	days := map[date.Date]int{}
	row := func(scan func(...any) error) error {
		var kind string
		var first *date.Moment
		var n int
		if err := scan(&kind, &first, &n); err != nil {
			return err
		}
		if first != nil {
			days[date.In(zone, *first)] += n
			return nil
		}
		p := strings.SplitN(kind, " ", 3) // a resource may have spaces
		out.Total += n
		out.ByAction[record.Action(p[0])] += n
		out.ByStatus[audit.Status(p[1])] += n
		out.ByResource[p[2]] += n
		return nil
	}
	w := selected(f)
	day, ofDay := dayOf("audit_logs.created_at", zone)
	const kind = "audit_logs.action || ' ' || audit_logs.status || ' ' || audit_logs.resource"
	from := " FROM audit_logs" + w.clause() + " GROUP BY "
	args := slices.Concat(w.args, w.args, ofDay)
	err := s.db.query(ctx, row, "SELECT "+kind+", NULL, COUNT(*)"+from+kind+
		" UNION ALL SELECT '', MIN(audit_logs.created_at), COUNT(*)"+from+day, args...)
	for day, n := range days {
		out.ByDay = append(out.ByDay, audit.DayCount{Day: day, Count: n})
	}
	slices.SortFunc(out.ByDay, func(a, b audit.DayCount) int { return b.Day.DaysUntil(a.Day) })
	return out, err
}

// dayOf returns an expression that is another for each day of zone, and has few
// values more than there are days. No function of both databases knows zones:
// it is the day in UTC with the part of it between two of the times of day at
// which days may begin.
func dayOf(col string, zone *time.Location) (expr string, args []any) {
	text := "CAST(" + col + " AS TEXT)" // begins with YYYY-MM-DD HH:MM:SS in UTC
	expr = "substr(" + text + ", 1, 10)"
	for _, at := range midnights(zone) {
		expr += " || CASE WHEN substr(" + text + ", 12, 8) < ? THEN 'a' ELSE 'b' END"
		args = append(args, at)
	}
	return expr, args
}

// midnights returns the times of day in UTC at which another day begins in zone, as
// long as there is a program like this one: at the midnights, and where clocks
// are set over one.
func midnights(zone *time.Location) []string {
	all := map[string]bool{}
	begin, end := time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	for at := begin; at.Before(end); {
		local := at.In(zone)
		_, offset := local.Zone()
		all[begin.Add(-time.Duration(offset)*time.Second).Format(time.TimeOnly)] = true
		if before := at.Add(-time.Second).In(zone); at != begin && before.Day() != local.Day() {
			all[at.UTC().Format(time.TimeOnly)] = true
		}
		_, next := local.ZoneBounds()
		switch {
		case next.IsZero(): // it stays as it is
			next = end
		case !next.After(at): // a mistake of Go on the last day of some leap years
			next = at.Add(24 * time.Hour)
		}
		at = next
	}
	out := make([]string, 0, len(all))
	for at := range all {
		out = append(out, at)
	}
	slices.Sort(out)
	return out
}
