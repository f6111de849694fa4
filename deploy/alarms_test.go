package deploy_test

import (
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cartracker/internal/prometheustest"
)

// An alarm is what it takes for one of prometheus/rules.yaml to fire, and what
// looks much like it and is as usual, or is at a quiet hour: series as promtool
// writes them, by 30 s.
type alarm struct{ broken, usual, calm []string }

var alarms = map[string]alarm{
	"InstanceDown": {
		broken: []string{`up{job="cartracker"} 1 0x180`},
		usual:  []string{`up{job="cartracker"} 1 0 1x180`, `up{job="other"} 0x180`}, // one scrape was missed
	},
	"InstanceRestarts": {
		broken: []string{`process_start_time_seconds{job="cartracker"} 10x170 20 30 40 50x10`},
		usual:  []string{`process_start_time_seconds{job="cartracker"} 10x170 20 30x10`}, // a new version
	},
	"DatabaseAway": {
		broken: []string{`cartracker_db_up 1 0x180`},
		usual:  []string{`cartracker_db_up 1x170 0 1x10`},
	},
	"ConnectionsExhausted": {
		broken: []string{`cartracker_db_connections_in_use{pool="primary"} 8x180`, `cartracker_db_connections_max{pool="primary"} 8x180`},
		usual: []string{
			`cartracker_db_connections_in_use{pool="primary"} 8x170 7 8x10`, `cartracker_db_connections_max{pool="primary"} 8x180`,
			`cartracker_db_connections_in_use{pool="writer"} 1x180`, `cartracker_db_connections_max{pool="writer"} 1x180`,
		},
	},
	"ReplicaLeftOut": {
		broken: []string{`cartracker_replica_in_use 1 0x180`},
		usual:  []string{`cartracker_replica_in_use 0x170 1 0x9`}, // it has just been behind
	},
	"RedisAway": {
		broken: []string{`cartracker_redis_up 1 0x180`},
		usual:  []string{`cartracker_redis_up 0x175 1 0x3`},
	},
	"ServerErrors": {
		broken: []string{`cartracker_http_requests_total{status="500"} 0+2x180`, `cartracker_http_requests_total{status="200"} 0+100x180`},
		usual: []string{
			`cartracker_http_requests_total{status="500"} 0+1x180`, `cartracker_http_requests_total{status="200"} 0+1000x180`,
			`cartracker_http_requests_total{status="404"} 0+1000x180`, `cartracker_http_requests_total{status="503"} 0+1000x180`,
		},
		calm: []string{`cartracker_http_requests_total{status="500"} 0x170 2x10`, `cartracker_http_requests_total{status="200"} 0+1x180`},
	},
	"AnswersSlow": {
		broken: []string{
			`cartracker_http_request_duration_seconds_bucket{le="1"} 0+90x180`, `cartracker_http_request_duration_seconds_bucket{le="2.5"} 0+100x180`,
			`cartracker_http_request_duration_seconds_bucket{le="+Inf"} 0+100x180`,
		},
		usual: []string{
			`cartracker_http_request_duration_seconds_bucket{le="1"} 0+96x180`, `cartracker_http_request_duration_seconds_bucket{le="2.5"} 0+98x180`,
			`cartracker_http_request_duration_seconds_bucket{le="+Inf"} 0+100x180`,
		},
	},
	"Overloaded": {
		broken: []string{`cartracker_gate_refused_total{class="read"} 0+1x180`},
		usual:  []string{`cartracker_gate_refused_total{class="read"} 0x100 9x80`}, // it was once
	},
	"LimitsRefuse": {
		broken: []string{`cartracker_rate_limit_decisions_total{outcome="refused"} 0+20x180`, `cartracker_http_requests_total 0+100x180`},
		usual: []string{
			`cartracker_rate_limit_decisions_total{outcome="refused"} 0+5x180`, `cartracker_rate_limit_decisions_total{outcome="allowed"} 0+95x180`,
			`cartracker_http_requests_total 0+100x180`,
		},
	},
	"PasswordsWait": {
		broken: []string{`cartracker_argon2_waiting 11x180`},
		usual:  []string{`cartracker_argon2_waiting 11x175 0 11x3`},
	},
	"CacheCold": {
		broken: []string{
			`cartracker_cache_hits_total{shelf="/api/cars"} 0+100x180`, `cartracker_cache_misses_total{shelf="/api/cars"} 0+40x180`, `cartracker_cache_bypasses_total{shelf="/api/cars"} 0x180`,
			`cartracker_cache_hits_total{shelf="token"} 0+140x180`,
		},
		usual: []string{ // hardly anybody asks, and what is asked is new
			`cartracker_cache_hits_total{shelf="/api/cars"} 0+1x180`, `cartracker_cache_misses_total{shelf="/api/cars"} 0+10x180`, `cartracker_cache_bypasses_total{shelf="/api/cars"} 0x180`,
		},
	},
	"CacheNotTrusted": {
		broken: []string{`cartracker_cache_trusted 1 0x180`},
		usual:  []string{`cartracker_cache_trusted 0x175 1 0x3`},
	},
	"QueueStuck": {
		broken: []string{`cartracker_jobs_oldest_waiting_seconds 0+30x180`},
		usual:  []string{`cartracker_jobs_oldest_waiting_seconds 290x180`},
	},
	"MailDown": {
		broken: []string{`cartracker_mail_send_duration_seconds_count{outcome="failed"} 0+1x180`, `cartracker_mail_send_duration_seconds_count{outcome="sent"} 9x180`},
		usual:  []string{`cartracker_mail_send_duration_seconds_count{outcome="refused"} 0+1x180`, `cartracker_mail_send_duration_seconds_count{outcome="sent"} 0+3x180`},
	},
	"JobsGivenUp": {
		broken: []string{`cartracker_jobs{queue="mail",state="failed"} 3x170 4x10`},
		usual:  []string{`cartracker_jobs{queue="mail",state="failed"} 4x150 3x29`, `cartracker_jobs{queue="mail",state="waiting"} 0+1x180`}, // an old one was deleted
	},
	"FiguresOld": {
		broken: []string{`cartracker_figures_updated_timestamp_seconds 60x180`, `cartracker_db_up 1x180`},
		usual:  []string{`cartracker_figures_updated_timestamp_seconds 0+30x180`, `cartracker_db_up 1x180`},
	},
}

// Each alarm fires when it should, and is quiet when it should be, after 90 minutes.
func TestAlarms(t *testing.T) {
	t.Parallel()
	rules, err := filepath.Abs("prometheus/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	names := ruled(t)
	if len(names) != len(alarms) {
		t.Errorf("the rules have %d alarms, and %d are tested", len(names), len(alarms))
	}
	var tests strings.Builder
	fmt.Fprintf(&tests, "rule_files: [%q]\nevaluation_interval: 30s\ntests:\n", rules)
	for _, name := range names {
		a := alarms[name]
		for i, series := range [][]string{a.broken, a.usual, a.calm} {
			firing := 0
			if i == 0 {
				firing = 1
			}
			fmt.Fprintf(&tests, "- interval: 30s\n  name: %s\n  input_series:\n", name)
			for _, s := range series {
				name, values := cut(t, s)
				fmt.Fprintf(&tests, "  - {series: %q, values: %q}\n", name, values)
			}
			fmt.Fprintf(&tests, "  promql_expr_test:\n  - {expr: %q, eval_time: 90m, exp_samples: [{labels: '{}', value: %d}]}\n",
				fmt.Sprintf(`count(ALERTS{alertname=%q,alertstate="firing"}) or vector(0)`, name), firing)
		}
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "tests.yaml"), tests.String())
	if out, err := prometheustest.Promtool(t, dir, "test", "rules", "tests.yaml"); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, tests.String())
	}
	if out, err := prometheustest.Promtool(t, ".", "check", "rules", "--lint=all", "--lint-fatal", "prometheus/rules.yaml"); err != nil {
		t.Error(out)
	}
}

// cut returns the name of a series and its values.
func cut(t *testing.T, series string) (name, values string) {
	t.Helper()
	m := regexp.MustCompile(`^(\w+(?:\{[^}]*\})?) (.+)$`).FindStringSubmatch(series)
	if m == nil {
		t.Fatalf("%q is no series", series)
	}
	return m[1], m[2]
}

// ruled returns the names of the alarms in the rules.
func ruled(t *testing.T) (names []string) {
	t.Helper()
	for _, m := range regexp.MustCompile(`(?m)^ +- alert: (\w+)`).FindAllStringSubmatch(read(t, "prometheus/rules.yaml"), -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return names
}
