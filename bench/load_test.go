package bench

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/testdb"
)

// The load is that of 16 connections on 100 cars, unless a figure is about
// another number. Each figure is the median of many short rounds in which the
// program and the bare server take turns: the machine's own pace changes from
// one second to the next.
const (
	connections = 16
	fleetSize   = 100
	rounds      = 35
	roundSpan   = 300 * time.Millisecond
)

// high are limits that are on and never reached.
var high = []string{
	"RATE_LIMIT_API=1000000000/15m", "RATE_LIMIT_READ=1000000000/15m", "RATE_LIMIT_WRITE=1000000000/15m", "RATE_LIMIT_AUTH=1000000/15m",
}

var off = []string{"RATE_LIMIT_API=off", "RATE_LIMIT_READ=off", "RATE_LIMIT_WRITE=off", "RATE_LIMIT_AUTH=off"}

// A stand is the program under load, with a fleet and somebody of each role.
type stand struct {
	*process
	admin, employee, user *apptest.Client
	cars                  []string
	customer              string
	customers             []string // one for each connection
	database              string
	wrote                 int       // by write
	rentable              time.Time // no car is rented from this day on
}

// newStand starts the program on PostgreSQL, with more settings.
func newStand(b *testing.B, settings ...string) *stand {
	b.Helper()
	d := testdb.EmptyPostgres(b)
	c := apptest.New(b, d)
	s := &stand{database: d.URL, rentable: time.Now().AddDate(0, 0, 1)}
	for i := range fleetSize {
		car := apptest.Car(fmt.Sprintf("A%02d-K-%03d", i%100, i))
		car["color"], car["currentLocation"] = "dark blue", "Sarajevo airport"
		s.cars = append(s.cars, c.Admin.Make("/api/cars", car))
	}
	for i := range connections {
		s.customers = append(s.customers, c.Employee.Make("/api/customers", apptest.Customer(fmt.Sprintf("12345%02d", i))))
	}
	s.customer = s.customers[0]
	for i := range fleetSize / 2 {
		c.Employee.Make("/api/contracts", apptest.Contract(s.cars[i], s.customer, "2026-08-01", "2026-08-10"))
	}
	s.process = start(b, d.URL, append([]string{"ACCESS_TOKEN_DURATION=24h"}, settings...)...)
	at := apptest.At(b, s.url)
	s.admin, s.employee, s.user = at.SignIn("amra"), at.SignIn("emir"), at.SignIn("uma")
	return s
}

// variants are the ways in which a client may ask for the cars.
var variants = []struct {
	name    string
	headers []string
}{
	{"identity", nil},
	{"gzip", []string{"Accept-Encoding: gzip"}},
	{"304", []string{"If-None-Match: *"}},
}

const list = "/api/cars"

// bare starts a server that answers what the program answers to each variant.
func (s *stand) bare(b *testing.B) (url string, lengths map[string]int) {
	b.Helper()
	answers, lengths := map[string]answer{}, map[string]int{}
	for _, v := range variants {
		s.fetch(b, v.headers) // fills the cache
		a := s.fetch(b, v.headers)
		if got := a.Header.Get("X-Cache"); got != "HIT" {
			b.Fatalf("%s: the answer is a %q", v.name, got)
		}
		answers["/"+v.name], lengths[v.name] = a, len(a.Body)
	}
	return startBare(b, answers), lengths
}

// fetch returns an answer as it is on the wire.
func (s *stand) fetch(b *testing.B, headers []string) answer {
	b.Helper()
	req, err := http.NewRequest(http.MethodGet, s.url+list, nil)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+s.employee.Token)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.Fatal(err)
	}
	res.Header.Del("Date") // every server writes its own
	return answer{Status: res.StatusCode, Header: res.Header, Body: body}
}

// ask is the request for the cars in a variant.
func (s *stand) ask(headers []string, length int) request {
	status := http.StatusOK
	if len(headers) > 0 && strings.HasPrefix(headers[0], "If-None-Match") {
		status = http.StatusNotModified
	}
	return get(s.url, list, status, length, append([]string{"Authorization: Bearer " + s.employee.Token}, headers...)...)
}

func same(r request) func(int, int) request { return func(int, int) request { return r } }

// compare reports how much of the bare server's throughput the program has in
// each variant, and how its slowest answers compare.
func (s *stand) compare(b *testing.B) {
	url, lengths := s.bare(b)
	for _, v := range variants {
		b.Run(v.name, func(b *testing.B) {
			ours := s.ask(v.headers, lengths[v.name])
			theirs := get(url, "/"+v.name, ours.status, lengths[v.name], append([]string{"Authorization: Bearer " + s.employee.Token}, v.headers...)...)
			var ratios, slow, peaks, calm, bare []float64
			for range rounds {
				plain, full := turn(b, theirs, ours, 0)
				ratios = append(ratios, full.perSecond()/plain.perSecond())
				slow = append(slow, float64(full.percentile(.99))/float64(plain.percentile(.99)))
				peaks = append(peaks, full.perSecond())
			}
			half := median(peaks) / 2
			for range rounds {
				plain, full := turn(b, theirs, ours, half)
				calm, bare = append(calm, ms(full.percentile(.99))), append(bare, ms(plain.percentile(.99)))
			}
			b.ReportMetric(median(ratios), "of-bare")
			b.ReportMetric(median(slow), "p99-times-bare")
			b.ReportMetric(2*half, "requests/s")
			b.ReportMetric(median(calm), "p99-ms-at-half")
			b.ReportMetric(median(bare), "bare-p99-ms-at-half")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// turn loads the bare server and then the program, for a moment each, with at
// most rate requests a second if that is not 0.
func turn(b *testing.B, theirs, ours request, rate float64) (plain, full load) {
	b.Helper()
	plain = run(b, connections, roundSpan, rate, same(theirs))
	return plain, run(b, connections, roundSpan, rate, same(ours))
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkLoad is what `make bench-load` runs.
func BenchmarkLoad(b *testing.B) {
	b.Run("without Redis", func(b *testing.B) {
		s := newStand(b, high...)
		b.Run("cached", s.compare)
		b.Run("saved", s.saved)
		b.Run("desk", s.desk)
		b.Run("many", s.many)
		b.Run("lean", s.lean)
		b.Run("by load", s.byLoad)
	})
	b.Run("with Redis", func(b *testing.B) {
		redis := "REDIS_URL=" + redistest.New(b, redistest.Options{}).URL()
		b.Run("limits off", func(b *testing.B) { newStand(b, append(off, redis)...).compare(b) })
		b.Run("limits on", func(b *testing.B) {
			s := newStand(b, append(high, redis)...)
			s.compare(b)
			b.Run("for long", s.lasting)
		})
	})
}

// saved reports what compression and the cache save on lists.
func (s *stand) saved(b *testing.B) {
	day := time.Now().Format(time.DateOnly)
	for _, path := range []string{"/api/cars", "/api/cars/available?from=" + day + "&to=" + day, "/api/contracts", "/api/cars/calendar?from=" + day + "&to=" + day} {
		name, _, _ := strings.Cut(path, "?")
		b.Run(strings.ReplaceAll(strings.TrimPrefix(name, "/api/"), "/", "-"), func(b *testing.B) {
			size := func(coding string) float64 {
				res := s.admin.Do("GET", path, nil, "Accept-Encoding: "+coding)
				want(b, res, http.StatusOK)
				return float64(len(res.Body))
			}
			plain := size("identity")
			b.ReportMetric(100*(1-size("gzip")/plain), "%-by-gzip")
			b.ReportMetric(100*(1-size("zstd")/plain), "%-by-zstd")
			var miss, hit []float64
			for range 50 {
				want(b, s.admin.Do("DELETE", "/api/cache", nil), http.StatusOK)
				for _, into := range []*[]float64{&miss, &hit} {
					began := time.Now()
					want(b, s.admin.Do("GET", path, nil, "Accept-Encoding: identity"), http.StatusOK)
					*into = append(*into, ms(time.Since(began)))
				}
			}
			b.ReportMetric(median(miss), "miss-ms")
			b.ReportMetric(median(hit), "hit-ms")
			b.ReportMetric(100*(1-median(hit)/median(miss)), "%-of-time-saved")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// desk is a morning at the rental desk, in fast motion: clerks look at the cars,
// at what is free, at the calendar, at single cars, at contracts and customers.
// Now and then one writes: a contract, a mileage or a customer, in turn.
func (s *stand) desk(b *testing.B) {
	for _, each := range []int{3, 6, 12} {
		b.Run(fmt.Sprintf("one write in %d", connections*each), func(b *testing.B) { s.morning(b, each) })
	}
}

// morning is a desk at which a write comes with every each request of one of
// the clerks.
func (s *stand) morning(b *testing.B, each int) {
	day := func(n int) string { return time.Now().AddDate(0, 0, n).Format(time.DateOnly) }
	auth := "Authorization: Bearer " + s.employee.Token
	reads := []struct {
		weight int
		path   func() string
	}{
		{20, func() string { return "/api/cars" }},
		{20, func() string { n := rand.IntN(7); return "/api/cars/available?from=" + day(n) + "&to=" + day(n+3) }},
		{15, func() string { return "/api/cars/calendar?from=" + day(-7) + "&to=" + day(23) }},
		{15, func() string { return "/api/cars/" + s.cars[rand.IntN(20)] }},
		{15, func() string { return "/api/contracts?limit=30" }},
		{5, func() string { return "/api/contracts/active" }},
		{5, func() string { return "/api/customers?limit=30" }},
		{5, func() string { return "/api/customers/" + s.customer }},
	}
	var bag []func() string
	for _, r := range reads {
		for range r.weight {
			bag = append(bag, r.path)
		}
	}
	writes := make(chan struct{})
	wrote := make(chan int)
	go func() { wrote <- s.write(b, writes) }()
	l := run(b, connections, 10*time.Second, 400, func(n, i int) request {
		if n == 0 && i%each == 0 { // one of 16 connections
			select {
			case writes <- struct{}{}:
			default:
			}
		}
		return get(s.url, bag[rand.IntN(len(bag))](), http.StatusOK, -1, auth)
	})
	close(writes)
	n := <-wrote
	b.ReportMetric(100*float64(l.seen["HIT"])/float64(len(l.took)), "%-hits")
	b.ReportMetric(float64(len(l.took))/l.span.Seconds(), "reads/s")
	b.ReportMetric(float64(n)/l.span.Seconds(), "writes/s")
	b.ReportMetric(ms(l.percentile(.5)), "p50-ms")
	b.ReportMetric(ms(l.percentile(.99)), "p99-ms")
	b.ReportMetric(0, "ns/op")
}

// write writes something each time it is told to, and returns how often it did.
func (s *stand) write(b *testing.B, due <-chan struct{}) (n int) {
	for range due {
		n++
		s.wrote++
		i := s.wrote
		var res apptest.Response
		switch i % 3 {
		case 0:
			from := time.Now().AddDate(0, 0, 30+i).Format(time.DateOnly)
			res = s.employee.Do("POST", "/api/contracts", apptest.Contract(s.cars[i%fleetSize], s.customer, from, from))
		case 1:
			res = s.employee.Do("PATCH", "/api/cars/"+s.cars[i%fleetSize]+"/mileage", apptest.JSON{"mileage": 100_000 + i})
		case 2:
			res = s.employee.Do("PATCH", "/api/customers/"+s.customer, apptest.JSON{"notes": fmt.Sprint("called ", i)})
		}
		if res.Status >= 300 {
			b.Errorf("a write: %s", res)
		}
	}
	return n
}

// many reports how 100 clients do beside 10.
func (s *stand) many(b *testing.B) {
	r := s.ask(variants[1].headers, -1)
	var ratios []float64
	for range rounds {
		few := run(b, 10, roundSpan, 0, same(r))
		lot := run(b, 100, roundSpan, 0, same(r))
		ratios = append(ratios, lot.perSecond()/few.perSecond())
	}
	b.ReportMetric(median(ratios), "of-10-clients")
	b.ReportMetric(0, "ns/op")
}

// lasting reports whether the program is as fast after some minutes in which
// something is written each second as it was at first. LOAD_SPAN sets the time.
func (s *stand) lasting(b *testing.B) {
	span, err := time.ParseDuration(os.Getenv("LOAD_SPAN"))
	if err != nil {
		span = time.Minute
	}
	due, wrote := make(chan struct{}), make(chan int)
	go func() { wrote <- s.write(b, due) }()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				due <- struct{}{}
			case <-stop:
				return
			}
		}
	}()
	url, lengths := s.bare(b)
	v := variants[1]
	ours := s.ask(v.headers, -1)
	theirs := get(url, "/"+v.name, ours.status, lengths[v.name], v.headers...)
	var parts []float64
	for began := time.Now(); time.Since(began) < span; {
		plain, full := turn(b, theirs, ours, 0)
		parts = append(parts, full.perSecond()/plain.perSecond())
	}
	close(stop)
	<-stopped
	close(due)
	third := len(parts) / 3
	b.ReportMetric(median(parts[2*third:])/median(parts[:third]), "end-of-begin")
	b.ReportMetric(float64(<-wrote), "writes")
	b.ReportMetric(s.rss(b), "RSS-MiB")
	b.ReportMetric(0, "ns/op")
}
