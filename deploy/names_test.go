package deploy_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// What /metrics tells besides docs/metrics.md, of what rules and dashboard look at:
// client_golang's names for the process and for Go.
var ofProcess = []string{"process_start_time_seconds", "process_cpu_seconds_total", "process_resident_memory_bytes", "go_goroutines"}

// What neither an alarm nor the dashboard shows, and why.
var unshown = map[string]string{
	"cartracker_gate_entered_total": "the requests by route tell as much",
	"cartracker_gate_waited_total":  "who waits now is shown, and who was refused",
	"cartracker_cache_entries":      "their memory is what is bounded",
	"cartracker_jobs_running":       "those that wait are what matters",
}

// Each name that rules and dashboard ask for is measured, with the labels by which
// they ask, and each that is measured is asked for.
func TestNamesOfMetrics(t *testing.T) {
	t.Parallel()
	measured := measured(t)
	asked := read(t, "prometheus/rules.yaml")
	for _, r := range rows {
		for _, p := range r.panels {
			for _, l := range p.lines {
				asked += "\n" + l.expression
			}
		}
	}
	names := map[string]bool{}
	for _, m := range regexp.MustCompile(`\b((?:cartracker|process|go)_\w+)(?:\{([^}]*)\})?`).FindAllStringSubmatch(asked, -1) {
		name := m[1]
		if slices.Contains(ofProcess, name) {
			continue
		}
		labels, found := measured[name]
		if base := regexp.MustCompile(`_(bucket|count)$`).ReplaceAllString(name, ""); !found && slices.Contains(measured[base], "le") {
			name, labels, found = base, measured[base], true
		}
		if !found {
			t.Errorf("nothing measures %s", m[1])
		}
		names[name] = true
		for _, by := range regexp.MustCompile(`(\w+)[!=]~?"`).FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(labels, by[1]) && by[1] != "instance" {
				t.Errorf("%s has no label %s", m[1], by[1])
			}
		}
	}
	for name := range measured {
		if _, left := unshown[name]; names[name] == left {
			t.Errorf("%s: asked for is %t, and named as one that is not is %t", name, names[name], left)
		}
	}
}

// measured returns the labels of all that docs/metrics.md names; those of a
// histogram have le.
func measured(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(cartracker_\\w+)` \\| (\\w+) \\| ([^|]*) \\|").FindAllStringSubmatch(read(t, "../docs/metrics.md"), -1) {
		labels := strings.FieldsFunc(m[3], func(r rune) bool { return strings.ContainsRune("`, ", r) })
		if m[2] == "histogram" {
			labels = append(labels, "le")
		}
		all[m[1]] = labels
	}
	if len(all) < 40 {
		t.Fatalf("docs/metrics.md has only %d names", len(all))
	}
	return all
}
