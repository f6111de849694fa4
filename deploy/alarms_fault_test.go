package deploy_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
)

// A breakage is something real that goes wrong, and the alarms that tell of it.
type breakage struct {
	alarms []string
	happen func(t *testing.T, w *watched) (mend func())
}

// What can be broken at the same time, since the company goes on.
var beside = map[string][]breakage{
	"replica": {{[]string{"ReplicaLeftOut"}, func(_ *testing.T, w *watched) func() {
		w.replica.Stop()
		return w.replica.Start
	}}},
	"Redis": {{[]string{"RedisAway"}, func(_ *testing.T, w *watched) func() {
		w.redis.Kill()
		return w.redis.Start
	}}},
	"strangers": {{[]string{"CacheCold", "LimitsRefuse"}, func(t *testing.T, w *watched) func() {
		searching := w.flood(t, 1, func(n int) (string, []string) { return fmt.Sprintf("/api/cars?q=%d", n), nil })
		trying := w.flood(t, 2, func(int) (string, []string) {
			return "/api/cars", []string{"Authorization: Bearer none", "X-Forwarded-For: 203.0.113.9"}
		})
		return func() { searching(); trying() }
	}}},
	"mail": {
		{[]string{"MailDown"}, func(t *testing.T, w *watched) func() {
			w.mail.Down()
			for i := range 10 {
				w.mailTo(t, fmt.Sprintf("away-%d", i))
			}
			return w.mail.Up
		}},
		{[]string{"JobsGivenUp"}, func(t *testing.T, w *watched) func() {
			w.mail.Answer5xx()
			w.mailTo(t, "refused")
			return w.mail.Up
		}},
		{[]string{"QueueStuck"}, func(t *testing.T, w *watched) func() {
			w.boss.Do("POST", "/api/email-queue/pause", nil)
			w.mailTo(t, "late")
			return func() { w.boss.Do("POST", "/api/email-queue/resume", nil) }
		}},
	},
}

// What has to be broken alone, one after the other.
var alone = []breakage{
	{[]string{"FiguresOld"}, func(t *testing.T, w *watched) func() { return w.locked(t, "contracts") }},
	{[]string{"ConnectionsExhausted", "Overloaded", "AnswersSlow"}, func(t *testing.T, w *watched) func() {
		unlock := w.locked(t, "contracts")
		stop := w.flood(t, 30, func(n int) (string, []string) { return fmt.Sprintf("/api/contracts?q=%d", n), nil })
		return func() { unlock(); stop() }
	}},
	{[]string{"CacheNotTrusted"}, func(t *testing.T, w *watched) func() { return w.locked(t, "change_counter") }},
	{[]string{"ServerErrors"}, func(t *testing.T, w *watched) func() {
		w.execute(t, "ALTER TABLE customers RENAME TO strangers")
		stop := w.flood(t, 1, func(n int) (string, []string) { return fmt.Sprintf("/api/customers?q=%d", n), nil })
		return func() {
			stop()
			w.execute(t, "ALTER TABLE strangers RENAME TO customers")
		}
	}},
	{[]string{"PasswordsWait"}, func(t *testing.T, w *watched) func() {
		var stops []func()
		for range 40 {
			stops = append(stops, w.during(t, 10*time.Millisecond, func(client *http.Client, _ int) {
				w.ask(client, "POST", w.one.Nobody.URL()+"/api/auth/login", apptest.JSON{"username": "amra", "password": "wrong"}, "Authorization: ")
			}))
		}
		return func() { together(stops) }
	}},
	{[]string{"DatabaseAway"}, func(_ *testing.T, w *watched) func() {
		w.primary.Stop()
		return w.primary.Start
	}},
	{[]string{"InstanceDown"}, func(t *testing.T, w *watched) func() {
		w.two.Kill()
		return func() { w.back(t, 1) }
	}},
	{[]string{"InstanceRestarts"}, func(t *testing.T, w *watched) func() {
		for range 5 {
			before := w.began(t)
			w.two.Kill()
			w.back(t, 1)
			w.prometheus.Until("the instance that was restarted is scraped", func() bool { return w.began(t) > before })
		}
		return func() {}
	}},
}

// Each alarm fires when the real thing is broken, and is quiet again once it was mended.
func TestFaultAlarms(t *testing.T) {
	needFaults(t)
	w := beginWatched(t, 1, "DB_POOL_SIZE=8", "DB_POOL_MAX=8", "DB_PLACES=8", "EMAIL_PATIENCE=1s", "RATE_LIMIT_API=300/15m")
	var tried []string
	for _, all := range beside {
		for _, b := range all {
			tried = append(tried, b.alarms...)
		}
	}
	for _, b := range alone {
		tried = append(tried, b.alarms...)
	}
	if slices.Sort(tried); !slices.Equal(tried, ruled(t)) {
		t.Errorf("the alarms are %v, and tried are %v", ruled(t), tried)
	}
	w.quiet(t, ruled(t))
	t.Run("beside", func(t *testing.T) {
		for name, all := range beside {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				for _, b := range all {
					w.breaks(t, b)
				}
			})
		}
	})
	for _, b := range alone { // not a test each, or an instance that it starts would end with it
		w.breaks(t, b)
	}
	w.quiet(t, ruled(t))
}

// breaks lets something happen, and mends it once its alarms have fired.
func (w *watched) breaks(t *testing.T, b breakage) {
	t.Helper()
	began := time.Now()
	mend := sync.OnceFunc(b.happen(t, w))
	defer mend() // for those that come after one that failed
	for _, name := range b.alarms {
		w.await(t, name+" fires", func(firing []string) bool { return slices.Contains(firing, name) })
		t.Logf("%s fired after %s", name, time.Since(began).Round(time.Second))
	}
	mend()
	began = time.Now()
	w.quiet(t, b.alarms)
	t.Logf("%v: quiet after %s", b.alarms, time.Since(began).Round(time.Second))
}

// quiet waits until none of these alarms fires.
func (w *watched) quiet(t *testing.T, alarms []string) {
	t.Helper()
	w.await(t, fmt.Sprintf("none of %v fires", alarms), func(firing []string) bool {
		return !slices.ContainsFunc(firing, func(name string) bool { return slices.Contains(alarms, name) })
	})
}

// await waits until the alarms that fire are as they should be.
func (w *watched) await(t *testing.T, what string, is func(firing []string) bool) {
	t.Helper()
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for began := time.Now(); ; <-again.C {
		firing, err := w.prometheus.Firing()
		if err != nil {
			t.Fatal(err)
		}
		if is(firing) {
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("after %s: not yet so that %s; firing are %v", patience, what, firing)
		}
	}
}

// flood lets so many clients ask both instances for what path says, each some ten
// times a second if they are answered, until stop is called.
func (w *watched) flood(t *testing.T, clients int, path func(n int) (path string, headers []string)) (stop func()) {
	t.Helper()
	urls := []string{w.one.Nobody.URL(), w.two.Nobody.URL()}
	var stops []func()
	for i := range clients {
		stops = append(stops, w.during(t, 100*time.Millisecond, func(client *http.Client, n int) {
			what, headers := path(n*clients + i)
			w.ask(client, "GET", urls[n%2]+what, nil, headers...)
		}))
	}
	return func() { together(stops) }
}

// locked keeps everybody from a table until unlock is called.
func (w *watched) locked(t *testing.T, table string) (unlock func()) {
	t.Helper()
	raw := w.raw(t)
	tx, err := raw.BeginTx(context.Background(), nil)
	if err == nil {
		_, err = tx.Exec("LOCK TABLE " + table + " IN ACCESS EXCLUSIVE MODE")
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
	}
}

// execute does something to the database, past the program.
func (w *watched) execute(t *testing.T, statement string) {
	t.Helper()
	if _, err := w.raw(t).Exec(statement); err != nil {
		t.Fatal(err)
	}
}

func (w *watched) raw(t *testing.T) *sql.DB {
	t.Helper()
	raw, err := sql.Open("pgx", w.primary.URL("cartracker"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return raw
}

// began returns when the instance that runs as the second one was started, as
// Prometheus knows it.
func (w *watched) began(t *testing.T) float64 {
	t.Helper()
	u, err := url.Parse(w.two.Private(t))
	if err != nil {
		t.Fatal(err)
	}
	all, err := w.prometheus.Query(fmt.Sprintf(`max_over_time(process_start_time_seconds{instance=%q}[1m])`, u.Host))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	return all[0].Value
}

// together stops all, which may have to wait for answers.
func together(stops []func()) { apptest.Together(len(stops), func(i int) { stops[i]() }) }
