package bench

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
)

// A rush is the program under more work than it can do: clients that read lists
// which are not kept, and rent cars out.
type rush struct {
	*process
	auth  string
	log   string
	reads atomic.Int64
	rents atomic.Int64
}

// newRush starts the program over a company with 20,000 contracts.
func newRush(b *testing.B, database string, settings ...string) *rush {
	b.Helper()
	name := filepath.Join(b.TempDir(), "log")
	log, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close() // the process has its own
	settings = append(append([]string{"ACCESS_TOKEN_DURATION=24h", "LOG_LEVEL=info", "LOG_FORMAT=json"}, high...), settings...)
	r := &rush{process: startLogging(b, log, database, settings...), log: name}
	r.auth = "Authorization: Bearer " + apptest.At(b, r.url).SignIn("emir").Token
	return r
}

// read is a list that nobody has asked for before: of 100 cars, or of some
// contracts of a customer.
func (r *rush) read() request {
	n := r.reads.Add(1)
	path := fmt.Sprintf("/api/cars?limit=100&maxMileage=%d", 5_000_000+n)
	if n%2 == 0 {
		path = fmt.Sprintf("/api/contracts?customerId=%s&limit=%d", customerID(int(n/2)%customers), 10+n/2/customers)
	}
	return get(r.url, path, 200, -1, r.auth)
}

// rent is a contract for a day far ahead on which nobody has the car.
func (r *rush) rent() request {
	i := int(r.rents.Add(1))
	from := time.Now().AddDate(0, 0, 100+i/90).Format(time.DateOnly)
	body, err := json.Marshal(apptest.Contract(carID(1+7*(i%90)), customerID(i%customers), from, from))
	if err != nil {
		panic(err) // text and numbers
	}
	return post(r.url, "/api/contracts", string(body), http.StatusCreated, r.auth)
}

// mixed is a write for every four reads.
func (r *rush) mixed() request {
	if rand.IntN(5) == 0 {
		return r.rent()
	}
	return r.read()
}

// A crowd is what many clients came to together.
type crowd struct {
	took    []time.Duration // of those that were served, sorted
	refused int
	span    time.Duration
}

func (c crowd) perSecond() float64 { return float64(len(c.took)) / c.span.Seconds() }

// crowd lets clients send what next gives them, each on a connection of its
// own, one request after the other. Who is refused comes back when told to.
func (r *rush) crowd(b *testing.B, clients int, span time.Duration, next func() request) crowd {
	b.Helper()
	var mu sync.Mutex
	var all sync.WaitGroup
	var out crowd
	var failure error
	began := time.Now()
	end := began.Add(span)
	for range clients {
		all.Go(func() {
			took, refused, err := persist(end, next)
			mu.Lock()
			defer mu.Unlock()
			out.took = append(out.took, took...)
			out.refused += refused
			failure = cmp.Or(failure, err)
		})
	}
	all.Wait()
	out.span = time.Since(began)
	if failure != nil {
		b.Fatal(failure)
	}
	slices.Sort(out.took)
	return out
}

// persist is what one client does until the end.
func persist(end time.Time, next func() request) (took []time.Duration, refused int, err error) {
	c, err := dial(next().addr)
	if err != nil {
		return nil, 0, err
	}
	defer c.conn.Close()
	for time.Now().Before(end) {
		began := time.Now()
		retry, err := c.try(next())
		if err != nil {
			return took, refused, err
		}
		if retry == 0 {
			took = append(took, time.Since(began))
			continue
		}
		refused++
		time.Sleep(min(time.Duration(retry)*time.Second, time.Until(end)))
	}
	return took, refused, nil
}

// refusals returns the times that refusals took inside of the server, sorted, as its log tells.
func (r *rush) refusals(b *testing.B) (took []time.Duration) {
	f, err := os.Open(r.log)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		var line struct {
			Msg    string
			Status int
			Ms     float64
		}
		if json.Unmarshal(s.Bytes(), &line) == nil && line.Msg == "request" && line.Status == 503 {
			took = append(took, time.Duration(line.Ms*float64(time.Millisecond)))
		}
	}
	if err := s.Err(); err != nil {
		b.Fatal(err)
	}
	slices.Sort(took)
	return took
}

// BenchmarkPlaces measures the throughput of uncached lists and of contract
// creations with more and fewer places at the database. All take turns: the
// machine's own pace changes from one second to the next.
func BenchmarkPlaces(b *testing.B) {
	counts := []int{1, 2, 4, 8, 16, 32}
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			var all []*rush
			for _, n := range counts {
				r := newRush(b, filled(b, e.empty, 20_000), fmt.Sprintf("DB_PLACES=%d", n), "DB_POOL_MIN=0", "DB_POOL_SIZE=32", "DB_POOL_MAX=32")
				r.crowd(b, 48, time.Second, r.mixed) // warms up
				all = append(all, r)
			}
			lists, contracts := make([][]float64, len(all)), make([][]float64, len(all))
			for range 7 {
				for i, r := range all {
					lists[i] = append(lists[i], r.crowd(b, 48, time.Second, r.read).perSecond())
					contracts[i] = append(contracts[i], r.crowd(b, 48, time.Second, r.rent).perSecond())
				}
			}
			for i, n := range counts {
				b.ReportMetric(median(lists[i]), fmt.Sprintf("lists/s-with-%d", n))
				b.ReportMetric(median(contracts[i]), fmt.Sprintf("contracts/s-with-%d", n))
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// mostClients is a crowd in which all have to be refused now and then.
const mostClients = 1600

// BenchmarkOverload measures what becomes of the useful work when ten times as
// many clients come as keep the program busy, 160 at least, and after that.
func BenchmarkOverload(b *testing.B) {
	for _, e := range engines {
		b.Run(e.name, func(b *testing.B) {
			r := newRush(b, filled(b, e.empty, 20_000))
			r.crowd(b, 16, 2*time.Second, r.mixed) // warms up
			enough, before := r.saturation(b), r.rss(b)
			var ratios, again, peaks, slow []float64
			var refused int
			for range 5 {
				peak := r.crowd(b, enough, 3*time.Second, r.mixed)
				burst := r.crowd(b, max(10*enough, 160), 6*time.Second, r.mixed)
				after := r.crowd(b, enough, 3*time.Second, r.mixed)
				peaks = append(peaks, peak.perSecond())
				ratios = append(ratios, burst.perSecond()/peak.perSecond())
				again = append(again, after.perSecond()/peak.perSecond())
				slow = append(slow, ms(burst.took[len(burst.took)*95/100]))
				refused += burst.refused
			}
			took := r.refusals(b) // without those of the crowd to come, which is another question
			lot := r.crowd(b, mostClients, 6*time.Second, r.mixed)
			refused += lot.refused
			b.ReportMetric(lot.perSecond()/median(peaks), "of-peak-with-1600")
			b.ReportMetric(float64(enough), "clients-saturate")
			b.ReportMetric(median(peaks), "useful/s")
			b.ReportMetric(median(ratios), "of-peak-with-10x")
			b.ReportMetric(median(again), "of-peak-after")
			b.ReportMetric(median(slow), "p95-ms-served-with-10x")
			b.ReportMetric(float64(refused), "refused")
			if len(took) > 0 {
				b.ReportMetric(ms(took[len(took)/2]), "refusal-p50-ms")
				b.ReportMetric(ms(took[len(took)*95/100]), "refusal-p95-ms")
			}
			b.ReportMetric(before, "RSS-MiB")
			b.ReportMetric(r.mostRSS(b), "most-RSS-MiB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// saturation returns how many clients keep the program as busy as it gets.
func (r *rush) saturation(b *testing.B) int {
	counts := []int{2, 4, 8, 16, 32, 64}
	var done []float64
	for _, n := range counts {
		done = append(done, r.crowd(b, n, 2*time.Second, r.mixed).perSecond())
	}
	peak := slices.Max(done)
	i := slices.IndexFunc(done, func(v float64) bool { return v >= .95*peak })
	return counts[i]
}

// BenchmarkConnections measures what clients cost that stay connected and ask
// for nothing.
func BenchmarkConnections(b *testing.B) {
	const clients = 1600
	r := newRush(b, filled(b, engines[0].empty, 100))
	before := r.rss(b)
	var all []*caller
	for range clients {
		c, err := dial(r.read().addr)
		if err != nil {
			b.Fatal(err)
		}
		defer c.conn.Close()
		if err := c.call(get(r.url, "/health", 200, -1)); err != nil {
			b.Fatal(err)
		}
		all = append(all, c)
	}
	b.ReportMetric((r.rss(b)-before)*1024/float64(len(all)), "KiB/connection")
	b.ReportMetric(0, "ns/op")
}
