package metrics_test

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cartracker/internal/observe/metrics"
)

const step = 10 * time.Second

// kept runs the history of a Set, in a bubble, until the test ends.
func kept(t *testing.T, s *metrics.Set) *metrics.History {
	t.Helper()
	h := metrics.NewHistory(s, step)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := h.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() { stop(); <-ended })
	synctest.Wait()
	return h
}

// answer counts requests of one sort.
func answer(s *metrics.Set, n int, route string, status int, took time.Duration) {
	for range n {
		s.Requests.Begin()
		s.Requests.End(metrics.Request{Route: route, Method: "GET", Status: status, Took: took})
	}
}

func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := metrics.New("v9")
		var waiting, hits atomic.Int64
		s.Read(func(put metrics.Put) {
			put("cartracker_jobs", float64(waiting.Load()), "mail", "waiting")
			put("cartracker_jobs", 7, "mail", "completed")
			put("cartracker_jobs", 1, "day", "delayed")
			put("cartracker_cache_hits_total", float64(hits.Load()), "/api/cars")
			put("cartracker_cache_misses_total", 1, "/api/cars")
			put("cartracker_cache_hits_total", float64(100*hits.Load()), "token")
			put("cartracker_cache_misses_total", float64(10*hits.Load()), "session")
			put("cartracker_db_connections_in_use", 2, "writer", "")
			put("cartracker_db_connections_in_use", 3, "readers", "")
			put("cartracker_replica_lag_seconds", 0.25, "1")
			put("cartracker_replica_lag_seconds", 0.5, "2")
		})
		answer(s, 5, "/of/before", 200, time.Second)
		h := kept(t, s)
		if hour := h.Hour(); len(hour.Requests) != 1 || hour.Requests[0] != 0 || !math.IsNaN(hour.P95[0]) || hour.Waiting[0] != 1 {
			t.Errorf("at first: %+v", hour)
		}
		answer(s, 19, "/quick", 200, 2*time.Millisecond)
		answer(s, 1, "/slow", 503, 3*time.Second)
		s.Limited("api", false, false)
		s.Limited("api", true, false)
		s.Called(2 * time.Millisecond)
		waiting.Store(4)
		hits.Store(9)
		time.Sleep(step)
		synctest.Wait()
		hour := h.Hour()
		for what, got := range map[string]metrics.Curve{
			"requests [0 20]": hour.Requests, "failed [0 1]": hour.Failed, "limited [0 1]": hour.Limited, "hits [0 9]": hour.Hits, "misses [0 0]": hour.Misses,
			"waiting [1 5]": hour.Waiting, "connections [5 5]": hour.Connections, "lag [0.5 0.5]": hour.Lag,
		} {
			var name, first, second string
			if _, err := fmt.Sscan(what, &name, &first, &second); err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint([]float64(got)) != first+" "+second {
				t.Errorf("%s: %v", what, got)
			}
		}
		if p95 := hour.P95[1]; p95 != 0.0025 {
			t.Errorf("95 of 100 took %v s", p95)
		}
		if len(hour.Routes) != 3 || hour.Routes[0].Route != "/slow" || hour.Routes[0].Times != 1 || hour.Routes[0].P95 < 2.5 || hour.Routes[0].P95 > 5 || hour.Routes[2].Route != "/quick" {
			t.Errorf("routes: %+v", hour.Routes)
		}
		if !hour.RedisCalls || hour.Redis.Times != 1 || hour.Redis.P95 < .001 || hour.Redis.P95 > .0025 {
			t.Errorf("Redis: %+v", hour.Redis)
		}
	})
}

// TestHistoryForgets: after an hour nothing is left of what happened before, and
// it takes no more room.
func TestHistoryForgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := metrics.New("v9")
		h := kept(t, s)
		answer(s, 10, "/old", 500, time.Second)
		time.Sleep(30*time.Minute + time.Second)
		answer(s, 3, "/new", 200, time.Second)
		if hour := h.Hour(); hour.Failed.Sum() != 10 || len(hour.Routes) != 1 || len(hour.P95) != 181 {
			t.Errorf("after half an hour: %v failed, %d points, %+v", hour.Failed.Sum(), len(hour.P95), hour.Routes)
		}
		time.Sleep(40 * time.Minute)
		synctest.Wait()
		hour := h.Hour()
		if hour.Failed.Sum() != 0 || hour.Requests.Sum() != 3 || len(hour.Requests) != metrics.Points || len(hour.Routes) != 1 || hour.Routes[0].Route != "/new" || hour.Routes[0].Times != 3 {
			t.Errorf("after 70 minutes: %v requests, %v failed, %d points, %+v", hour.Requests.Sum(), hour.Failed.Sum(), len(hour.Requests), hour.Routes)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if hour := h.Hour(); len(hour.Routes) != 0 || len(hour.Lag) != metrics.Points || hour.RedisCalls {
			t.Errorf("after three hours: %+v", hour.Routes)
		}
	})
}

func BenchmarkHistory(b *testing.B) {
	s := metrics.New("v9")
	for i := range 100 {
		answer(s, 10, fmt.Sprint("/route/", i), 200, time.Duration(i)*time.Millisecond)
	}
	h := metrics.NewHistory(s, step)
	ctx, stop := context.WithCancel(b.Context())
	stop()
	b.ReportAllocs()
	for b.Loop() {
		_ = h.Run(ctx) // one point
	}
}
