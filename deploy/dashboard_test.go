package deploy_test

import (
	"encoding/json"
	"flag"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is generated")

// A panel is one picture of the dashboard: a line for each series that an
// expression returns.
type panel struct {
	title, about string
	unit         string // of Grafana
	lines        []line
	limit        *float64 // above it is red; or below, if it is a target
	target       bool
	wide         int // of 24; 8 if 0
}

type line struct{ legend, expression string }

// A row is a heading with the panels below it.
type row struct {
	title  string
	panels []panel
}

// selected are the instances that the reader has chosen.
const selected = `instance=~"$instance"`

// rate is how fast a counter grows, by labels; with adds conditions.
func rate(counter, by string, with ...string) string {
	where := strings.Join(append([]string{selected}, with...), ",")
	of := "sum"
	if by != "" {
		of += " by (" + by + ")"
	}
	return of + " (rate(" + counter + "{" + where + "}[$__rate_interval]))"
}

// quantile is below what a share of the values of a histogram are.
func quantile(q, histogram, by string) string {
	labels := "le"
	if by != "" {
		labels += "," + by
	}
	return "histogram_quantile(" + q + ", " + rate(histogram+"_bucket", labels) + ")"
}

func gauge(of, by, name string, with ...string) string {
	where := strings.Join(append([]string{selected}, with...), ",")
	if by != "" {
		of += " by (" + by + ")"
	}
	return of + " (" + name + "{" + where + "})"
}

func percentiles(histogram string) []line {
	return []line{{"P50", quantile("0.5", histogram, "")}, {"P95", quantile("0.95", histogram, "")}, {"P99", quantile("0.99", histogram, "")}}
}

func at(v float64) *float64 { return &v }

// The rows of the dashboard. What every instance counts of the whole company,
// such as jobs and cars, is the largest of what they say, not the sum.
var rows = []row{
	{"Now", []panel{
		{title: "Instances", about: "That answer Prometheus.", wide: 4, lines: []line{{"", `count(up{job="cartracker"} == 1)`}}},
		{title: "Database", about: "1 if it answers every instance.", wide: 4, lines: []line{{"", gauge("min", "", "cartracker_db_up")}}},
		{title: "Requests", unit: "reqps", wide: 4, lines: []line{{"", rate("cartracker_http_requests_total", "")}}},
		{title: "Errors", about: "Share of answers with 5xx.", unit: "percentunit", wide: 4, limit: at(.01), lines: []line{{"", "(" + rate("cartracker_http_requests_total", "", `status=~"5.."`) + " or vector(0)) / " + rate("cartracker_http_requests_total", "")}}},
		{title: "P95", about: "Nineteen of twenty answers take less.", unit: "s", wide: 4, limit: at(1), lines: []line{{"", quantile("0.95", "cartracker_http_request_duration_seconds", "")}}},
		{title: "Cache hit rate", about: "The target is 80 %.", unit: "percentunit", wide: 4, limit: at(.8), target: true, lines: []line{{"", hitRate("")}}},
	}},
	{"Traffic", []panel{
		{title: "Requests by status", unit: "reqps", lines: []line{{"{{status}}", rate("cartracker_http_requests_total", "status")}}},
		{title: "Answer times", unit: "s", lines: percentiles("cartracker_http_request_duration_seconds")},
		{title: "Requests under way", lines: []line{{"{{instance}}", gauge("sum", "instance", "cartracker_http_requests_in_flight")}}},
		{title: "Busiest routes", unit: "reqps", lines: []line{{"{{method}} {{route}}", "topk(10, " + rate("cartracker_http_requests_total", "method,route") + ")"}}},
		{title: "Slowest routes, P95", unit: "s", lines: []line{{"{{method}} {{route}}", "topk(10, " + quantile("0.95", "cartracker_http_request_duration_seconds", "method,route") + ")"}}},
		{title: "Errors by route", about: "Answers with 5xx.", unit: "reqps", lines: []line{{"{{status}} {{method}} {{route}}", rate("cartracker_http_requests_total", "status,method,route", `status=~"5.."`) + " or vector(0)"}}},
	}},
	{"Cache and limits", []panel{
		{title: "Hit rate", about: "The target is 80 %.", unit: "percentunit", limit: at(.8), target: true, lines: []line{{"{{shelf}}", hitRate("shelf")}, {"all", hitRate("")}}},
		{title: "Memory of the cache", unit: "bytes", lines: []line{{"{{instance}}", gauge("sum", "instance", "cartracker_cache_bytes")}, {"limit", gauge("max", "", "cartracker_cache_limit_bytes")}}},
		{title: "Answers made and left out", unit: "ops", lines: []line{{"made: {{outcome}}", rate("cartracker_cache_loads_total", "outcome")}, {"left out", rate("cartracker_cache_evictions_total", "")}}},
		{title: "429", about: "Answers that say: too many requests.", unit: "reqps", lines: []line{{"429", rate("cartracker_http_requests_total", "", `status="429"`) + " or vector(0)"}}},
		{title: "Limits", about: "Counted in Redis for all instances (shared), or by one alone (local).", unit: "ops", lines: []line{{"{{rule}}: {{outcome}}, {{counted}}", rate("cartracker_rate_limit_decisions_total", "rule,outcome,counted")}}},
		{title: "Places at the database", lines: []line{{"in use: {{class}}", gauge("sum", "class", "cartracker_gate_places_in_use")}, {"waiting: {{class}}", gauge("sum", "class", "cartracker_gate_waiting")}, {"all", gauge("sum", "", "cartracker_gate_places")}}},
		{title: "Refused for want of a place", unit: "reqps", lines: []line{{"{{class}}", rate("cartracker_gate_refused_total", "class")}}},
		{title: "Passwords that are hashed", lines: []line{{"running", gauge("sum", "", "cartracker_argon2_running")}, {"waiting", gauge("sum", "", "cartracker_argon2_waiting")}}},
		{title: "Time to hash a password", unit: "s", lines: percentiles("cartracker_argon2_duration_seconds")},
	}},
	{"Database", []panel{
		{title: "Statements", unit: "ops", lines: []line{{"{{database}}: {{operation}}", rate("cartracker_db_query_duration_seconds_count", "database,operation")}}},
		{title: "Statements, P95", unit: "s", lines: []line{{"{{database}}: {{operation}}", quantile("0.95", "cartracker_db_query_duration_seconds", "database,operation")}}},
		{title: "Connections in use", lines: []line{{"{{instance}} {{pool}} {{index}}", gauge("sum", "instance,pool,index", "cartracker_db_connections_in_use")}}},
		{title: "Connections", lines: []line{{"open {{pool}} {{index}}", gauge("sum", "pool,index", "cartracker_db_connections_open")}, {"idle {{pool}} {{index}}", gauge("sum", "pool,index", "cartracker_db_connections_idle")}, {"most {{pool}} {{index}}", gauge("sum", "pool,index", "cartracker_db_connections_max")}}},
		{title: "Waits for a connection", unit: "ops", lines: []line{{"{{pool}} {{index}}", rate("cartracker_db_connection_waits_total", "pool,index")}}},
		{title: "Time spent waiting for a connection", about: "Seconds in a second.", lines: []line{{"{{pool}} {{index}}", rate("cartracker_db_connection_wait_seconds_total", "pool,index")}}},
		{title: "Replicas: lag", unit: "s", lines: []line{{"{{instance}} {{index}}", gauge("max", "instance,index", "cartracker_replica_lag_seconds")}}},
		{title: "Replicas: in use", lines: []line{{"{{instance}} {{index}}", gauge("min", "instance,index", "cartracker_replica_in_use")}}},
		{title: "Replicas: reads", unit: "ops", lines: []line{{"{{index}}", rate("cartracker_replica_reads_total", "index")}}},
	}},
	{"Redis and sockets", []panel{
		{title: "Redis", about: "1 while calls go to it.", lines: []line{{"{{instance}}", gauge("min", "instance", "cartracker_redis_up")}}},
		{title: "Calls to Redis", unit: "s", lines: percentiles("cartracker_redis_call_duration_seconds")},
		{title: "Outages of Redis", lines: []line{{"{{instance}}", "sum by (instance) (increase(cartracker_redis_outages_total{" + selected + "}[1h]))"}}},
		{title: "Sockets", lines: []line{{"{{instance}} {{transport}}", gauge("sum", "instance,transport", "cartracker_sockets_connected")}}},
		{title: "Events to sockets", unit: "ops", lines: []line{{"sent", rate("cartracker_socket_events_sent_total", "")}, {"slow clients dropped", rate("cartracker_sockets_slow_dropped_total", "")}}},
		{title: "Changes that are not known yet", about: "Time since the last look at the feed.", unit: "s", lines: []line{{"{{instance}}", gauge("max", "instance", "cartracker_feed_behind_seconds")}}},
	}},
	{"Queue", []panel{
		{title: "Jobs that wait", about: "Should stay near 0.", lines: []line{{"{{queue}} {{state}}", gauge("max", "queue,state", "cartracker_jobs", `state!="completed"`)}}},
		{title: "Oldest job that waits", unit: "s", limit: at(300), lines: []line{{"", gauge("max", "", "cartracker_jobs_oldest_waiting_seconds")}}},
		{title: "Attempts", unit: "ops", lines: []line{{"{{kind}}: {{outcome}}", rate("cartracker_job_attempts_total", "kind,outcome")}}},
		{title: "Failures", unit: "ops", lines: []line{{"{{kind}}: {{outcome}}", rate("cartracker_job_failures_total", "kind,outcome") + " or vector(0)"}}},
		{title: "Time of an attempt, P95", unit: "s", lines: []line{{"{{kind}}", quantile("0.95", "cartracker_job_duration_seconds", "kind")}}},
		{title: "Mails handed over", unit: "ops", lines: []line{{"{{outcome}}", rate("cartracker_mail_send_duration_seconds_count", "outcome")}}},
	}},
	{"Business", []panel{
		{title: "Cars", lines: []line{{"{{status}}", gauge("max", "status", "cartracker_cars")}}},
		{title: "Contracts", lines: []line{{"active", gauge("max", "", "cartracker_contracts_active")}, {"out today", gauge("max", "", "cartracker_contracts_out_today")}, {"back today", gauge("max", "", "cartracker_contracts_back_today")}}},
		{title: "Revenue booked", about: "Whole price of the contracts that are active.", lines: []line{{"{{currency}}", gauge("max", "currency", "cartracker_revenue_booked")}}},
	}},
	{"Process", []panel{
		{title: "Processors", about: "Seconds in a second.", lines: []line{{"{{instance}}", rate("process_cpu_seconds_total", "instance")}}},
		{title: "Memory", unit: "bytes", lines: []line{{"{{instance}}", gauge("sum", "instance", "process_resident_memory_bytes")}}},
		{title: "Goroutines", lines: []line{{"{{instance}}", gauge("sum", "instance", "go_goroutines")}}},
		{title: "Version", wide: 24, lines: []line{{"{{instance}} {{version}} {{goversion}}", gauge("sum", "instance,version,goversion", "cartracker_build_info")}}},
	}},
}

// hitRate is the share of answers that were kept. That a token or a session was known
// is not counted: each request asks for one.
func hitRate(by string) string {
	hits, misses, bypasses := rate("cartracker_cache_hits_total", by, ofRoutes), rate("cartracker_cache_misses_total", by, ofRoutes), rate("cartracker_cache_bypasses_total", by, ofRoutes)
	return hits + " / (" + hits + " + " + misses + " + " + bypasses + ")"
}

// ofRoutes are the shelves of answers.
const ofRoutes = `shelf=~"/.*"`

type object = map[string]any

// board returns the dashboard as Grafana imports it.
func board() object {
	var all []object
	y := 0
	source := object{"type": "prometheus", "uid": "${datasource}"}
	for i, r := range rows {
		all = append(all, object{"type": "row", "title": r.title, "collapsed": false, "gridPos": object{"x": 0, "y": y, "w": 24, "h": 1}, "panels": []any{}})
		y++
		x, high := 0, 8
		kind := "timeseries"
		if i == 0 {
			kind, high = "stat", 4
		}
		for _, p := range r.panels {
			wide := p.wide
			if wide == 0 {
				wide = 8
			}
			if x+wide > 24 {
				x, y = 0, y+high
			}
			all = append(all, p.drawn(kind, source, object{"x": x, "y": y, "w": wide, "h": high}))
			x += wide
		}
		y += high
	}
	for i, p := range all {
		p["id"] = i + 1
	}
	return object{
		"title": "Car Tracker", "uid": "cartracker", "tags": []string{"cartracker"}, "schemaVersion": 37, "version": 1, "editable": true,
		"time": object{"from": "now-3h", "to": "now"}, "refresh": "30s", "timezone": "browser",
		"templating": object{"list": []object{
			{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"},
			{
				"name": "instance", "label": "Instance", "type": "query", "datasource": source, "query": "label_values(cartracker_build_info, instance)",
				"refresh": 2, "includeAll": true, "allValue": ".*", "multi": true, "current": object{"text": "All", "value": "$__all"},
			},
		}},
		"panels": all,
	}
}

// drawn returns a panel as Grafana has it.
func (p panel) drawn(kind string, source, place object) object {
	var targets []object
	for i, l := range p.lines {
		targets = append(targets, object{"refId": string(rune('A' + i)), "datasource": source, "expr": l.expression, "legendFormat": l.legend, "range": kind == "timeseries", "instant": kind == "stat"})
	}
	defaults := object{"unit": p.unit, "min": 0}
	if p.unit == "" {
		defaults["unit"] = "short"
	}
	if p.limit != nil {
		low, high := "green", "red"
		if p.target {
			low, high = high, low
		}
		defaults["thresholds"] = object{"mode": "absolute", "steps": []object{{"color": low, "value": nil}, {"color": high, "value": *p.limit}}}
		if kind == "timeseries" {
			defaults["custom"] = object{"thresholdsStyle": object{"mode": "line"}}
		}
	}
	return object{
		"type": kind, "title": p.title, "description": p.about, "datasource": source, "gridPos": place, "targets": targets,
		"fieldConfig": object{"defaults": defaults, "overrides": []any{}},
	}
}

// The dashboard is what the rows say.
func TestDashboard(t *testing.T) {
	t.Parallel()
	const file = "grafana/cartracker.json"
	text, err := json.MarshalIndent(board(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, '\n')
	if *update {
		write(t, file, string(text))
	}
	if read(t, file) != string(text) {
		t.Errorf("%s is not what it should be: make generate", file)
	}
}
