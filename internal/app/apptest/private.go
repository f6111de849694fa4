package apptest

import (
	"bufio"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

var servesMetrics = regexp.MustCompile(`"metrics are served","address":"([^"]+)"`)

// Private returns the address of the private listener.
func (p *Process) Private(t testing.TB) string {
	t.Helper()
	var found []string
	Until(t, "the private listener", func() bool {
		found = servesMetrics.FindStringSubmatch(p.Output())
		return found != nil
	})
	return "http://" + found[1]
}

// scrapeTimeout is the longest that who asks for metrics may have to wait.
const scrapeTimeout = 5 * time.Second

// Metrics are what a program measures: values by series, as Prometheus writes them.
type Metrics map[string]float64

// Metrics asks for what the program measures. It fails the test if that takes
// long: whatever happens, nothing is waited for.
func (p *Process) Metrics(t testing.TB) Metrics {
	t.Helper()
	client := http.Client{Timeout: scrapeTimeout}
	defer client.CloseIdleConnections()
	res, err := client.Get(p.Private(t) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("the metrics: %s", res.Status)
	}
	out := Metrics{}
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		line := lines.Text()
		at := strings.LastIndexByte(line, ' ')
		if strings.HasPrefix(line, "#") || at < 0 {
			continue
		}
		v, err := strconv.ParseFloat(line[at+1:], 64)
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", line, err))
		}
		out[line[:at]] = v
	}
	return out
}

// Has reports whether there is a series of a family.
func (m Metrics) Has(family string) bool {
	for s := range m {
		name, _, _ := strings.Cut(s, "{")
		if name == family || name == family+"_count" {
			return true
		}
	}
	return false
}
