package bench

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cartracker/internal/socketio/nodetest"
)

const (
	idleClients  = 10_000
	busyClients  = 1_000
	broadcasts   = 200
	spareFiles   = 300 // that a process has open beside its clients
	stationTurns = 7
)

// A station is a server of Socket.IO in a process of its own.
type station struct {
	*process
	addr      string
	broadcast func(text string)
	collect   func()        // its garbage
	has       func() string // what its memory is made of, as it knows since then
	profile   func(file string)
}

// ourStation starts bench/station.
func ourStation(b *testing.B) *station {
	b.Helper()
	program := filepath.Join(b.TempDir(), "station")
	if out, err := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "./station").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	h := startHelper(b, exec.Command(program))
	had := ""
	return &station{
		process:   h.process,
		addr:      h.ask(b, order{Do: "address"}).Addr,
		broadcast: func(text string) { h.ask(b, order{Do: "broadcast", Text: text}) },
		collect:   func() { had = h.ask(b, order{Do: "collect"}).Text },
		has:       func() string { return had },
		profile:   func(file string) { h.ask(b, order{Do: "profile", Text: file}) },
	}
}

// nodeStation starts the reference server.
func nodeStation(b *testing.B) *station {
	b.Helper()
	s := nodetest.NewServer(b, nodetest.ServerOptions{})
	running, err := os.FindProcess(s.PID())
	if err != nil {
		b.Fatal(err)
	}
	return &station{
		process:   &process{Cmd: &exec.Cmd{Process: running}},
		addr:      strings.TrimPrefix(s.URL, "http://"),
		broadcast: func(text string) { s.Broadcast("news", text) },
		collect:   s.Collect,
		has:       func() string { return "" },
		profile:   func(string) {},
	}
}

var stations = []struct {
	name  string
	start func(*testing.B) *station
}{{"Go", ourStation}, {"Node", nodeStation}}

// BenchmarkRealtime is what `make bench-realtime` runs.
func BenchmarkRealtime(b *testing.B) {
	b.Run("idle", idle)
	b.Run("broadcast", busy)
}

// room returns how many clients there can be: the system may let a process have
// no more files.
func room(b *testing.B, wanted int) int {
	b.Helper()
	var most syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &most); err != nil {
		b.Fatal(err)
	}
	n := min(wanted, int(most.Max)-spareFiles)
	if n < wanted {
		b.Logf("only %d clients instead of %d: a process may have %d files", n, wanted, most.Max)
	}
	return n
}

// idle measures the memory that a client takes who does nothing, and how long a
// broadcast of 1 KiB takes to reach all.
func idle(b *testing.B) {
	each := map[string]float64{}
	for _, kind := range stations {
		b.Run(kind.name, func(b *testing.B) {
			n := room(b, part(b, idleClients))
			s, c := kind.start(b), startAudience(b)
			before := s.settled(b)
			began := time.Now()
			if got := c.ask(b, order{Do: "connect", Addr: s.addr, Count: n}).Count; got != n {
				b.Fatalf("%d of %d clients are connected", got, n)
			}
			connecting := time.Since(began)
			after := s.settled(b)
			each[kind.name] = (after - before) * 1024 / float64(n)
			b.ReportMetric(each[kind.name], "KiB/client")
			b.ReportMetric(before, "MiB-before")
			b.ReportMetric(after, "MiB-after")
			b.ReportMetric(float64(n)/connecting.Seconds(), "connects/s")
			if has := s.has(); has != "" {
				b.Logf("MiB by the runtime: %s", has)
			}
			if file := profileFile("idle"); file != "" {
				s.profile(file)
				s.profile("")
			}
			s.reach(b, c, n)
			b.ReportMetric(0, "ns/op")
		})
	}
	if each["Node"] > 0 {
		b.Logf("memory: %.2f of Node's", each["Go"]/each["Node"])
	}
}

// settled returns the resident memory in MiB once no more of it is given back.
func (s *station) settled(b *testing.B) float64 {
	b.Helper()
	least := s.rss(b)
	for range 6 {
		s.collect()
		time.Sleep(500 * time.Millisecond)
		least = min(least, s.rss(b))
	}
	return least
}

// kibibyte is what is broadcast.
var kibibyte = strings.Repeat("c", 1024)

// reach measures 11 broadcasts to n clients.
func (s *station) reach(b *testing.B, c *helper, n int) {
	b.Helper()
	var half, most, last []float64
	for range 11 {
		r := s.news(b, c, n)
		half, most, last = append(half, ms(r.P50)), append(most, ms(r.P99)), append(last, ms(r.Last))
	}
	b.ReportMetric(median(half), "p50-ms")
	b.ReportMetric(median(most), "p99-ms")
	b.ReportMetric(median(last), "last-ms")
}

// news broadcasts to n clients and waits until all have it.
func (s *station) news(b *testing.B, c *helper, n int) report {
	b.Helper()
	c.ask(b, order{Do: "expect", Count: n})
	s.broadcast(kibibyte)
	return c.ask(b, order{Do: "arrived", Within: time.Minute})
}

// busy measures the processor time of a broadcast to 1,000 clients. The servers
// take turns, and each broadcast begins once all have the one before.
func busy(b *testing.B) {
	type side struct {
		*station
		audience *helper
		spent    []float64 // microseconds for a broadcast
		p99      []float64
	}
	var sides []*side
	for _, kind := range stations {
		s := &side{station: kind.start(b), audience: startAudience(b)}
		s.audience.ask(b, order{Do: "connect", Addr: s.addr, Count: busyClients})
		s.turn(b, s.audience) // warms up
		sides = append(sides, s)
	}
	if file := profileFile("broadcast"); file != "" {
		sides[0].profile(file)
		defer sides[0].profile("")
	}
	var ratios []float64
	for range stationTurns {
		for _, s := range sides {
			spent, p99 := s.turn(b, s.audience)
			s.spent, s.p99 = append(s.spent, spent), append(s.p99, p99)
		}
		ratios = append(ratios, sides[0].spent[len(ratios)]/sides[1].spent[len(ratios)])
	}
	for i, kind := range stations {
		b.ReportMetric(median(sides[i].spent), kind.name+"-µs/broadcast")
		b.ReportMetric(median(sides[i].p99), kind.name+"-p99-ms")
		b.ReportMetric(sides[i].rss(b), kind.name+"-MiB")
	}
	b.ReportMetric(median(ratios), "CPU-of-Node")
	b.ReportMetric(ratios[0], "CPU-of-Node-at-best") // the median has sorted them
	b.ReportMetric(sides[0].rss(b)/sides[1].rss(b), "memory-of-Node")
	b.ReportMetric(0, "ns/op")
}

// turn broadcasts many times and returns the processor time of one in
// microseconds, and the 99th percentile of arrival in milliseconds.
func (s *station) turn(b *testing.B, c *helper) (spent, p99 float64) {
	b.Helper()
	var slow []float64
	before := s.cpu(b)
	for range broadcasts {
		slow = append(slow, ms(s.news(b, c, busyClients).P99))
	}
	return float64((s.cpu(b) - before).Microseconds()) / broadcasts, median(slow)
}

// profileFile returns where a profile shall go, if BENCH_PROFILE names a folder.
func profileFile(name string) string {
	dir := os.Getenv("BENCH_PROFILE")
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "realtime-"+name+".profile")
}

// part divides numbers of clients, to try this out.
func part(b *testing.B, n int) int {
	b.Helper()
	by, err := strconv.Atoi(cmp.Or(os.Getenv("REALTIME_PART"), "1"))
	if err != nil || by < 1 {
		b.Fatal("REALTIME_PART must be a whole number")
	}
	return n / by
}
