package app_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"cartracker/internal/app/apptest"
	"cartracker/internal/observe/metrics"
	"cartracker/internal/record"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/pgtest"
	"cartracker/internal/store/testdb"
)

// measured lets a program do something of everything that is measured: it signs
// people in, answers from the cache, refuses, and fails to send a mail.
func measured(t *testing.T, s *apptest.Site) *apptest.Process {
	t.Helper()
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	boss := p.Nobody.SignIn("amra")
	socket := boss.Connect()
	t.Cleanup(socket.Lose)
	socket.Ask("subscribe", apptest.JSON{"topic": "cars"})
	car := boss.Make("/api/cars", apptest.Car("A12-K-345"))
	client := boss.Make("/api/customers", apptest.Customer("1234567"))
	today := time.Now()
	boss.Make("/api/contracts", apptest.Contract(car, client, apptest.Day(today, 0), apptest.Day(today, 20)))
	apptest.Until(t, "an answer from the cache", func() bool {
		return boss.Do("GET", "/api/cars", nil).Header.Get("X-Cache") == "HIT"
	})
	p.Nobody.Do("GET", "/nowhere", nil)
	boss.Make("/api/users", apptest.JSON{"username": "novak", "email": "novak@example.com", "sendCredentials": true})
	for p.Nobody.Do("POST", "/api/auth/login", apptest.JSON{"username": "amra", "password": "wrong"}).Status != http.StatusTooManyRequests {
	}
	return p
}

var strict = []string{"RATE_LIMIT_API=1000/15m", "RATE_LIMIT_AUTH=3/15m", "RATE_LIMIT_READ=10000/15m", "RATE_LIMIT_WRITE=10000/15m", "EMAIL_HOST=127.0.0.1", "EMAIL_PORT=1", "EMAIL_BACKOFF=1h"}

// Each family is there once something of it has happened, and says what has.
func TestMetrics(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		site func(t *testing.T) *apptest.Site
		lack []string // families of what is not there
		want map[string]float64
	}{
		"SQLite": {
			func(t *testing.T) *apptest.Site { return apptest.NewSite(t, t.TempDir(), "", strict...) },
			[]string{"Redis", "replicas"},
			map[string]float64{
				`cartracker_rate_limit_decisions_total{counted="local",outcome="refused",rule="auth"}`: 1,
				`cartracker_db_connections_max{index="",pool="writer"}`:                                1,
				`cartracker_db_connections_max{index="",pool="readers"}`:                               4,
			},
		},
		"PostgreSQL and Redis": {
			func(t *testing.T) *apptest.Site {
				return apptest.NewSite(t, t.TempDir(), testdb.MigratedPostgres(t).URL, append([]string{"REDIS_URL=" + redistest.New(t, redistest.Options{}).URL()}, strict...)...)
			},
			[]string{"replicas"},
			map[string]float64{`cartracker_redis_up`: 1, `cartracker_redis_outages_total`: 0, `cartracker_db_connections_max{index="",pool="primary"}`: 16},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := measured(t, c.site(t))
			var got apptest.Metrics
			apptest.Until(t, "figures that know of the contract", func() bool {
				got = p.Metrics(t)
				return got["cartracker_contracts_active"] == 1
			})
			for _, f := range metrics.Families() {
				if !got.Has(f.Name) && !slices.Contains(c.lack, f.With) {
					t.Errorf("there is no %s", f.Name)
				}
			}
			for series, want := range c.want {
				if v, ok := got[series]; !ok || v != want {
					t.Errorf("%s is %v (%t), want %v", series, v, ok, want)
				}
			}
			checkMeasured(t, got)
			checkNames(t, p)
		})
	}
}

// checkMeasured checks what is the same on both databases.
func checkMeasured(t *testing.T, got apptest.Metrics) {
	t.Helper()
	for series, want := range map[string]float64{
		`cartracker_db_up`: 1,
		`cartracker_http_requests_total{method="POST",route="/api/cars",status="201"}`:         1,
		`cartracker_http_requests_total{method="POST",route="/api/auth/login",status="429"}`:   1,
		`cartracker_http_requests_total{method="GET",route="unmatched",status="404"}`:          1,
		`cartracker_http_request_duration_seconds_count{method="POST",route="/api/contracts"}`: 1,
		`cartracker_cars{status="available"}`:                                                  1,
		`cartracker_cars{status="archived"}`:                                                   0,
		`cartracker_contracts_out_today`:                                                       1,
		`cartracker_contracts_back_today`:                                                      0,
		`cartracker_revenue_booked{currency="BAM"}`:                                            1110,
		`cartracker_job_attempts_total{kind="credentials",outcome="failed"}`:                   1,
		`cartracker_job_failures_total{kind="credentials",outcome="retried"}`:                  1,
		`cartracker_jobs{queue="mail",state="delayed"}`:                                        1,
		`cartracker_mail_send_duration_seconds_count{outcome="failed"}`:                        1,
		`cartracker_sockets_connected{transport="websocket"}`:                                  1,
	} {
		if v, ok := got[series]; !ok || v != want {
			t.Errorf("%s is %v (%t), want %v", series, v, ok, want)
		}
	}
	for series, least := range map[string]float64{
		`cartracker_cache_hits_total{shelf="/api/cars"}`:                                 1,
		`cartracker_cache_misses_total{shelf="/api/cars"}`:                               1,
		`cartracker_cache_loads_total{outcome="ok"}`:                                     1,
		`cartracker_gate_entered_total{class="write"}`:                                   3,
		`cartracker_argon2_duration_seconds_count`:                                       4,
		`cartracker_jobs{queue="day",state="completed"}`:                                 1,
		`cartracker_socket_events_sent_total`:                                            1,
		`cartracker_figures_updated_timestamp_seconds`:                                   float64(time.Now().Unix() - 60),
		`cartracker_http_request_duration_seconds_count{method="GET",route="/api/cars"}`: 2,
	} {
		if got[series] < least {
			t.Errorf("%s is %v, want %v at least", series, got[series], least)
		}
	}
	if seconds := got["cartracker_feed_behind_seconds"]; seconds < 0 || seconds > 10 {
		t.Errorf("the feed is %v s behind", seconds)
	}
}

// checkNames checks that Prometheus has nothing against how it is called.
func checkNames(t *testing.T, p *apptest.Process) {
	t.Helper()
	res, err := http.Get(p.Private(t) + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if problems, err := promlint.New(res.Body).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// Mails that are handed over are measured, also in a worker, which serves
// nothing else.
func TestMetricsOfWorker(t *testing.T) {
	t.Parallel()
	s := apptest.NewSite(t, t.TempDir(), "", "BASE_URL=http://127.0.0.1:5000")
	s.AddUser(t, "amra", record.Admin)
	serving := s.Serve(t, "--no-workers")
	worker := s.Work(t)
	serving.Nobody.SignIn("amra").Make("/api/users", apptest.JSON{"username": "novak", "email": "novak@example.com", "sendCredentials": true})
	apptest.Until(t, "a mail", func() bool {
		got := worker.Metrics(t)
		return got[`cartracker_mail_send_duration_seconds_count{outcome="sent"}`] == 1 && got[`cartracker_job_attempts_total{kind="credentials",outcome="done"}`] == 1
	})
	if got := serving.Metrics(t); got.Has("cartracker_job_attempts_total") || got["cartracker_db_up"] != 1 || worker.Metrics(t)["cartracker_db_up"] != 1 {
		t.Error("who serves without workers has worked, or the database is away")
	}
}

// Ten thousand paths, methods and hosts that make no sense make no more series
// than one does.
func TestMetricsAreBounded(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	series := func() int {
		w := httptest.NewRecorder()
		c.Metrics.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		return strings.Count(w.Body.String(), "\ncartracker_")
	}
	odd := func(i int) {
		method := []string{"GET", "POST", "PURGE", fmt.Sprintf("M%d", i), "DELETE", "HEAD", "OPTIONS"}[i%7]
		path := []string{"/p%d", "/api/cars/%d", "/api/%d/cars", "/api/cars?q=%d", "/assets/%d.js", "/socket.io/%d"}[i%6]
		r := httptest.NewRequest(method, fmt.Sprintf(path, i), nil)
		r.Host = fmt.Sprintf("h%d.example", i)
		c.Served.ServeHTTP(httptest.NewRecorder(), r)
	}
	for i := range 42 {
		odd(i)
	}
	before := series()
	for i := range 10_000 {
		odd(i)
	}
	if after := series(); after != before {
		t.Errorf("there were %d series, and are %d", before, after)
	}
}

// Whatever is away, that is told, and at once.
func TestMetricsOfOutages(t *testing.T) {
	t.Parallel()
	primary := pgtest.New(t)
	replica := primary.Replica()
	redis := redistest.New(t, redistest.Options{})
	s := apptest.NewSite(t, t.TempDir(), primary.URL("cartracker"), "REDIS_URL="+redis.URL(), "DATABASE_REPLICA_URLS="+replica.URL("cartracker"))
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	boss := p.Nobody.SignIn("amra")
	until := func(what string, is func(apptest.Metrics) bool) {
		t.Helper()
		apptest.Until(t, what, func() bool { return is(p.Metrics(t)) })
	}
	until("all is well", func(m apptest.Metrics) bool {
		return m["cartracker_redis_up"] == 1 && m["cartracker_db_up"] == 1 && m[`cartracker_replica_in_use{index="1"}`] == 1 &&
			m[`cartracker_db_connections_open{index="1",pool="replica"}`] > 0 && m.Has("cartracker_cars")
	})
	until("a read from the replica", func(m apptest.Metrics) bool {
		boss.Do("GET", "/api/users/me", nil)
		return m[`cartracker_replica_reads_total{index="1"}`] > 0 && m[`cartracker_db_query_duration_seconds_count{database="replica",operation="read"}`] > 0
	})

	redis.Kill()
	until("Redis is away", func(m apptest.Metrics) bool {
		return m["cartracker_redis_up"] == 0 && m["cartracker_redis_outages_total"] >= 1
	})
	redis.Start()
	until("Redis is back", func(m apptest.Metrics) bool { return m["cartracker_redis_up"] == 1 })

	raw := databaseOf(replica).Raw(t)
	if _, err := raw.Exec("SELECT pg_wal_replay_pause()"); err != nil {
		t.Fatal(err)
	}
	boss.Make("/api/cars", apptest.Car("A12-K-345"))
	behind := func(least float64) func(apptest.Metrics) bool {
		return func(m apptest.Metrics) bool { return m[`cartracker_replica_lag_seconds{index="1"}`] > least }
	}
	until("the replica that stands still is behind", behind(1))
	until("it is further behind", behind(2))
	if _, err := raw.Exec("SELECT pg_wal_replay_resume()"); err != nil {
		t.Fatal(err)
	}
	until("the replica is there", func(m apptest.Metrics) bool { return m[`cartracker_replica_lag_seconds{index="1"}`] < 1 })
	replica.Hang()
	until("the replica that hangs is out", func(m apptest.Metrics) bool { return m[`cartracker_replica_in_use{index="1"}`] == 0 })
	until("it is behind", behind(2))
	replica.Resume()

	primary.Hang()
	until("the database is away", func(m apptest.Metrics) bool {
		return m["cartracker_db_up"] == 0 && !m.Has("cartracker_cars") && !m.Has("cartracker_jobs") && m["cartracker_figures_updated_timestamp_seconds"] > 0
	})
	primary.Resume()
	until("the database is back", func(m apptest.Metrics) bool { return m["cartracker_db_up"] == 1 && m.Has("cartracker_cars") })
}

// The private listener serves what it is for, to whom it is for, and the public
// one nothing of it.
func TestPrivateListener(t *testing.T) {
	t.Parallel()
	s := apptest.NewSite(t, t.TempDir(), "")
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	boss := p.Nobody.SignIn("amra")
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars"} {
		if res := boss.Do("GET", path, nil); res.Status != http.StatusNotFound {
			t.Errorf("the public listener serves %s: %s", path, res)
		}
	}
	private := p.Private(t)
	for _, c := range []struct {
		method, path, host string
		status             int
	}{
		{"GET", "/metrics", "", 200},
		{"GET", "/metrics", "localhost:9464", 200},
		{"GET", "/metrics", "[::1]:9464", 200},
		{"GET", "/metrics", "evil.example", 403}, // a name that was made to lead here
		{"GET", "/debug/pprof/heap", "evil.example:9464", 403},
		{"POST", "/metrics", "", 405},
		{"GET", "/debug/pprof/", "", 200},
		{"GET", "/debug/pprof/goroutine?debug=1", "", 200},
		{"GET", "/debug/pprof/profile?seconds=1", "", 200},
		{"GET", "/", "", 404},
		{"GET", "/api/cars", "", 404},
		{"GET", "/health", "", 404},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, private+c.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = c.host
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != c.status {
			t.Errorf("%s %s of %q: %s %.100s", c.method, c.path, c.host, res.Status, body)
		}
	}
}

// An address that somebody asked for and that is taken is an error; the usual
// one is not: it may be another instance's.
func TestPrivateAddressIsTaken(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s := apptest.NewSite(t, t.TempDir(), "")
	for _, args := range [][]string{{"serve"}, {"worker", "--base-url", "http://127.0.0.1:5000"}} {
		out, err := s.With("METRICS_ADDR="+ln.Addr().String()).Run(t, "", args...)
		if err == nil || !strings.Contains(out, "METRICS_ADDR: ") || !strings.Contains(out, "address already in use") {
			t.Errorf("%s: %v\n%s", args[0], err, out)
		}
	}
	if usual, err := net.Listen("tcp", "127.0.0.1:9464"); err == nil { // or somebody else has it
		defer usual.Close()
	}
	p := s.With("METRICS_ADDR=").Serve(t)
	if res := p.Nobody.Do("GET", "/health/ready", nil); res.Status != http.StatusOK || !strings.Contains(p.Output(), "metrics are not served: the usual address cannot be had") {
		t.Errorf("%s\n%s", res, p.Output())
	}
	off := s.With("METRICS_ADDR=off").Serve(t)
	if code := off.Terminate(t)(); code != 0 || strings.Contains(off.Output(), "metrics are") || strings.Contains(off.Output(), "private listener") {
		t.Errorf("%d\n%s", code, off.Output())
	}
}

// Metrics are served until all else has ended, and a profile that nobody can
// wait for holds nothing up.
func TestPrivateListenerIsAmongTheLast(t *testing.T) {
	t.Parallel()
	p := apptest.NewSite(t, t.TempDir(), "").Serve(t)
	at, err := url.Parse(p.Private(t))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", at.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /debug/pprof/trace?seconds=60 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 1 || err != nil { // it has begun
		t.Fatal(err)
	}
	began := time.Now()
	if code := p.Terminate(t)(); code != 0 || time.Since(began) > 20*time.Second {
		t.Errorf("ended with %d after %s:\n%s", code, time.Since(began), p.Output())
	}
	checkSteps(t, p.Output(), ofServing...)
}
