package deploy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/machinetest"
	"cartracker/internal/mail/mailtest"
	"cartracker/internal/prometheustest"
	"cartracker/internal/record"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/pgtest"
)

// A watched is a pair with all that it can stand on, and a Prometheus that scrapes
// both of its instances, by rules whose times are shorter.
type watched struct {
	*pair
	primary, replica *pgtest.Server
	redis            *redistest.Server
	mail             *mailtest.Server
	prometheus       *prometheustest.Server
	paths            []string // that everybody asks for
}

// beginWatched starts a watched, in which a minute of the rules takes as many
// seconds, and lets the usual come to it until the test ends.
func beginWatched(t *testing.T, minute int, settings ...string) *watched {
	t.Helper()
	w := &watched{primary: pgtest.New(t), redis: redistest.New(t, redistest.Options{}), mail: mailtest.Start(t)}
	w.replica = w.primary.Replica()
	w.pair = newPair(t, w.primary.URL("cartracker"), append([]string{
		"DATABASE_REPLICA_URLS=" + w.replica.URL("cartracker"), "REDIS_URL=" + w.redis.URL(),
		"EMAIL_HOST=" + w.mail.Host(), fmt.Sprintf("EMAIL_PORT=%d", w.mail.Port()), "EMAIL_RATE=off", "STOP_WINDOW=0s",
		"RATE_LIMIT_API=100000/15m", "RATE_LIMIT_READ=100000/15m", "RATE_LIMIT_WRITE=100000/15m",
	}, settings...)...)
	var targets []string
	for i := range w.homes {
		private := fmt.Sprintf("127.0.0.1:%d", machinetest.FreePort(t))
		w.homes[i] = w.homes[i].With("METRICS_ADDR=" + private)
		targets = append(targets, strconv.Quote(private))
	}
	w.place.AddUser(t, "amra", record.Admin)
	w.launch(t)
	w.boss = w.one.Nobody.SignIn("amra")
	w.usual(t)
	w.prometheus = prometheustest.Start(t, watching(t, minute, targets))
	return w
}

// watching returns the deployed configuration of Prometheus, with these targets and
// times, and rules whose minutes take so many seconds.
func watching(t *testing.T, minute int, targets []string) string {
	t.Helper()
	rules := filepath.Join(t.TempDir(), "rules.yaml")
	write(t, rules, quicker(t, read(t, "prometheus/rules.yaml"), minute))
	if out, err := prometheustest.Promtool(t, ".", "check", "rules", rules); err != nil {
		t.Fatal(out)
	}
	every := fmt.Sprintf("%dms", 500*minute)
	return replaced(t, read(t, "prometheus/prometheus.yml"),
		"rules.yaml]", rules+"]", "scrape_interval: 15s", "scrape_interval: "+every, "evaluation_interval: 15s", "evaluation_interval: "+every,
		`"127.0.0.1:15001", "127.0.0.1:15002"`, strings.Join(targets, ", "))
}

// quicker returns rules whose minutes take so many seconds. What depends on figures
// is no quicker than these are counted, each 15 s.
func quicker(t *testing.T, rules string, minute int) string {
	t.Helper()
	rules = replaced(t, rules, "[1h]", "[20m]", "_seconds) > 300", "_seconds) > 20", "_seconds > 120", "_seconds > 20")
	return regexp.MustCompile(`\b\d+m\b`).ReplaceAllStringFunc(rules, func(text string) string {
		n, err := strconv.Atoi(strings.TrimSuffix(text, "m"))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%ds", n*minute)
	})
}

// replaced returns a text with changes, old and new in turns, each of which must be there.
func replaced(t *testing.T, text string, changes ...string) string {
	t.Helper()
	for c := range slices.Chunk(changes, 2) {
		if !strings.Contains(text, c[0]) {
			t.Fatalf("there is no %q", c[0])
		}
		text = strings.ReplaceAll(text, c[0], c[1])
	}
	return text
}

// usual lets come what comes on every day, some twenty requests a second, until the
// test ends. Answers are not looked at: what is broken may refuse them.
func (w *watched) usual(t *testing.T) {
	t.Helper()
	car := w.boss.Make("/api/cars", apptest.Car("A12-K-345"))
	customer := w.boss.Make("/api/customers", apptest.Customer("1234567"))
	w.boss.Make("/api/contracts", apptest.Contract(car, customer, apptest.Day(time.Now(), 0), apptest.Day(time.Now(), 9)))
	w.paths = []string{"/api/cars", "/api/cars/" + car, "/api/cars", "/api/contracts?limit=5", "/api/cars", "/api/customers/" + customer, "/api/users/me"}
	socket := w.two.As(w.boss).Connect()
	t.Cleanup(socket.Lose)
	socket.Ask("subscribe", apptest.JSON{"topic": "cars"})
	urls := []string{w.one.Nobody.URL(), w.two.Nobody.URL()}
	w.during(t, 50*time.Millisecond, func(client *http.Client, n int) {
		url := urls[n%2]
		w.ask(client, "GET", url+w.paths[n%len(w.paths)], nil)
		if n%100 == 25 {
			w.ask(client, "PATCH", url+"/api/cars/"+car+"/mileage", apptest.JSON{"mileage": n})
		}
		if n%40 == 5 { // some jobs and mails in each span that is looked at
			name := fmt.Sprintf("clerk-%d", n)
			w.ask(client, "POST", url+"/api/users", apptest.JSON{"username": name, "email": name + "@example.com", "sendCredentials": true})
		}
		if n%100 == 40 {
			w.ask(client, "POST", url+"/api/auth/login", apptest.JSON{"username": "amra", "password": apptest.Password}, "X-Forwarded-For: 198.51.100.7")
		}
	})
}

// mailTo makes a user who is sent a mail.
func (w *watched) mailTo(t *testing.T, name string) {
	t.Helper()
	w.boss.Make("/api/users", apptest.JSON{"username": name, "email": name + "@example.com", "sendCredentials": true})
}

// during does something again and again until the test ends, or stop is called.
func (w *watched) during(t *testing.T, every time.Duration, do func(client *http.Client, n int)) (stop func()) {
	t.Helper()
	client := &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	halt := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		next := time.NewTicker(every)
		defer next.Stop()
		for n := 0; ; n++ {
			select {
			case <-next.C:
				do(client, n)
			case <-halt:
				return
			}
		}
	})
	stop = sync.OnceFunc(func() {
		close(halt)
		running.Wait()
		client.CloseIdleConnections()
	})
	t.Cleanup(stop)
	return stop
}

// ask asks as the boss, whatever comes of it, and returns the status.
func (w *watched) ask(client *http.Client, method, url string, body any, headers ...string) (status int) {
	text, err := json.Marshal(body)
	if err != nil {
		return 0
	}
	req, err := http.NewRequest(method, url, strings.NewReader(string(text)))
	if err != nil {
		return 0
	}
	if body == nil {
		req.Body, req.ContentLength = http.NoBody, 0
	} else {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+w.boss.Token)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body) // so that the connection is used again
	return res.StatusCode
}

// Under what comes on every day each picture of the dashboard shows something, and
// no alarm fires.
func TestUsualDay(t *testing.T) {
	t.Parallel()
	const minute = 3 // seconds; with less, an instance that has to wait for its turn on a machine that is busy would look as if it were gone
	w := beginWatched(t, minute)
	began := time.Now()
	for _, r := range rows {
		for _, p := range r.panels {
			for _, l := range p.lines {
				expression := strings.NewReplacer("$instance", ".*", "$__rate_interval", "15s").Replace(l.expression)
				w.prometheus.Until(fmt.Sprintf("something at %q: %s", p.title, expression), func() bool { return w.shows(t, expression) })
			}
		}
	}
	w.prometheus.Until("the rules have been looked at for eight minutes of theirs", func() bool { return time.Since(began) > 8*minute*time.Second })
	fired, err := w.prometheus.Query(`count by (alertname, instance) (count_over_time(ALERTS{alertstate="firing"}[1h]))`)
	if err != nil || len(fired) > 0 {
		t.Errorf("on an ordinary day these alarms have fired: %v (%v)", fired, err)
	}
}

// shows reports whether an expression returns a number.
func (w *watched) shows(t *testing.T, expression string) bool {
	t.Helper()
	all, err := w.prometheus.Query(expression)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(all, func(s prometheustest.Sample) bool { return !math.IsNaN(s.Value) })
}
