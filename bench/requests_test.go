package bench

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
)

// BenchmarkRequests measures single requests of one client, one after the
// other, through HTTP on loopback: the median and the 95th percentile.
func BenchmarkRequests(b *testing.B) {
	for _, e := range engines {
		for _, contracts := range []int{20_000, 200_000} {
			b.Run(fmt.Sprintf("%s/contracts=%d", e.name, contracts), func(b *testing.B) {
				p := start(b, filled(b, e.empty, contracts), off...)
				employee := apptest.At(b, p.url).SignIn("emir")
				today := time.Now()
				day := func(n int) string { return today.AddDate(0, 0, n).Format(time.DateOnly) }
				admin := apptest.At(b, p.url).SignIn("amra")
				forget := func() { want(b, admin.Do("DELETE", "/api/cache", nil), http.StatusOK) } // or the answer to the first would be kept
				get := func(name, path string) {
					b.Run(name, func(b *testing.B) {
						measure(b, p, forget, func(int) { want(b, employee.Do("GET", path, nil), http.StatusOK) })
					})
				}
				get("calendar", "/api/cars/calendar?from="+day(-15)+"&to="+day(15))
				get("contracts", "/api/contracts?limit=30")
				get("available", "/api/cars/available?from="+day(1)+"&to="+day(6))
				get("available30", "/api/cars/available?limit=30&from="+day(1)+"&to="+day(6))
				get("cars", "/api/cars?limit=100")
				get("search", "/api/contracts?limit=30&q=A03-K")
				b.Run("rent", func(b *testing.B) { rent(b, p, employee, day) })
			})
		}
	}
}

// rent makes contracts of a car and another for days far ahead, which nobody holds.
func rent(b *testing.B, p *process, employee *apptest.Client, day func(int) string) {
	next := 0
	measure(b, p, func() {}, func(int) {
		i := next
		next++
		body := apptest.Contract(carID(1+7*(i%90)), customerID(i%customers), day(100+i/90), day(101+i/90))
		want(b, employee.Do("POST", "/api/contracts", body), http.StatusCreated)
	})
}

func want(b *testing.B, res apptest.Response, status int) {
	if res.Status != status {
		b.Fatal(res)
	}
}

// measure reports the median and the 95th percentile of do, which before
// precedes, and the processor time that the program spends on each of both.
func measure(b *testing.B, p *process, before func(), do func(i int)) {
	for i := range 20 {
		before()
		do(i) // warms caches and prepared statements
	}
	var took []time.Duration
	spent := p.cpu(b)
	for i := 0; b.Loop(); i++ {
		before()
		began := time.Now()
		do(i)
		took = append(took, time.Since(began))
	}
	spent = p.cpu(b) - spent
	slices.Sort(took)

	b.ReportMetric(ms(took[len(took)/2]), "p50-ms")
	b.ReportMetric(ms(took[len(took)*95/100]), "p95-ms")
	b.ReportMetric(ms(spent)/float64(len(took)), "cpu-ms")
	b.ReportMetric(0, "ns/op")
}
