package metrics

import (
	"cmp"
	"context"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	dto "github.com/prometheus/client_model/go"
)

const (
	// Points are those of a Curve: of an hour, if one is added each 10 s.
	Points = 360

	perMark = 30               // points between two marks
	marks   = Points / perMark // that are kept
)

// A Curve is how something was in the last hour, the newest last; NaN where
// nothing was to be measured. It has no point from before the program began.
type Curve []float64

// Sum adds up what is known of a curve.
func (c Curve) Sum() (sum float64) {
	for _, v := range c {
		if !math.IsNaN(v) {
			sum += v
		}
	}
	return sum
}

// An Hour is what was measured in the last hour.
type Hour struct {
	Requests    Curve // since the point before
	Failed      Curve // of these, those that were answered 5xx
	Limited     Curve // of these, those that a limit refused
	P95         Curve // seconds within which 95 of 100 requests were answered
	Hits        Curve // answers of routes from the cache
	Misses      Curve // answers of routes that had to be made
	Waiting     Curve // jobs that are due or delayed, and the mails among them
	Connections Curve // to databases, in use
	Lag         Curve // seconds, of the replica that is furthest behind

	Routes     []Timing // those that take longest first
	Redis      Timing   // calls
	RedisCalls bool     // there were some
}

// A Timing is how long something took in the last hour.
type Timing struct {
	Method, Route string // of requests
	Times         uint64
	P50, P95      float64 // seconds
}

// A History keeps the last hour of a Set: about 30 KiB of curves, and the counts
// of each method of a route thirteen times, which takes 5 KiB for each. It is made
// by those who look at a Set, which costs nothing while nobody does.
type History struct {
	// Step is the time between two points.
	Step time.Duration

	set *Set

	mu     sync.Mutex
	total  totals // at the last point
	hour   Hour   // its curves
	taken  int    // points
	before []mark // the oldest first
	last   mark
}

// totals are counters at one moment.
type totals struct{ requests, failed, limited, hits, misses float64 }

// A mark is how often what took how long up to one moment.
type mark struct {
	routes     map[asked]counts
	all, redis counts
}

// asked is what requests are timed by.
type asked struct{ method, route string }

// counts are how often something took as long as each bound, or less.
type counts struct {
	bounds []float64
	upTo   []uint64
	all    uint64
}

// NewHistory returns the history of s with a point in each step, which is kept
// while Run runs.
func NewHistory(s *Set, step time.Duration) *History { return &History{Step: step, set: s} }

// Run adds a point in each step, until ctx is done.
func (h *History) Run(ctx context.Context) error {
	t := time.NewTicker(h.Step)
	defer t.Stop()
	for {
		h.take(ctx)
		select {
		case <-t.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// take adds a point. Most is known even if something could not be read.
func (h *History) take(ctx context.Context) {
	families, err := h.set.registry.Gather()
	if err != nil {
		slog.DebugContext(ctx, "something cannot be measured", "err", err)
	}
	p := pointOf(families)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.add(p)
}

// add puts a point behind those that there are. The first has only what is at
// the moment: nobody knows since when the counters count.
func (h *History) add(p point) {
	now := totals{p.requests, p.failed, p.limited, p.hits, p.misses}
	p95 := p.mark.all.minus(h.last.all).quantile(.95)
	if h.taken == 0 {
		h.total, p95 = now, math.NaN()
	}
	for curve, v := range map[*Curve]float64{
		&h.hour.Requests: now.requests - h.total.requests, &h.hour.Failed: now.failed - h.total.failed,
		&h.hour.Limited: now.limited - h.total.limited, &h.hour.Hits: now.hits - h.total.hits,
		&h.hour.Misses: now.misses - h.total.misses, &h.hour.P95: p95, &h.hour.Waiting: p.waiting,
		&h.hour.Connections: p.connections, &h.hour.Lag: p.lag,
	} {
		if len(*curve) == Points {
			*curve = append((*curve)[:0], (*curve)[1:]...)
		}
		*curve = append(*curve, v)
	}
	if h.taken%perMark == 0 {
		if len(h.before) == marks {
			h.before = append(h.before[:0], h.before[1:]...)
		}
		h.before = append(h.before, p.mark)
	}
	h.total, h.last = now, p.mark
	h.taken++
}

// Hour returns the last hour. It waits for nothing.
func (h *History) Hour() Hour {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.hour
	for _, c := range []*Curve{&out.Requests, &out.Failed, &out.Limited, &out.P95, &out.Hits, &out.Misses, &out.Waiting, &out.Connections, &out.Lag} {
		*c = slices.Clone(*c)
	}
	var begin mark // of a program that has not run for an hour: nothing
	if len(h.before) == marks {
		begin = h.before[0]
	}
	for k, n := range h.last.routes {
		if t := n.minus(begin.routes[k]).timing(); t.Times > 0 {
			t.Method, t.Route = k.method, k.route
			out.Routes = append(out.Routes, t)
		}
	}
	slices.SortFunc(out.Routes, func(a, b Timing) int {
		return cmp.Or(cmp.Compare(b.P95, a.P95), cmp.Compare(b.Times, a.Times), cmp.Compare(a.Route+a.Method, b.Route+b.Method))
	})
	out.Redis = h.last.redis.minus(begin.redis).timing()
	out.RedisCalls = out.Redis.Times > 0
	return out
}

// A point is what is measured at one moment.
type point struct {
	totals
	waiting, connections, lag float64
	mark                      mark
}

// pointOf sums up what was gathered.
func pointOf(families []*dto.MetricFamily) point {
	p := point{waiting: math.NaN(), lag: math.NaN(), mark: mark{routes: map[asked]counts{}}}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			p.take(f.GetName(), m)
		}
	}
	return p
}

// take adds one value to a point.
func (p *point) take(family string, m *dto.Metric) {
	value := m.GetCounter().GetValue() + m.GetGauge().GetValue() // one of them is 0
	switch family {
	case "cartracker_http_requests_total":
		p.requests += value
		if status := label(m, "status"); status >= "500" && status < "600" {
			p.failed += value
		}
	case "cartracker_rate_limit_decisions_total":
		if label(m, "outcome") == "refused" {
			p.limited += value
		}
	case "cartracker_cache_hits_total":
		if ofRoute(m) {
			p.hits += value
		}
	case "cartracker_cache_misses_total", "cartracker_cache_bypasses_total":
		if ofRoute(m) {
			p.misses += value
		}
	case "cartracker_jobs":
		if state := label(m, "state"); state == "waiting" || state == "delayed" {
			p.waiting = orZero(p.waiting) + value
		}
	case "cartracker_db_connections_in_use":
		p.connections += value
	case "cartracker_replica_lag_seconds":
		p.lag = max(orZero(p.lag), value)
	case "cartracker_redis_call_duration_seconds":
		p.mark.redis = countsOf(m)
	case "cartracker_http_request_duration_seconds":
		n := countsOf(m)
		p.mark.routes[asked{label(m, "method"), label(m, "route")}] = n
		p.mark.all = p.mark.all.plus(n)
	}
}

// ofRoute reports whether a shelf has answers of a route. Others have tokens and
// sessions, which are asked for with each request and nearly always known.
func ofRoute(m *dto.Metric) bool { return strings.HasPrefix(label(m, "shelf"), "/") }

// orZero makes the first value of several out of none.
func orZero(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

func label(m *dto.Metric, name string) string {
	for _, l := range m.GetLabel() {
		if l.GetName() == name {
			return l.GetValue()
		}
	}
	return ""
}

func countsOf(m *dto.Metric) counts {
	h := m.GetHistogram()
	n := counts{bounds: make([]float64, 0, len(h.GetBucket())), upTo: make([]uint64, 0, len(h.GetBucket())), all: h.GetSampleCount()}
	for _, b := range h.GetBucket() {
		if !math.IsInf(b.GetUpperBound(), 1) { // one with an exemplar
			n.bounds, n.upTo = append(n.bounds, b.GetUpperBound()), append(n.upTo, b.GetCumulativeCount())
		}
	}
	return n
}

// plus adds counts of the same family.
func (n counts) plus(m counts) counts {
	if n.bounds == nil {
		return counts{m.bounds, slices.Clone(m.upTo), m.all}
	}
	for i := range n.upTo {
		n.upTo[i] += m.upTo[i]
	}
	n.all += m.all
	return n
}

// minus takes away what was counted up to an earlier moment.
func (n counts) minus(m counts) counts {
	if m.bounds == nil {
		return n
	}
	n.upTo = slices.Clone(n.upTo)
	for i := range n.upTo {
		n.upTo[i] -= m.upTo[i]
	}
	n.all -= m.all
	return n
}

func (n counts) timing() Timing {
	return Timing{Times: n.all, P50: n.quantile(.5), P95: n.quantile(.95)}
}

// quantile returns how long the quickest took that are this part of all, as
// Prometheus reckons it: evenly spread within a bucket, and the highest bound
// for what took longer than that. It is NaN of nothing.
func (n counts) quantile(part float64) float64 {
	if n.all == 0 {
		return math.NaN()
	}
	rank := part * float64(n.all)
	low, below := 0.0, 0.0
	for i, bound := range n.bounds {
		upTo := float64(n.upTo[i])
		if upTo >= rank {
			return low + (bound-low)*(rank-below)/(upTo-below)
		}
		low, below = bound, upTo
	}
	return low
}
