package metrics

import (
	"maps"
	"net/http"
	"strconv"
	"sync"
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

// Requests counts requests. To count one takes a look into a map and three
// additions: all of them pass here.
type Requests struct {
	total    *prometheus.CounterVec
	took     *prometheus.HistogramVec
	underWay atomic.Int64
	known    atomic.Pointer[map[answered]series]

	mu sync.Mutex // of who adds to known
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
	r := &Requests{total: total, took: took}
	r.known.Store(&map[answered]series{})
	return r
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
	s, ok := (*r.known.Load())[k]
	if !ok {
		s = r.learn(k)
	}
	s.total.Inc()
	switch {
	case s.took == nil:
	case q.Trace == "":
		s.took.Observe(q.Took.Seconds())
	default:
		s.took.(prometheus.ExemplarObserver).ObserveWithExemplar(q.Took.Seconds(), prometheus.Labels{"trace_id": q.Trace})
	}
}

// learn finds where requests of a new sort are counted. There are no more sorts
// than routes times methods times statuses, so a copy of all is soon the last.
func (r *Requests) learn(k answered) series {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := series{total: r.total.WithLabelValues(k.route, k.method, strconv.Itoa(k.status))}
	if !k.waits {
		s.took = r.took.WithLabelValues(k.route, k.method)
	}
	more := maps.Clone(*r.known.Load())
	more[k] = s
	r.known.Store(&more)
	return s
}

// methodOf keeps who makes methods up from making series.
func methodOf(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}
