package metrics

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A Request is one that was answered.
type Request struct {
	Route  string // a pattern; "" if no route took it
	Method string
	Status int
	Took   time.Duration
	Waits  bool   // its answer waited for something to tell
	Trace  string // the id of the trace it is in, "" for none
}

// Requests counts requests.
type Requests struct {
	underWay atomic.Int64
	series   *known[answered, series]
}

// answered is what requests have in common that are counted together.
type answered struct {
	route, method string
	status        int
	waits         bool
}

// series are where they are counted.
type series struct {
	total prometheus.Counter
	took  prometheus.Observer // nil for those that wait on purpose
}

func newRequests(total *prometheus.CounterVec, took *prometheus.HistogramVec) *Requests {
	return &Requests{series: newKnown(func(k answered) series {
		s := series{total: total.WithLabelValues(k.route, k.method, strconv.Itoa(k.status))}
		if !k.waits {
			s.took = took.WithLabelValues(k.route, k.method)
		}
		return s
	})}
}

// Begin counts a request that is under way until End.
func (r *Requests) Begin() { r.underWay.Add(1) }

// End counts a request that was answered.
func (r *Requests) End(q Request) {
	r.underWay.Add(-1)
	k := answered{q.Route, methodOf(q.Method), q.Status, q.Waits}
	if k.route == "" {
		k.route = "unmatched"
	}
	s := r.series.get(k)
	s.total.Inc()
	switch {
	case s.took == nil:
	case q.Trace == "":
		s.took.Observe(q.Took.Seconds())
	default:
		s.took.(prometheus.ExemplarObserver).ObserveWithExemplar(q.Took.Seconds(), prometheus.Labels{"trace_id": q.Trace})
	}
}

// methodOf keeps who makes methods up from making series.
func methodOf(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}
