package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/nginxtest"
	"cartracker/internal/redis/redistest"
)

const (
	clusterRounds = 15 // in which each way has its turn
	calmRounds    = 5  // the same, at a fixed rate
)

// A way leads to one instance or to two.
type way struct {
	name string
	url  string
}

// A figure is what was measured of some work by one of the ways.
type figure struct{ perSecond, p50, p99, calm50, calm99 []float64 }

// BenchmarkInstances is what `make bench-cluster` runs: two instances behind nginx
// beside one behind nginx, and beside one without it. All of them share this
// machine's cores with PostgreSQL, Redis and the clients.
func BenchmarkInstances(b *testing.B) {
	nginxtest.Program(b)
	settings := append([]string{"REDIS_URL=" + redistest.New(b, redistest.Options{}).URL(), "DB_INSTANCES=2", "TRUSTED_PROXIES=127.0.0.1"}, high...)
	s := newStand(b, settings...)
	other := start(b, s.database, append([]string{"ACCESS_TOKEN_DURATION=24h"}, settings...)...)
	one, two := strings.TrimPrefix(s.url, "http://"), strings.TrimPrefix(other.url, "http://")
	ways := []way{
		{"straight", s.url},
		{"one", nginxtest.Start(b, nginxtest.Deployed(b, one, one)).URL()},
		{"two", nginxtest.Start(b, nginxtest.Deployed(b, one, two)).URL()},
	}
	fmt.Println("\n| requests/s | straight to one | nginx, one | nginx, two | nginx, of straight | two, of one | p50/p99 of the three | at a fixed rate: p50/p99 of the three |\n|---|---|---|---|---|---|---|---|")
	for _, w := range s.shared(b) {
		b.Run(w.name, func(b *testing.B) { s.byWays(b, ways, w) })
	}
}

// shared is the work of this benchmark: what is kept, what is read, and what is written.
func (s *stand) shared(b *testing.B) []work {
	b.Helper()
	staff, boss := "Authorization: Bearer "+s.employee.Token, "Authorization: Bearer "+s.admin.Token
	entry := s.admin.Do("GET", "/api/audit-logs?limit=1", nil).Text("data.0.id")
	always := func(path, auth string) func(string) func(int, int) request {
		return func(url string) func(int, int) request { return same(get(url, path, http.StatusOK, -1, auth)) }
	}
	var papers atomic.Int64
	customer := func(url string) func(int, int) request {
		return func(int, int) request {
			body, _ := json.Marshal(apptest.Customer(fmt.Sprintf("C%07d", papers.Add(1)))) // of texts: it cannot fail
			return post(url, "/api/customers", string(body), http.StatusCreated, staff)
		}
	}
	read := s.uncached()
	return []work{
		{"page of 20 cars, kept", always("/api/cars?limit=20", staff)},
		{"a car, kept", always("/api/cars/"+s.cars[0], staff)},
		{"page of 100 cars, read", read[0].at},
		{"an entry of the audit log, read", always("/api/audit-logs/"+entry, boss)},
		{"new contract", read[1].at},
		{"new customer", customer},
	}
}

// byWays lets the ways take turns, each as fast as it can and then all at the same
// rate, which is half of what one instance behind nginx does.
func (s *stand) byWays(b *testing.B, ways []way, w work) {
	all := make([]figure, len(ways))
	var cost, gain []float64
	for _, to := range ways {
		run(b, connections, roundSpan, 0, w.at(to.url)) // fills what is kept
	}
	for round := range clusterRounds {
		for i := range ways {
			n := (round + i) % len(ways)
			all[n].fast(run(b, connections, roundSpan, 0, w.at(ways[n].url)))
		}
		cost = append(cost, last(all[1].perSecond)/last(all[0].perSecond))
		gain = append(gain, last(all[2].perSecond)/last(all[1].perSecond))
	}
	rate := median(all[1].perSecond) / 2
	for round := range calmRounds {
		for i := range ways {
			n := (round + i) % len(ways)
			all[n].calm(run(b, connections, 2*roundSpan, rate, w.at(ways[n].url)))
		}
	}
	b.ReportMetric(median(cost), "nginx-of-straight")
	b.ReportMetric(median(gain), "two-of-one")
	b.ReportMetric(0, "ns/op")
	var row, fast, calm strings.Builder
	for i, f := range all {
		fmt.Fprintf(&row, " %.0f |", median(f.perSecond))
		if i > 0 {
			fast.WriteString(", ")
			calm.WriteString(", ")
		}
		fmt.Fprintf(&fast, "%.1f/%.1f", median(f.p50), median(f.p99))
		fmt.Fprintf(&calm, "%.1f/%.1f", median(f.calm50), median(f.calm99))
	}
	fmt.Printf("\n| %s |%s %.2f | %.2f | %s | %.0f/s: %s |\n", w.name, row.String(), median(cost), median(gain), fast.String(), rate, calm.String())
}

// fast adds a turn in which as much was sent as could be.
func (f *figure) fast(l load) {
	f.perSecond = append(f.perSecond, l.perSecond())
	f.p50, f.p99 = append(f.p50, ms(l.percentile(.5))), append(f.p99, ms(l.percentile(.99)))
}

// calm adds a turn at a fixed rate.
func (f *figure) calm(l load) {
	f.calm50, f.calm99 = append(f.calm50, ms(l.percentile(.5))), append(f.calm99, ms(l.percentile(.99)))
}

func last(all []float64) float64 { return all[len(all)-1] }
