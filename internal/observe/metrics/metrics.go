// Package metrics measures what the program does, for Prometheus. What is
// counted as it happens is told here by those who do it; what can be looked up
// is read when somebody asks for it. No label has more values than the program
// has words: routes are patterns, and nothing of a request is taken over.
package metrics

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// mostScrapes is how many may ask at the same time.
const mostScrapes = 4

// A Set is what one program measures.
type Set struct {
	Requests *Requests

	registry *prometheus.Registry
	counters map[string]*prometheus.CounterVec
	times    map[string]*prometheus.HistogramVec
	readings *readings
	limits   *known[decision, prometheus.Counter]
	queries  *known[query, prometheus.Observer]
}

// A decision is one of a limit.
type decision struct {
	rule       string
	ok, shared bool
}

// A query is what a database did.
type query struct{ database, operation string }

// New returns the Set of a program of this version.
func New(version string) *Set {
	s := &Set{
		registry: prometheus.NewRegistry(), counters: map[string]*prometheus.CounterVec{}, times: map[string]*prometheus.HistogramVec{},
		readings: &readings{descriptions: map[string]description{}},
	}
	for _, f := range families {
		s.add(f)
	}
	s.Requests = newRequests(s.counters["cartracker_http_requests_total"], s.times["cartracker_http_request_duration_seconds"])
	s.limits = newKnown(func(d decision) prometheus.Counter {
		return s.counters["cartracker_rate_limit_decisions_total"].WithLabelValues(d.rule, word(d.ok, "allowed", "refused"), word(d.shared, "shared", "local"))
	})
	s.queries = newKnown(func(q query) prometheus.Observer {
		return s.times["cartracker_db_query_duration_seconds"].WithLabelValues(q.database, q.operation)
	})
	s.registry.MustRegister(s.readings, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.Read(func(put Put) {
		put("cartracker_build_info", 1, version, runtime.Version())
		put("cartracker_http_requests_in_flight", float64(s.Requests.underWay.Load()))
	})
	return s
}

// pushed are the counters that are told of what happens. The others are read.
var pushed = map[string]bool{
	"cartracker_http_requests_total": true, "cartracker_rate_limit_decisions_total": true,
	"cartracker_job_attempts_total": true, "cartracker_job_failures_total": true,
}

func (s *Set) add(f Family) {
	switch {
	case f.Kind == Histogram:
		v := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: f.Name, Help: f.Help, Buckets: f.bounds}, f.Labels)
		s.registry.MustRegister(v)
		s.times[f.Name] = v
	case pushed[f.Name]:
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.Name, Help: f.Help}, f.Labels)
		s.registry.MustRegister(v)
		s.counters[f.Name] = v
	default:
		kind := prometheus.GaugeValue
		if f.Kind == Counter {
			kind = prometheus.CounterValue
		}
		s.readings.descriptions[f.Name] = description{prometheus.NewDesc(f.Name, f.Help, f.Labels, nil), kind}
	}
}

// Handler serves what was measured, as Prometheus reads it.
func (s *Set) Handler() http.Handler {
	return promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{
		ErrorLog: complaints{}, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: mostScrapes, EnableOpenMetrics: true,
	})
}

// complaints go to the log.
type complaints struct{}

// Println logs what is wrong with a measurement.
func (complaints) Println(v ...any) {
	slog.Warn("something cannot be measured", "err", fmt.Sprint(v...))
}

// Limited counts a decision of a limit, and whether it was made by the count of
// all instances.
func (s *Set) Limited(rule string, ok, shared bool) {
	s.limits.get(decision{rule, ok, shared}).Inc()
}

func word(is bool, yes, no string) string {
	if is {
		return yes
	}
	return no
}

// Worked counts an attempt at a job of a kind.
func (s *Set) Worked(kind, outcome string, took time.Duration) {
	s.counters["cartracker_job_attempts_total"].WithLabelValues(kind, outcome).Inc()
	s.times["cartracker_job_duration_seconds"].WithLabelValues(kind).Observe(took.Seconds())
}

// Failed counts an attempt that failed, by what becomes of its job.
func (s *Set) Failed(kind, outcome string) {
	s.counters["cartracker_job_failures_total"].WithLabelValues(kind, outcome).Inc()
}

// Mailed notes how long it took to hand a mail over.
func (s *Set) Mailed(outcome string, took time.Duration) {
	s.times["cartracker_mail_send_duration_seconds"].WithLabelValues(outcome).Observe(took.Seconds())
}

// Queried notes how long a database took for an operation.
func (s *Set) Queried(database, operation string, took time.Duration) {
	s.queries.get(query{database, operation}).Observe(took.Seconds())
}

// Called notes how long a call to Redis took.
func (s *Set) Called(took time.Duration) {
	s.times["cartracker_redis_call_duration_seconds"].WithLabelValues().Observe(took.Seconds())
}

// Hashed notes how long it took to hash a password.
func (s *Set) Hashed(took time.Duration) {
	s.times["cartracker_argon2_duration_seconds"].WithLabelValues().Observe(took.Seconds())
}

// A Put takes a value of a family, with the values of its labels in their order.
type Put func(family string, value float64, labels ...string)

// Read lets read be called, possibly by several at the same time, whenever
// somebody asks for what is measured. It must not wait for anything.
func (s *Set) Read(read func(Put)) { s.readings.add(read) }

// readings are values that are looked up when somebody asks.
type readings struct {
	descriptions map[string]description

	mu  sync.Mutex
	all []func(Put)
}

type description struct {
	*prometheus.Desc
	kind prometheus.ValueType
}

func (r *readings) add(read func(Put)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all[:len(r.all):len(r.all)], read)
}

// Describe tells of all families that are read.
func (r *readings) Describe(out chan<- *prometheus.Desc) {
	for _, d := range r.descriptions {
		out <- d.Desc
	}
}

// Collect reads all values. One that fits no family is told as an error: it must
// not take the others with it.
func (r *readings) Collect(out chan<- prometheus.Metric) {
	r.mu.Lock()
	all := r.all
	r.mu.Unlock()
	put := func(family string, value float64, labels ...string) {
		d, ok := r.descriptions[family]
		if !ok {
			d.Desc = prometheus.NewDesc("cartracker_unknown", "A value of no family.", nil, nil)
			out <- prometheus.NewInvalidMetric(d.Desc, fmt.Errorf("%s is no family that is read", family))
			return
		}
		m, err := prometheus.NewConstMetric(d.Desc, d.kind, value, labels...)
		if err != nil {
			m = prometheus.NewInvalidMetric(d.Desc, err)
		}
		out <- m
	}
	for _, read := range all {
		read(put)
	}
}
