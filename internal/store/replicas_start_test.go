package store_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"cartracker/internal/store"
	"cartracker/internal/store/pgtest"
	"cartracker/internal/store/postgres"
)

// What is no replica of the database is refused at the start by one line, which
// tells where it is and no password. One that cannot be reached is not: it is
// taken into use when it can, unless it turns out to be wrong then.
func TestReplicasAtStart(t *testing.T) {
	t.Parallel()
	primary := pgtest.New(t)
	replica := primary.Replica()
	other := pgtest.New(t)
	guessed, err := url.Parse(replica.URL("cartracker"))
	if err != nil {
		t.Fatal(err)
	}
	guessed.User = url.UserPassword("cartracker", "guessed-it")
	for _, tt := range []struct{ what, url, addr, why string }{
		{"the primary itself", primary.URL("cartracker"), primary.Addr(), "it is no replica: it takes writes"},
		{"another cluster", other.URL("cartracker"), other.Addr(), "it is a replica of another cluster than DATABASE_URL"},
		{"another database", replica.URL("postgres"), replica.Addr(), "it is another database of the cluster than DATABASE_URL"},
		{"no database", replica.URL("none"), replica.Addr(), "it refuses the user, the password or the name of the database"},
		{"a wrong password", guessed.String(), replica.Addr(), "it refuses the user, the password or the name of the database"},
	} {
		err := readFrom(t, primary, replica.URL("cartracker"), tt.url)
		if want := "DATABASE_REPLICA_URLS: " + tt.addr + " cannot be read from: " + tt.why; err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", tt.what, err, want)
		}
	}
	for _, address := range []string{"postgres://u:hunter2@127.0.0.1:port/x", "postgres://u:hunter2@[::1/x"} {
		_, err := postgres.Replicate(postgres.Config{URL: primary.URL("cartracker")}, []string{address})
		if err == nil || !strings.Contains(err.Error(), "number 1") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}

	replica.Stop()
	other.Stop()
	r := onCluster(t, primary, 5*time.Second, replica.URL("cartracker"), other.URL("cartracker"))
	if err := r.drive(as(t.Context(), "emir"), 5); err != nil {
		t.Fatal(err)
	}
	if got := r.must(t, as(t.Context(), "uma")); got != 5 || r.reads() != 0 {
		t.Errorf("without a replica: %d km, %d reads of replicas", got, r.reads())
	}
	other.Start()
	replica.Start()
	r.inUse(t, true, false)
	until(t, "the other cluster is found out", func() bool { return strings.Contains(r.Replicas()[1].Why, "another cluster") })
	until(t, "the replica is read from", func() bool {
		km, err := r.read(as(t.Context(), "uma"))
		return err == nil && km == 5 && r.reads() > 0
	})
}

// readFrom tries to read a database from these replicas.
func readFrom(t *testing.T, primary *pgtest.Server, urls ...string) error {
	t.Helper()
	_, err := started(t, primary.URL("cartracker"), urls...)
	return err
}

// started opens a database, and returns what becomes of its replicas at the start.
func started(t *testing.T, address string, urls ...string) ([]store.ReplicaState, error) {
	t.Helper()
	c := postgres.Config{URL: address, PoolSize: 2, PoolMax: 2, Instances: 1}
	db, err := postgres.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r, err := postgres.Replicate(c, urls)
	if err != nil {
		t.Fatal(err)
	}
	r.MaxLag = time.Second
	err = db.ReadFrom(t.Context(), r)
	return db.Replicas(), err
}

// A program that starts after a fail-over finds the promoted server among the
// replicas still. It is left out, if the address of the primary names it too.
func TestReplicasAtStartAfterFailover(t *testing.T) {
	t.Parallel()
	primary := pgtest.New(t)
	replica := primary.Replica()
	both, promoted := either(primary, replica), replica.URL("cartracker")
	primary.Kill()
	replica.Promote()
	states, err := started(t, both, promoted)
	if err != nil || states[0].InUse || states[0].Why != "it is no replica: it takes writes" {
		t.Errorf("the promoted server is %+v (%v)", states, err)
	}
	for what, address := range map[string]string{"one address": promoted, "the same address twice": either(replica, replica)} {
		if _, err := started(t, address, promoted); err == nil || !strings.Contains(err.Error(), "it takes writes") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// A query that a replica gives up because of what the primary removed, or that
// it cannot make, is made at the primary.
func TestReplicasInConflict(t *testing.T) {
	t.Parallel()
	primary := pgtest.New(t)
	replica := primary.Replica("max_standby_streaming_delay = '0'")
	r := onCluster(t, primary, 5*time.Second, replica.URL("cartracker"))
	r.inUse(t, true)
	raw, before := on(t, primary), conflicts(t, replica)
	r.under(t, func() {
		until(t, "the replica gives queries up", func() bool {
			run(t, raw, "BEGIN; LOCK TABLE cars IN ACCESS EXCLUSIVE MODE; COMMIT")
			return conflicts(t, replica) > before
		})
	})
	if !r.Replicas()[0].InUse {
		t.Error("a replica is left out for a conflict")
	}
}

// conflicts returns how many queries a replica has given up.
func conflicts(t *testing.T, s *pgtest.Server) int {
	t.Helper()
	return count(t, on(t, s), "SELECT SUM(confl_snapshot + confl_lock + confl_bufferpin + confl_tablespace + confl_deadlock) FROM pg_stat_database_conflicts")
}

// Nobody can be asked where the log is: the caller reads from the primary until
// all have come past whatever it was.
func TestReplicasWithoutPositions(t *testing.T) {
	t.Parallel()
	primary := pgtest.New(t)
	replica := primary.Replica("recovery_min_apply_delay = '200ms'")
	c := postgres.Config{URL: primary.URL("cartracker"), PoolSize: 8, PoolMax: 8, Instances: 2}
	for what, p := range map[string]store.Positions{"nobody tells": nil, "they cannot be told": deafPositions{}} {
		t.Run(what, func(t *testing.T) {
			r := replicatedBy(t, primary, c, func(r *store.Replication) { r.MaxLag, r.Positions = 5*time.Second, p }, replica.URL("cartracker"))
			r.inUse(t, true)
			writer := as(t.Context(), "emir")
			for km := 1; km <= 10; km++ {
				if err := r.drive(writer, km); err != nil {
					t.Fatal(err)
				}
				if got := r.must(t, writer); got != km {
					t.Errorf("%d km, want %d", got, km)
				}
			}
			until(t, "reads of the replica", func() bool { return r.must(t, writer) == 10 && r.reads() > 0 })
		})
	}
}

// deafPositions can be asked, and learn nothing: as Redis that one instance
// does not reach.
type deafPositions struct{}

func (deafPositions) Note(context.Context, string, store.Position) error {
	return errors.New("not reached")
}
func (deafPositions) Last(context.Context, string) (store.Position, error) { return 0, nil }

// A commit whose answer is lost may have happened. Who is told to look finds it,
// though a replica does not have it yet.
func TestReplicasAfterLostCommit(t *testing.T) {
	t.Parallel()
	primary := pgtest.New(t)
	replica := primary.Replica()
	c := postgres.Config{URL: primary.URL("cartracker"), PoolSize: 8, PoolMax: 8, Instances: 2}
	for _, tt := range []struct {
		what  string
		notes store.Positions
		inUse bool // goes on
	}{
		{"others are told", store.NewPositions(time.Hour), true},
		{"they cannot be told", deafPositions{}, false},
	} {
		t.Run(tt.what, func(t *testing.T) {
			r := replicatedBy(t, primary, c, func(r *store.Replication) { r.MaxLag, r.Positions = time.Minute, tt.notes }, replica.URL("cartracker"))
			r.inUse(t, true)
			r.until(t, replica)
			run(t, on(t, replica), "SELECT pg_wal_replay_pause()")
			if err := r.loseCommit(t, 7); err == nil {
				t.Error("a commit that nobody answered is acknowledged")
			}
			if s := r.Replicas()[0]; s.InUse != tt.inUse {
				t.Errorf("the replica is %+v", s)
			}
			if got := r.must(t, as(t.Context(), "emir")); got != 7 || r.reads() != 0 {
				t.Errorf("who wrote 7 km reads %d; a replica was asked: %v", got, r.reads() > 0)
			}
			r.must(t, as(t.Context(), "uma"))
			if asked := r.reads() == 1; asked != tt.inUse {
				t.Errorf("who wrote nothing reads from the replica: %v", asked)
			}
			run(t, on(t, replica), "SELECT pg_wal_replay_resume()")
		})
	}
}

// until waits until a replica has the car.
func (r *replicated) until(t *testing.T, replica *pgtest.Server) {
	t.Helper()
	raw := on(t, replica)
	until(t, "the replica has the car", func() bool {
		return count(t, raw, "SELECT COUNT(*) FROM cars WHERE id = '"+string(r.car)+"'") == 1
	})
}

// loseCommit drives, and ends the connection while the commit waits for a
// server that never comes. It returns what the driver is told.
func (r *replicated) loseCommit(t *testing.T, km int) error {
	t.Helper()
	change(t, r.primary, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
	defer change(t, r.primary, "ALTER SYSTEM RESET synchronous_standby_names")
	told := make(chan error, 1)
	drive := func() { told <- r.drive(as(t.Context(), "emir"), km) }
	go drive()
	raw := on(t, r.primary)
	until(t, "the commit's end", func() bool {
		select {
		case err := <-told: // before the server heard of the change
			if err != nil {
				t.Error(err)
			}
			go drive()
		default:
		}
		return count(t, raw, "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") > 0
	})
	return <-told
}

// A write that others cannot be told of waits only for a moment for a replica
// that does not come so far, and keeps nobody else from the database meanwhile.
func TestReplicasNotAwaitedForLong(t *testing.T) {
	t.Parallel()
	primary := pgtest.New(t)
	replica := primary.Replica()
	c := postgres.Config{URL: primary.URL("cartracker"), PoolSize: 8, PoolMax: 8, Instances: 2}
	r := replicatedBy(t, primary, c, func(r *store.Replication) { r.MaxLag, r.Positions = 6*time.Second, deafPositions{} }, replica.URL("cartracker"))
	r.inUse(t, true)
	r.until(t, replica)
	run(t, on(t, replica), "SELECT pg_wal_replay_pause()")
	var left time.Time
	r.Guard(func(ctx context.Context) (context.Context, func(), error) {
		return ctx, func() { left = time.Now() }, nil
	})
	if err := r.drive(as(t.Context(), "emir"), 5); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(left); waited < time.Second || waited > 4*time.Second {
		t.Errorf("it waited for %s after it had given its place back", waited)
	}
	if s := r.Replicas()[0]; s.InUse || s.Why != "it may lack what others were not told of" {
		t.Errorf("the replica is %+v", s)
	}
	if got := r.must(t, as(t.Context(), "emir")); got != 5 || r.reads() != 0 {
		t.Errorf("who wrote 5 km reads %d; a replica was asked: %v", got, r.reads() > 0)
	}
	run(t, on(t, replica), "SELECT pg_wal_replay_resume()")
	r.inUse(t, true)
	if got := r.must(t, as(t.Context(), "uma")); got != 5 || r.reads() != 1 {
		t.Errorf("later: %d km, and %d reads of the replica", got, r.reads())
	}
}
