package bench

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/page"
	"cartracker/internal/record"
	"cartracker/internal/rental"
	"cartracker/internal/store"
	"cartracker/internal/store/pgtest"
	"cartracker/internal/store/postgres"
	"cartracker/internal/store/testdb"
)

// BenchmarkReplicas measures how many pages of 100 contracts 16 callers read in
// a second, past the cache, from one server and from the same with two replicas,
// in turns. All servers share this machine's cores.
func BenchmarkReplicas(b *testing.B) {
	primary := pgtest.New(b)
	url := filled(b, func(testing.TB) testdb.Database { return onServer(primary) }, 20_000)
	replicas := []string{primary.Replica().URL("cartracker"), primary.Replica().URL("cartracker")}
	c := postgres.Config{URL: url, PoolMin: 8, PoolSize: 16, PoolMax: 16, Instances: 1}
	alone, both := opened(b, c, nil), opened(b, c, replicas)
	for b.Loop() {
		var one, three, ratios []float64
		for range 7 {
			one = append(one, pages(b, alone))
			three = append(three, pages(b, both))
			ratios = append(ratios, three[len(three)-1]/one[len(one)-1])
		}
		b.ReportMetric(median(one), "pages/s-alone")
		b.ReportMetric(median(three), "pages/s-replicas")
		b.ReportMetric(median(ratios), "ratio")
		b.ReportMetric(0, "ns/op")
	}
	var total int64
	for _, r := range both.Replicas() {
		total += r.Reads
		b.Logf("%s answered %d reads", r.Name, r.Reads)
	}
	if total == 0 {
		b.Error("the replicas were not asked")
	}
}

func onServer(s *pgtest.Server) testdb.Database {
	url := s.URL("cartracker")
	return testdb.Database{URL: url, Driver: "pgx", DSN: url, Open: func(ctx context.Context) (*store.DB, error) {
		return postgres.Open(ctx, postgres.Config{URL: url, PoolSize: 8, PoolMax: 8, Instances: 1})
	}}
}

// opened opens a database that is read from replicas, if there are any, until
// the benchmark ends.
func opened(b *testing.B, c postgres.Config, replicas []string) *store.DB {
	b.Helper()
	db, err := postgres.Open(b.Context(), c)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if replicas == nil {
		return db
	}
	r, err := postgres.Replicate(c, replicas)
	if err != nil {
		b.Fatal(err)
	}
	r.MaxLag, r.Positions = 5*time.Second, store.NewPositions(store.PositionLife(5*time.Second))
	if err := db.ReadFrom(b.Context(), r); err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var watched sync.WaitGroup
	watched.Go(func() { _ = db.RunReplicas(ctx) })
	b.Cleanup(func() {
		stop()
		watched.Wait()
	})
	for began := time.Now(); !db.Replicas()[0].InUse || !db.Replicas()[1].InUse; {
		if time.Since(began) > 30*time.Second {
			b.Fatalf("the replicas are not used: %+v", db.Replicas())
		}
	}
	return db
}

// pages returns how many pages are read in a second.
func pages(b *testing.B, db *store.DB) float64 {
	const callers, turn = 16, 700 * time.Millisecond
	reader := record.As(b.Context(), record.Caller{Person: record.Person{ID: "reader"}})
	contracts, today := store.NewContracts(db), date.In(time.UTC, date.At(time.Now()))
	var read atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range callers {
		all.Go(func() {
			for time.Since(began) < turn {
				p, err := contracts.List(reader, rental.Filter{Query: page.Query{Limit: 100}}, today)
				if err != nil || len(p.Items) != 100 {
					b.Errorf("a page of %d: %v", len(p.Items), err)
					return
				}
				read.Add(1)
			}
		})
	}
	all.Wait()
	return float64(read.Load()) / time.Since(began).Seconds()
}
