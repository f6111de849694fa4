package bench

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app"
	"cartracker/internal/machinetest"
)

const (
	observeRounds = 25        // in which each way has its turn
	manyRequests  = 1_000_000 // over all routes
	manyBadPaths  = 10_000    // each another one
	scrapeEvery   = time.Second
)

// A watched is how a program is started whose figures, lines and traces go somewhere.
type watched struct{ metrics, sink string }

// collect starts something that takes traces and reads them to their end, and
// returns how a program is told of it, and where its figures will be.
func collect(b *testing.B) watched {
	b.Helper()
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	b.Cleanup(sink.Close)
	return watched{metrics: fmt.Sprintf("127.0.0.1:%d", machinetest.FreePort(b)), sink: sink.URL}
}

func (w watched) settings(more ...string) []string {
	return append([]string{
		"METRICS_ADDR=" + w.metrics, "LOG_LEVEL=info", "LOG_FORMAT=json", "OTEL_EXPORTER_OTLP_ENDPOINT=" + w.sink, "TRACES_SAMPLE_RATE=0.1",
	}, more...)
}

// figures returns what a program tells Prometheus.
func (w watched) figures() (string, error) {
	res, err := http.Get("http://" + w.metrics + "/metrics")
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return string(text), err
}

// scrape asks for the figures again and again, as Prometheus does, until stop is called.
func (w watched) scrape(b *testing.B) (stop func()) {
	b.Helper()
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		again := time.NewTicker(scrapeEvery)
		defer again.Stop()
		for {
			select {
			case <-again.C:
			case <-done:
				return
			}
			if _, err := w.figures(); err != nil {
				b.Error(err)
			}
		}
	})
	return func() {
		close(done)
		all.Wait()
	}
}

// unwatched switches off what can be.
var unwatched = []string{"METRICS_ADDR=off", "LOG_LEVEL=error"}

// lines is a file for a log.
func lines(b *testing.B) *os.File {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return f
}

// BenchmarkObserve is what `make bench-observe` runs: what it costs to be watched.
func BenchmarkObserve(b *testing.B) {
	b.Run("cost", watchCost)
	b.Run("memory", watchMemory)
}

// watchCost lets three programs on one database take turns: one that is not
// watched, one with everything on, and one that logs every request besides.
func watchCost(b *testing.B) {
	common := append([]string{"ACCESS_TOKEN_DURATION=24h", "DB_INSTANCES=3"}, high...)
	s := newStand(b, append(common, unwatched...)...)
	urls := []string{s.url}
	for _, more := range [][]string{nil, {"LOG_BURST=0"}} {
		w := collect(b)
		urls = append(urls, startLogging(b, lines(b), s.database, append(common, w.settings(more...)...)...).url)
		defer w.scrape(b)()
	}
	cached := func(url string) func(int, int) request {
		return same(get(url, list, http.StatusOK, -1, "Authorization: Bearer "+s.employee.Token))
	}
	fmt.Println("\n| requests/s | not watched | watched | with every request logged | watched, of not | every request logged, of not |\n|---|---|---|---|---|---|")
	for _, w := range []work{{"GET /api/cars, kept", cached}, {"POST /api/contracts", s.uncached()[1].at}} {
		perSecond, ratios := make([][]float64, len(urls)), make([][]float64, len(urls))
		for _, url := range urls {
			run(b, connections, roundSpan, 0, w.at(url)) // fills what is kept
		}
		for round := range observeRounds {
			for i := range urls {
				n := (round + i) % len(urls)
				perSecond[n] = append(perSecond[n], run(b, connections, roundSpan, 0, w.at(urls[n])).perSecond())
			}
			for n := range urls {
				ratios[n] = append(ratios[n], last(perSecond[n])/last(perSecond[0]))
			}
		}
		fmt.Printf("| %s | %.0f | %.0f | %.0f | %.2f | %.2f |\n", w.name,
			median(perSecond[0]), median(perSecond[1]), median(perSecond[2]), median(ratios[1]), median(ratios[2]))
	}
	b.ReportMetric(0, "ns/op")
}

// watchMemory sends requests over all routes, most of them unlike all others, and
// looks whether what the program keeps in memory, or tells Prometheus, grows with
// them.
func watchMemory(b *testing.B) {
	w := collect(b)
	s := newStand(b, append(w.settings(), high...)...)
	defer w.scrape(b)()
	paths := everyPath()
	fmt.Println("\n| requests | resident memory in MiB | series |\n|---|---|---|")
	sent := 0
	for _, upTo := range []int{manyRequests / 10, manyRequests / 4, manyRequests / 2, manyRequests} {
		s.sendAll(b, paths, sent, upTo)
		sent = upTo
		s.tellMemory(b, w, fmt.Sprint(sent))
	}
	s.sendAll(b, []string{"/bad/#", "/api/nothing/#?x=#", "/api/cars/#/nowhere", "/socket.io.#/"}, sent, sent+manyBadPaths)
	s.tellMemory(b, w, fmt.Sprintf("and %d bad paths", manyBadPaths))
	b.ReportMetric(0, "ns/op")
}

func (s *stand) tellMemory(b *testing.B, w watched, what string) {
	b.Helper()
	text, err := w.figures()
	if err != nil {
		b.Fatal(err)
	}
	series := 0
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			series++
		}
	}
	fmt.Printf("| %s | %.0f | %d |\n", what, s.rss(b), series)
}

// everyPath returns all paths that can be asked for with GET, but for sockets and
// files, with a # for the number of a request: as they should be asked for, with an
// id that may be one, and with a query that each of them refuses.
func everyPath() (paths []string) {
	for _, r := range (app.Program{}).Routes() {
		if r.Method != http.MethodGet || strings.Contains(r.Path, "socket.io") || strings.Contains(r.Path, "export") {
			continue
		}
		path := r.Path
		for strings.Contains(path, "{") {
			before, rest, _ := strings.Cut(path, "{")
			_, after, _ := strings.Cut(rest, "}")
			path = before + "00000000-0000-7000-8000-#" + after
		}
		paths = append(paths, path, path+"?n=#")
	}
	return paths
}

// sendAll sends requests number from up to a number, whatever is answered.
func (s *stand) sendAll(b *testing.B, paths []string, from, to int) {
	b.Helper()
	var all sync.WaitGroup
	addr := strings.TrimPrefix(s.url, "http://")
	for n := range connections {
		all.Go(func() {
			c, err := dial(addr)
			if err != nil {
				b.Error(err)
				return
			}
			defer c.conn.Close()
			for i := from + n; i < to; i += connections {
				path := strings.ReplaceAll(paths[i%len(paths)], "#", fmt.Sprintf("%012d", i))
				r := get(s.url, path, 0, -1, "Authorization: Bearer "+s.admin.Token)
				if err := c.take(r); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// take sends a request and reads whatever is answered.
func (c *caller) take(r request) error {
	if _, err := c.conn.Write(r.text); err != nil {
		return err
	}
	res, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err
}
