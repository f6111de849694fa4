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
// counts all, so that the sums agree.
func (s AuditLogs) Statistics(ctx context.Context, f audit.Selection, zone *time.Location) (audit.Statistics, error) {
	out := audit.Statistics{ByAction: map[record.Action]int{}, ByResource: map[string]int{}, ByStatus: map[audit.Status]int{}}
	days := map[date.Date]int{}
	row := func(scan func(...any) error) error {
		var kind string
		var first *date.Moment
		var n int
		err := scan(&kind, &first, &n)
		if first != nil {
			days[date.In(zone, *first)] += n
			out.Total += n
		}
		addKind(&out, kind, n)
		return err
	}
	w := selected(f)
	day, args := dayOf("audit_logs.created_at", zone)
	query := "SELECT '', MIN(audit_logs.created_at), COUNT(*) FROM audit_logs" + w.clause() + " GROUP BY " + day
	args = slices.Concat(w.args, args)
	for _, part := range kinds(f, w) {
		query, args = query+" UNION ALL "+part, append(args, w.args...)
	}
	err := s.db.query(ctx, row, query, args...)
	if n := out.Total - out.ByStatus[audit.Failure] - out.ByStatus[audit.Success]; n > 0 {
		out.ByStatus[audit.Success] = n // only failures were counted
	}
	out.ByDay = make([]audit.DayCount, 0, len(days))
	for day, n := range days {
		out.ByDay = append(out.ByDay, audit.DayCount{Day: day, Count: n})
	}
	slices.SortFunc(out.ByDay, func(a, b audit.DayCount) int { return b.Day.DaysUntil(a.Day) })
	return out, err
}

// kinds returns what counts entries by action, resource and status, as queries
// of a text, nothing, and a number. Of all entries, or all of some days, the
// indexes have actions and resources in order, and failures apart. Other
// entries are sorted by one text, which takes SQLite half as long as by three.
func kinds(f audit.Selection, w where) []string {
	from := ", NULL, COUNT(*) FROM audit_logs"
	if (f != audit.Selection{Since: f.Since, Before: f.Before, From: f.From, To: f.To}) {
		const all = "audit_logs.action || ' ' || audit_logs.status || ' ' || audit_logs.resource"
		return []string{"SELECT 'all ' || (" + all + ")" + from + w.clause() + " GROUP BY " + all}
	}
	failed := w
	failed.add("audit_logs.status = 'failure'")
	return []string{
		"SELECT 'action ' || audit_logs.action" + from + w.clause() + " GROUP BY audit_logs.action",
		"SELECT 'resource ' || audit_logs.resource" + from + w.clause() + " GROUP BY audit_logs.resource",
		"SELECT 'status failure'" + from + failed.clause() + " GROUP BY audit_logs.status",
	}
}

// addKind adds a count of kinds.
func addKind(out *audit.Statistics, kind string, n int) {
	of, name, _ := strings.Cut(kind, " ")
	switch of {
	case "action":
		out.ByAction[record.Action(name)] += n
	case "resource":
		out.ByResource[name] += n
	case "status":
		out.ByStatus[audit.Status(name)] += n
	case "all":
		p := strings.SplitN(name, " ", 3) // a resource may have spaces
		out.ByAction[record.Action(p[0])] += n
		out.ByStatus[audit.Status(p[1])] += n
		out.ByResource[p[2]] += n
	}
}

// dayOf returns an expression that is another for each day of zone, and has few
// values more than there are days, with its arguments. No function of both
// databases knows zones: it is the day in UTC with the part of it between two
// of the times of day at which days may begin.
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
