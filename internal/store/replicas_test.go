package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/fleet"
	"cartracker/internal/ident"
	"cartracker/internal/money"
	"cartracker/internal/record"
	"cartracker/internal/store"
	"cartracker/internal/store/pgtest"
	"cartracker/internal/store/postgres"
	"cartracker/internal/store/storetest"
)

// A replicated database is one that is read from replicas.
type replicated struct {
	*store.DB
	primary *pgtest.Server
	cars    store.Cars
	car     fleet.CarID
	stop    func()
}

// onCluster opens the database of a primary, reads it from replicas until the
// test ends, and makes a car in it.
func onCluster(t *testing.T, primary *pgtest.Server, maxLag time.Duration, replicas ...string) *replicated {
	t.Helper()
	c := postgres.Config{URL: primary.URL("cartracker"), PoolSize: 8, PoolMax: 8, Instances: 1}
	return replicatedBy(t, primary, c, func(r *store.Replication) {
		r.MaxLag, r.Positions = maxLag, store.NewPositions(store.PositionLife(maxLag))
	}, replicas...)
}

func replicatedBy(t *testing.T, primary *pgtest.Server, c postgres.Config, set func(*store.Replication), replicas ...string) *replicated {
	t.Helper()
	db := openPostgres(t, c)
	if _, err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := postgres.Replicate(c, replicas)
	if err != nil {
		t.Fatal(err)
	}
	set(&r)
	if err := db.ReadFrom(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := db.RunReplicas(ctx); err != nil {
			t.Errorf("RunReplicas: %v", err)
		}
	})
	out := &replicated{DB: db, primary: primary, cars: store.NewCars(db), stop: func() {
		cancel()
		running.Wait()
	}}
	t.Cleanup(out.stop)
	out.addCar(t)
	return out
}

func (r *replicated) addCar(t *testing.T) {
	t.Helper()
	now := date.At(time.Now())
	id := ident.New[fleet.CarID]()
	car := fleet.Car{Meta: record.Meta[fleet.CarID]{ID: id, Version: 1, CreatedAt: now, UpdatedAt: now}, Details: fleet.Details{
		Manufacturer: "VW", Model: "Golf", Year: 2020, LicensePlate: string(id)[16:], FuelType: "diesel", Transmission: "manual",
		PricePerDay: money.Minor(45_00), Category: "compact", Status: fleet.Available,
	}}
	if err := r.InTx(t.Context(), func(ctx context.Context) error { return r.cars.Insert(ctx, &car) }); err != nil {
		t.Fatal(err)
	}
	r.car = car.ID
}

// as returns the context of a caller of this name.
func as(ctx context.Context, name string) context.Context {
	return record.As(ctx, record.Caller{Person: record.Person{ID: record.UserID(name)}})
}

// drive writes the mileage of the car, and read reads it.
func (r *replicated) drive(ctx context.Context, km int) error {
	_, err := r.cars.Update(ctx, fleet.Ref(r.car), today, func(c *fleet.Car) error {
		c.Mileage = km
		return nil
	})
	return err
}

func (r *replicated) read(ctx context.Context) (km int, err error) {
	c, err := r.cars.Get(ctx, fleet.Ref(r.car), today)
	return c.Mileage, err
}

func (r *replicated) must(t *testing.T, ctx context.Context) int {
	t.Helper()
	km, err := r.read(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return km
}

// reads returns how many reads the replicas have answered.
func (r *replicated) reads() (n int64) {
	for _, s := range r.Replicas() {
		n += s.Reads
	}
	return n
}

// inUse waits until the replicas are those that are used, of n.
func (r *replicated) inUse(t *testing.T, want ...bool) {
	t.Helper()
	until(t, fmt.Sprintf("the replicas in use are %v", want), func() bool {
		for i, s := range r.Replicas() {
			if s.InUse != want[i] {
				return false
			}
		}
		return true
	})
}

func on(t *testing.T, s *pgtest.Server) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", s.URL("cartracker"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxIdleConns(0) // a server that is killed takes none with it
	t.Cleanup(func() { db.Close() })
	return db
}

func run(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// Who wrote nothing reads from a replica, in turns, and who wrote reads what
// they wrote; what must not be old is read from the primary.
func TestReplicasAreRead(t *testing.T) {
	t.Parallel()
	primary := pgtest.New(t)
	slow := primary.Replica("recovery_min_apply_delay = '200ms'")
	quick := primary.Replica()
	r := onCluster(t, primary, 5*time.Second, slow.URL("cartracker"), quick.URL("cartracker"))
	r.inUse(t, true, true)
	reader, writer := as(t.Context(), "uma"), as(t.Context(), "emir")
	raw := on(t, slow)
	until(t, "the slow replica has the car", func() bool { return count(t, raw, "SELECT COUNT(*) FROM cars") == 1 })

	for range 10 {
		r.must(t, reader)
	}
	for _, s := range r.Replicas() {
		if s.Reads != 5 {
			t.Errorf("%s answered %d of 10 reads", s.Name, s.Reads)
		}
	}
	for i, p := range r.Pools()[1:] {
		if p.Name != r.Replicas()[i].Name || p.Most == 0 || p.Open == 0 {
			t.Errorf("the pool of a replica is %+v", p)
		}
	}
	if n := count(t, raw, "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = 'cartracker' AND query LIKE 'SELECT cars.id%'"); n == 0 {
		t.Error("no connection of the replica was asked for cars")
	}
	old := 0
	for km := 1; km <= 30; km++ {
		if err := r.drive(writer, km); err != nil {
			t.Fatal(err)
		}
		if got := r.must(t, writer); got != km {
			t.Fatalf("who wrote %d km reads %d", km, got)
		}
		if r.must(t, reader) < km {
			old++
		}
		for what, ctx := range map[string]context.Context{"fresh": record.Fresh(reader), "nobody": t.Context()} {
			before := r.reads()
			if got := r.must(t, ctx); got != km || r.reads() != before {
				t.Errorf("%s: %d km, want %d; a replica was asked: %v", what, got, km, r.reads() != before)
			}
		}
		err := r.InTx(reader, func(ctx context.Context) error {
			if got, err := r.read(ctx); err != nil || got != km {
				t.Errorf("in a transaction: %d km, want %d (%v)", got, km, err)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if old == 0 {
		t.Error("with 200 ms of delay nobody else read what was there before: the replica is not read from")
	}
	before := r.reads()
	until(t, "who wrote reads from a replica again", func() bool { return r.must(t, writer) == 30 && r.reads() > before })
	t.Run("paused", func(t *testing.T) { r.paused(t, quick) })
	t.Run("killed", func(t *testing.T) { r.killed(t, quick) })
	t.Run("hung", func(t *testing.T) { r.hung(t, quick) })
	t.Run("promoted", func(t *testing.T) { r.promoted(t, quick) })
}

// A replica that repeats nothing for longer than it may is left out, and taken
// back when it has caught up.
func (r *replicated) paused(t *testing.T, quick *pgtest.Server) {
	fast := onReplicas(t, r, time.Second, quick)
	fast.inUse(t, true)
	run(t, on(t, quick), "SELECT pg_wal_replay_pause()")
	began := time.Now()
	if err := fast.drive(as(t.Context(), "emir"), 31); err != nil {
		t.Fatal(err)
	}
	fast.inUse(t, false)
	if took, s := time.Since(began), fast.Replicas()[0]; took < 800*time.Millisecond || s.Lag < time.Second || s.Why != "it is too far behind" {
		t.Errorf("left out after %s: %+v", took, s)
	}
	before := fast.reads()
	if got := fast.must(t, as(t.Context(), "uma")); got != 31 || fast.reads() != before {
		t.Errorf("%d km", got)
	}
	run(t, on(t, quick), "SELECT pg_wal_replay_resume()")
	fast.inUse(t, true)
	fast.stop()
}

// onReplicas opens the same database with other replicas.
func onReplicas(t *testing.T, r *replicated, maxLag time.Duration, all ...*pgtest.Server) *replicated {
	t.Helper()
	var urls []string
	for _, s := range all {
		urls = append(urls, s.URL("cartracker"))
	}
	return onCluster(t, r.primary, maxLag, urls...)
}

// Readers do not notice that a replica is killed under them.
func (r *replicated) killed(t *testing.T, quick *pgtest.Server) {
	r.under(t, func() {
		for range 3 {
			quick.Kill()
			r.inUse(t, true, false)
			quick.Start()
			r.inUse(t, true, true)
		}
	})
}

// Readers of a replica that hangs wait no longer than it takes to notice.
func (r *replicated) hung(t *testing.T, quick *pgtest.Server) {
	longest := r.under(t, func() {
		quick.Hang()
		r.inUse(t, true, false)
		quick.Resume()
		r.inUse(t, true, true)
	})
	if longest > 3*time.Second && !raced {
		t.Errorf("somebody waited for %s", longest)
	}
}

// under lets readers read while something happens to a replica, and returns how
// long one of them waited at most.
func (r *replicated) under(t *testing.T, happens func()) (longest time.Duration) {
	t.Helper()
	stop := make(chan struct{})
	took := make([]time.Duration, 6)
	var readers sync.WaitGroup
	for i := range took {
		readers.Go(func() {
			ctx := as(t.Context(), fmt.Sprint("reader ", i))
			for {
				select {
				case <-stop:
					return
				default:
				}
				began := time.Now()
				if _, err := r.cars.List(ctx, fleet.Filter{}, today); err != nil {
					t.Errorf("a reader is told of it: %v", err)
					return
				}
				took[i] = max(took[i], time.Since(began))
			}
		})
	}
	happens()
	close(stop)
	readers.Wait()
	for _, d := range took {
		longest = max(longest, d)
	}
	return longest
}

// A replica that becomes a primary of its own is one no more.
func (r *replicated) promoted(t *testing.T, quick *pgtest.Server) {
	quick.Promote()
	r.inUse(t, true, false)
	if s := r.Replicas()[1]; !strings.Contains(s.Why, "it takes writes") {
		t.Errorf("%+v", s)
	}
	if err := r.drive(as(t.Context(), "emir"), 99); err != nil {
		t.Fatal(err)
	}
	before := r.reads()
	until(t, "the other replica shows it", func() bool { return r.must(t, as(t.Context(), "uma")) == 99 && r.reads() > before })
}

func TestLocalPositions(t *testing.T) {
	t.Parallel()
	p := store.NewPositions(time.Minute)
	storetest.Positions(t, p, p)
}
