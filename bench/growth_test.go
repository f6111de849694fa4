package bench

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/plot/plotter"

	"cartracker/internal/app/apptest"
)

// sizes are the contracts that a company has had.
var sizes = []int{1_000, 10_000, 100_000, 1_000_000}

// tries is how often each question is asked at each size.
const tries = 200

// A desk asks what a clerk asks. Nothing is kept from before.
type desk struct {
	b      *testing.B
	client *apptest.Client
	admin  *apptest.Client
	size   int
	cursor string
	n      int
}

func (d *desk) get(path string) {
	want(d.b, d.client.Do("GET", path, nil), http.StatusOK)
}

func day(n int) string { return time.Now().AddDate(0, 0, n).Format(time.DateOnly) }

// asked are the questions whose time is looked at as the data grows.
var asked = []struct {
	name string
	ask  func(*desk)
}{
	{"contracts, first page", func(d *desk) { d.get("/api/contracts?limit=30") }},
	{"contracts, by cursor", func(d *desk) { d.get("/api/contracts?limit=30&cursor=" + d.cursor) }},
	{"one contract", func(d *desk) { d.get(fmt.Sprintf("/api/contracts/00000000-0000-7000-a000-%012d", rand.IntN(d.size))) }},
	{"free cars", func(d *desk) {
		d.get("/api/cars/available?limit=30&from=" + day(1+d.n%300) + "&to=" + day(4+d.n%300+d.n/300))
	}},
	{"calendar of 30 days", func(d *desk) { d.get("/api/cars/calendar?from=" + day(-d.n%400) + "&to=" + day(30-d.n%400)) }},
	{"search, license plate", func(d *desk) {
		d.get(fmt.Sprintf("/api/contracts?limit=30&q=A%02d-K-%03d", d.n%6, 100*(d.n%6)+d.n%100))
	}},
	{"search, contract number", func(d *desk) {
		d.get("/api/contracts?limit=30&q=" + strings.TrimPrefix(numberOf(rand.IntN(d.size)), "CTR-"))
	}},
	{"new contract", func(d *desk) {
		body := apptest.Contract(carID(1+7*(d.n%90)), customerID(d.n%customers), day(500+d.n/90), day(501+d.n/90))
		want(d.b, d.client.Do("POST", "/api/contracts", body), http.StatusCreated)
	}},
}

// deep returns the cursor of a page far down in the list of contracts.
func (d *desk) deep() string {
	res := d.client.Do("GET", fmt.Sprintf("/api/contracts?limit=30&page=%d", min(d.size/30, 330)-1), nil)
	want(d.b, res, http.StatusOK)
	return url.QueryEscape(res.Text("pagination.nextCursor"))
}

// BenchmarkGrowth measures the same questions in companies of a thousand to a
// million contracts. The sizes take turns with nothing: each has the machine
// for itself.
func BenchmarkGrowth(b *testing.B) {
	var panels []panel
	for _, e := range engines {
		p := panel{title: e.name, x: "contracts", growing: true, yFrom: .2, yTo: 100}
		for _, a := range asked {
			p.curves = append(p.curves, curve{name: a.name})
		}
		for _, size := range sizes {
			p.xTicks = append(p.xTicks, float64(size))
			b.Run(fmt.Sprintf("%s/contracts=%d", e.name, size), func(b *testing.B) {
				program := start(b, filled(b, e.empty, size), off...)
				at := apptest.At(b, program.url)
				d := &desk{b: b, client: at.SignIn("emir"), admin: at.SignIn("amra"), size: size}
				d.cursor = d.deep()
				for i, a := range asked {
					p50, p95 := d.measure(a.ask)
					b.Logf("%-24s p50 %7.2f ms, p95 %7.2f ms", a.name, p50, p95)
					p.curves[i].points = append(p.curves[i].points, plotter.XY{X: float64(size), Y: p50})
				}
				b.ReportMetric(0, "ns/op")
			})
		}
		fmt.Printf("%s: the median in ms, and how it grew\n%s", e.name, p.table())
		panels = append(panels, p)
	}
	picture(b, "growth.svg", panels...)
}

// measure returns the median and the 95th percentile of asking, in milliseconds.
func (d *desk) measure(ask func(*desk)) (p50, p95 float64) {
	var took []float64
	for i := range 20 + tries {
		d.n = i
		want(d.b, d.admin.Do("DELETE", "/api/cache", nil), http.StatusOK)
		began := time.Now()
		ask(d)
		if i >= 20 { // the first ones warm prepared statements
			took = append(took, ms(time.Since(began)))
		}
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*95/100]
}

// table writes the curves as a table, with what the last is of the first.
func (p panel) table() string {
	var t strings.Builder
	for _, c := range p.curves {
		fmt.Fprintf(&t, "| %s |", c.name)
		for _, at := range c.points {
			fmt.Fprintf(&t, " %.2f |", at.Y)
		}
		if n := len(c.points); n > 0 {
			fmt.Fprintf(&t, " %.1f |", c.points[n-1].Y/c.points[0].Y)
		}
		t.WriteByte('\n')
	}
	return t.String()
}
