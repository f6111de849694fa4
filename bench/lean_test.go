package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"gonum.org/v1/plot/plotter"

	"cartracker/internal/app/apptest"
	"cartracker/internal/ident"
)

func newID() string { return ident.New[string]() }

// lean reports how much of the throughput of a server by hand the program has
// where it has to ask the database: what it costs that there are services,
// checks, a store and an API between a request and its statements.
func (s *stand) lean(b *testing.B) {
	url := startHand(b, s.database)
	s.sameAs(b, url)
	for _, w := range s.uncached() {
		b.Run(w.name, func(b *testing.B) {
			turn := func(at string) func() load {
				return func() load { return run(b, connections, roundSpan, 0, w.at(at)) }
			}
			beside(b, turn(url), turn(s.url))
		})
	}
}

// work is what callers of a server send.
type work struct {
	name string
	at   func(url string) func(caller, i int) request
}

// uncached is work for the database: no answer to it can be kept.
func (s *stand) uncached() []work {
	auth := "Authorization: Bearer " + s.employee.Token
	distance := 10_000_000 // in km: all cars have less, and no two requests are alike
	page := func(url string) func(int, int) request {
		from := distance
		distance -= 100_000
		return func(caller, i int) request {
			return get(url, fmt.Sprintf("/api/cars?limit=100&maxMileage=%d", from-caller-connections*i), http.StatusOK, -1, auth)
		}
	}
	rent := func(url string) func(int, int) request {
		from := s.rentable
		s.rentable = from.AddDate(0, 0, 300) // more than a turn takes of each car
		return func(caller, i int) request {
			mine := fleetSize / connections
			day := func(n int) string { return from.AddDate(0, 0, i/mine+n).Format(time.DateOnly) }
			body, _ := json.Marshal(apptest.Contract(s.cars[caller*mine+i%mine], s.customers[caller], day(0), day(1)))
			return post(url, "/api/contracts", string(body), http.StatusCreated, auth)
		}
	}
	return []work{{"page of 100 cars", page}, {"contract", rent}}
}

// byLoad reports how long answers take at parts of the most that the program can do.
func (s *stand) byLoad(b *testing.B) {
	cached := same(s.ask(variants[1].headers, -1))
	all := append([]work{{"kept page of 100 cars", func(string) func(int, int) request { return cached }}}, s.uncached()...)
	var panels []panel
	for _, w := range all {
		p := panel{title: w.name, x: "% of the peak", yFrom: .05, yTo: 200, curves: []curve{{name: "p50"}, {name: "p95"}, {name: "p99"}}}
		var peaks []float64
		for range rounds / 3 {
			peaks = append(peaks, run(b, connections, roundSpan, 0, w.at(s.url)).perSecond())
		}
		for _, percent := range []float64{25, 50, 75, 90} {
			var took [3][]float64
			for range rounds / 3 {
				l := run(b, connections, 2*roundSpan, median(peaks)*percent/100, w.at(s.url))
				for i, part := range []float64{.5, .95, .99} {
					took[i] = append(took[i], ms(l.percentile(part)))
				}
			}
			p.xTicks = append(p.xTicks, percent)
			for i := range took {
				p.curves[i].points = append(p.curves[i].points, plotter.XY{X: percent, Y: median(took[i])})
			}
		}
		fmt.Printf("%s: ms at 25, 50, 75 and 90 %% of %.0f requests/s, and what the last is of the first\n%s", w.name, median(peaks), p.table())
		panels = append(panels, p)
	}
	picture(b, "latency.svg", panels...)
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
