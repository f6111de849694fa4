package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/ident"
)

func newID() string { return ident.New[string]() }

// lean reports how much of the throughput of a server by hand the program has
// where it has to ask the database: what it costs that there are services,
// checks, a store and an API between a request and its statements.
func (s *stand) lean(b *testing.B) {
	url := startHand(b, s.database)
	auth := "Authorization: Bearer " + s.employee.Token
	n := 10_000_000 // of kilometres, so that no two requests are alike and all cars fit
	page := func(at string) func(int, int) request {
		return func(caller, i int) request {
			return get(at, fmt.Sprintf("/api/cars?limit=100&maxMileage=%d", n-caller-connections*i), http.StatusOK, -1, auth)
		}
	}
	s.sameAs(b, url)
	b.Run("page of 100 cars", func(b *testing.B) {
		beside(b, func() load { return run(b, connections, roundSpan, 0, page(url)) }, func() load { return run(b, connections, roundSpan, 0, page(s.url)) })
	})
	b.Run("contract", func(b *testing.B) {
		began := time.Now().AddDate(0, 0, 1)
		days := 0
		rents := func(at string) func() load {
			return func() load {
				from := began.AddDate(0, 0, days)
				days += 300 // in each turn, of each car
				return run(b, connections, roundSpan, 0, func(caller, i int) request {
					mine := fleetSize / connections
					day := func(n int) string { return from.AddDate(0, 0, i/mine+n).Format(time.DateOnly) }
					body, _ := json.Marshal(apptest.Contract(s.cars[caller*mine+i%mine], s.customers[caller], day(0), day(1)))
					return post(at, "/api/contracts", string(body), http.StatusCreated, auth)
				})
			}
		}
		beside(b, rents(url), rents(s.url))
	})
}

// sameAs checks that both servers answer a page of cars alike.
func (s *stand) sameAs(b *testing.B, url string) {
	b.Helper()
	const path = "/api/cars?limit=100&maxMileage=10000000"
	var bodies [2]any
	for i, c := range []*apptest.Client{s.employee, apptest.At(b, url)} {
		res := c.Do("GET", path, nil, "Accept-Encoding: identity")
		want(b, res, http.StatusOK)
		if err := json.Unmarshal(res.Body, &bodies[i]); err != nil {
			b.Fatal(err)
		}
	}
	if !reflect.DeepEqual(bodies[0], bodies[1]) {
		b.Fatalf("the servers answer differently:\n%v\n%v", bodies[0], bodies[1])
	}
}

// beside reports how two loads compare that take turns.
func beside(b *testing.B, theirs, ours func() load) {
	b.Helper()
	var ratios, slow, peaks []float64
	for range rounds {
		plain, full := theirs(), ours()
		ratios = append(ratios, full.perSecond()/plain.perSecond())
		slow = append(slow, float64(full.percentile(.99))/float64(plain.percentile(.99)))
		peaks = append(peaks, full.perSecond())
	}
	b.ReportMetric(median(ratios), "of-by-hand")
	b.ReportMetric(median(slow), "p99-times-by-hand")
	b.ReportMetric(median(peaks), "requests/s")
	b.ReportMetric(0, "ns/op")
}
