package storetest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
	_ "time/tzdata" // zones of which the machine may know nothing

	"cartracker/internal/audit"
	"cartracker/internal/date"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// auditStatistics counts entries by the days of zones whose clocks do odd
// things, and compares that with looking at each entry.
func auditStatistics(t *testing.T, w *world) {
	var all []audit.Log
	for i, at := range oddMoments(t) {
		l := audit.Log{
			Action: []record.Action{record.Create, record.Update, record.LoginFailed}[i%3], Resource: []string{"car", "a kind with spaces"}[i%2],
			Status: []audit.Status{audit.Success, audit.Success, audit.Success, audit.Failure}[i%4], Description: fmt.Sprint("Šarac ", i%5), CreatedAt: date.At(at),
		}
		w.addLog(t, l)
		all = append(all, l)
	}
	for _, name := range oddZones {
		zone := must(time.LoadLocation(name))(t)
		got := must(w.logs.Statistics(t.Context(), audit.Selection{}, zone))(t)
		sameCounts(t, name, got, counted(all, zone))
	}
	none := must(w.logs.Statistics(t.Context(), audit.Selection{Resource: "none"}, time.UTC))(t)
	if none.ByAction == nil || none.ByResource == nil || none.ByStatus == nil || none.ByDay == nil {
		t.Errorf("of nothing: %+v", none)
	}
	statisticsOf(t, w, all)
}

// statisticsOf counts what filters select, through the service.
func statisticsOf(t *testing.T, w *world, all []audit.Log) {
	late := date.In(w.audit.Zone, all[len(all)-1].CreatedAt)
	for what, c := range map[string]struct {
		f    audit.Selection
		want func(audit.Log) bool
	}{
		"nothing":  {audit.Selection{}, func(audit.Log) bool { return true }},
		"action":   {audit.Selection{Action: record.Update}, func(l audit.Log) bool { return l.Action == record.Update }},
		"resource": {audit.Selection{Resource: "car"}, func(l audit.Log) bool { return l.Resource == "car" }},
		"status":   {audit.Selection{Status: audit.Failure}, func(l audit.Log) bool { return l.Status == audit.Failure }},
		"q":        {audit.Selection{Q: "sarac 3"}, func(l audit.Log) bool { return l.Description == "Šarac 3" }},
		"from":     {audit.Selection{From: late}, func(l audit.Log) bool { return !date.In(w.audit.Zone, l.CreatedAt).Before(late) }},
		"to":       {audit.Selection{To: late}, func(l audit.Log) bool { return date.In(w.audit.Zone, l.CreatedAt).Before(late) }},
		"userId":   {audit.Selection{UserID: w.admin.ID}, func(audit.Log) bool { return false }},
		"all": {audit.Selection{Action: record.Create, Resource: "car", Status: audit.Success, Q: "SARAC", To: late}, func(l audit.Log) bool {
			return l.Action == record.Create && l.Resource == "car" && l.Status == audit.Success && date.In(w.audit.Zone, l.CreatedAt).Before(late)
		}},
	} {
		var want []audit.Log
		for _, l := range all {
			if c.want(l) {
				want = append(want, l)
			}
		}
		got := must(w.audit.Statistics(as(t, w.admin), c.f))(t)
		sameCounts(t, what, got, counted(want, w.audit.Zone))
	}
	_, err := w.audit.Statistics(as(t, w.employee), audit.Selection{})
	wantErr(t, "statistics for an employee", err, record.ErrForbidden)
	_, err = w.audit.Statistics(as(t, w.admin), audit.Selection{From: late, To: late.Add(-1)})
	wantErr(t, "statistics of no days", err, page.ErrOrder)
}

// oddZones set their clocks at midnight or over it, skip a day, or are no whole
// hours from UTC.
var oddZones = []string{
	"UTC", "Europe/Sarajevo", "America/Santiago", "Asia/Beirut", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe",
	"Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Sao_Paulo", "Africa/Casablanca", "Atlantic/Azores",
}

// oddMoments returns moments right before, at and after the midnights of days
// on which the clocks of a zone are set, and of others.
func oddMoments(t *testing.T) (all []time.Time) {
	for _, name := range oddZones {
		zone := must(time.LoadLocation(name))(t)
		changes := []time.Time{time.Date(2011, 12, 30, 12, 0, 0, 0, time.UTC)} // which Samoa has not had
		for _, year := range []int{2018, 2026} {
			_, change := time.Date(year, 1, 1, 0, 0, 0, 0, zone).ZoneBounds()
			changes = append(changes, change, time.Date(year, 5, 5, 0, 0, 0, 0, zone))
		}
		for _, at := range changes {
			if at.IsZero() {
				continue
			}
			for _, midnight := range []date.Date{date.In(zone, date.At(at)), date.In(zone, date.At(at)).Add(1)} {
				begins := midnight.Begins(zone).Time()
				all = append(all, begins.Add(-time.Microsecond), begins, begins.Add(time.Hour-time.Microsecond))
			}
			all = append(all, at.Add(-time.Second), at)
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	return all
}

// counted counts entries one by one.
func counted(all []audit.Log, zone *time.Location) audit.Statistics {
	out := audit.Statistics{ByAction: map[record.Action]int{}, ByResource: map[string]int{}, ByStatus: map[audit.Status]int{}}
	days := map[date.Date]int{}
	for _, l := range all {
		out.Total++
		out.ByAction[l.Action]++
		out.ByResource[l.Resource]++
		out.ByStatus[l.Status]++
		days[date.In(zone, l.CreatedAt)]++
	}
	for _, day := range slices.SortedFunc(maps.Keys(days), func(a, b date.Date) int { return b.DaysUntil(a) }) {
		out.ByDay = append(out.ByDay, audit.DayCount{Day: day, Count: days[day]})
	}
	return out
}

func sameCounts(t *testing.T, what string, got, want audit.Statistics) {
	t.Helper()
	if got.Total != want.Total || !maps.Equal(got.ByAction, want.ByAction) || !maps.Equal(got.ByResource, want.ByResource) ||
		!maps.Equal(got.ByStatus, want.ByStatus) || !slices.Equal(got.ByDay, want.ByDay) {
		t.Errorf("%s:\ngot  %v\nwant %v", what, got, want)
	}
}
