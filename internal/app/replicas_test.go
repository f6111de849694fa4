package app_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/ident"
	"cartracker/internal/identity"
	"cartracker/internal/record"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store"
	"cartracker/internal/store/pgtest"
	"cartracker/internal/store/postgres"
	"cartracker/internal/store/testdb"
)

// databaseOf is the database of a server.
func databaseOf(s *pgtest.Server) testdb.Database {
	url := s.URL("cartracker")
	return testdb.Database{URL: url, Driver: "pgx", DSN: url, Open: func(ctx context.Context) (*store.DB, error) {
		return postgres.Open(ctx, postgres.Config{URL: url, PoolSize: 16, PoolMax: 16, Instances: 1})
	}}
}

// replicatedBy sets replicas that are left out when they are more than maxLag behind.
func replicatedBy(maxLag string, replicas ...*pgtest.Server) func(*config.Config) {
	var urls []string
	for _, r := range replicas {
		urls = append(urls, r.URL("cartracker"))
	}
	return func(c *config.Config) {
		c.ReplicaURLs, c.ReplicaMaxLag = config.NewSecret(strings.Join(urls, " ")), maxLag
		c.DBPoolMin, c.DBPoolSize, c.DBPoolMax = "2", "8", "8"
	}
}

// Desks are what one or two instances of the program serve.
type desks []*apptest.Company

// onReplica waits until each of the instances has read from its replica.
func (o desks) onReplica(t *testing.T) {
	t.Helper()
	for _, c := range o {
		apptest.Until(t, "a read from a replica", func() bool {
			c.User.Do("GET", "/api/users/me", nil)
			return replicaReads(c) > 0
		})
	}
}

func replicaReads(c *apptest.Company) (n int64) {
	for _, r := range c.DB.Replicas() {
		n += r.Reads
	}
	return n
}

// pairs lets clerks write and then read what they wrote, each at any of the
// instances, and returns how many of the reads were answered by a replica.
func (o desks) pairs(t *testing.T, all int) (byReplica int64) {
	t.Helper()
	const several = 8
	var begun atomic.Int64
	before := int64(0)
	for _, c := range o {
		before += replicaReads(c)
	}
	var clerks sync.WaitGroup
	for range several {
		name := fmt.Sprintf("clerk-%s", ident.New[string]())
		at := make([]*apptest.Client, len(o))
		at[0] = o[0].SignUp(t, name, record.Employee)
		for n := range at[1:] {
			at[n+1] = o[n+1].Nobody.With(at[0])
		}
		clerks.Go(func() {
			for n := begun.Add(1); n <= int64(all) && !t.Failed(); n = begun.Add(1) {
				want := fmt.Sprintf("%s in turn %d", name, n)
				if res := at[int(n)%len(at)].Do("PATCH", "/api/users/me", apptest.JSON{"name": want}); res.Status != 200 {
					t.Errorf("the write: %s", res)
					return
				}
				if n%10 == 0 { // others read at once, and so mostly from the primary
					waitFor(t.Context(), time.Duration(rand.IntN(400))*time.Millisecond)
				}
				if res := at[int(n/2)%len(at)].Do("GET", "/api/users/me", nil); res.Text("data.name") != want {
					t.Errorf("who wrote %q reads %q", want, res.Text("data.name"))
				}
			}
		})
	}
	clerks.Wait()
	for _, c := range o {
		byReplica += replicaReads(c)
	}
	return byReplica - before
}

// ownWrites says that nobody ever misses what they wrote, though the replica
// is 200 ms behind, with one instance, with two that share a Redis, and with
// two that share none.
func ownWrites(t *testing.T, pairs int) {
	primary := pgtest.New(t, "max_connections = 200")
	replica := primary.Replica("recovery_min_apply_delay = '200ms'")
	read := replicatedBy("1s", replica)
	var one *apptest.Company
	t.Run("one instance", func(t *testing.T) {
		one = apptest.New(t, databaseOf(primary), read)
		o := desks{one}
		o.onReplica(t)
		o.missNothing(t, pairs)
		o.othersRead(t)
	})
	t.Run("two with Redis", func(t *testing.T) {
		url := redistest.New(t, redistest.Options{}).URL()
		shared := func(c *config.Config) { c.RedisURL = config.NewSecret(url) }
		first := one.Beside(t, read, shared)
		o := desks{first, first.Beside(t, read, shared)}
		o.onReplica(t) // once Redis runs for long enough to know
		o.missNothing(t, pairs)
		o.othersRead(t)
	})
	t.Run("two without", func(t *testing.T) {
		two := func(c *config.Config) { c.DBInstances = "2" }
		first := one.Beside(t, read, two)
		o := desks{first, first.Beside(t, read, two)}
		o.onReplica(t)
		t.Logf("of %d pairs %d reads by the replica", pairs, o.pairs(t, pairs)) // perhaps none: it never has all that others write meanwhile
	})
}

// missNothing says that clerks read what they wrote, and some of it from the replica.
func (o desks) missNothing(t *testing.T, pairs int) {
	t.Helper()
	byReplica := o.pairs(t, pairs)
	t.Logf("of %d pairs %d reads by the replica", pairs, byReplica)
	if byReplica == 0 {
		t.Error("the replica answered none of the reads")
	}
}

// othersRead says that who wrote nothing reads from the replica.
func (o desks) othersRead(t *testing.T) {
	t.Helper()
	for _, c := range o {
		before := replicaReads(c)
		for range 20 {
			c.User.Do("GET", "/api/users/me", nil)
		}
		if n := replicaReads(c) - before; n < 20 {
			t.Errorf("the replica answered %d of 20 reads of somebody who wrote nothing", n)
		}
	}
}

func TestOwnWritesAreRead(t *testing.T) {
	t.Parallel()
	ownWrites(t, 250)
}

func TestFaultOwnWritesAreRead(t *testing.T) {
	needFaults(t)
	ownWrites(t, 10_000)
}

// What is kept for others, and who somebody is, is read from the primary: a
// list that a replica does not have yet is right, and who just came may sign in.
func TestCachesAreFilledFromThePrimary(t *testing.T) {
	t.Parallel()
	primary := pgtest.New(t)
	replica := primary.Replica()
	c := apptest.New(t, databaseOf(primary), replicatedBy("1m", replica))
	apptest.Until(t, "the replica's use", func() bool { return c.DB.Replicas()[0].InUse })
	raw := databaseOf(replica).Raw(t)
	if _, err := raw.Exec("SELECT pg_wal_replay_pause()"); err != nil {
		t.Fatal(err)
	}
	apptest.Until(t, "the replica's pause", func() (paused bool) {
		err := raw.QueryRow("SELECT pg_get_wal_replay_pause_state() = 'paused'").Scan(&paused)
		return err == nil && paused
	})
	car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
	for _, path := range []string{"/api/cars", "/api/cars/" + car} {
		if res := c.Employee.Do("GET", path, nil); res.Status != 200 || !strings.Contains(res.String(), car) {
			t.Errorf("%s, of somebody who did not write it: %s", path, res)
		}
	}
	later := c.SignUp(t, "lejla", record.Employee)
	if res := later.Do("GET", "/api/cars", nil); res.Status != 200 {
		t.Errorf("somebody new: %s", res)
	}
	stranger := record.As(t.Context(), record.Caller{Person: record.Person{ID: "nobody who wrote"}})
	if p, err := store.NewUsers(c.DB).List(stranger, identity.Filter{Q: "lejla"}); err != nil || p.Total != 0 || replicaReads(c) == 0 {
		t.Errorf("what is not kept was not read from the replica: %d users, %v", p.Total, err)
	}
}

// A primary that is killed under load, and a replica that is promoted in its
// place: writes are back soon, and nothing that was acknowledged is lost, for
// the primary waits for the replica with each commit.
func TestFaultReplicaPromoted(t *testing.T) {
	needFaults(t)
	primary := pgtest.New(t, "fsync = on")
	standby := primary.Replica("fsync = on")
	raw := databaseOf(primary).Raw(t)
	for _, s := range []string{"ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"} {
		if _, err := raw.Exec(s); err != nil {
			t.Fatal(err)
		}
	}
	apptest.Until(t, "commits that wait for the replica", func() (waits bool) {
		err := raw.QueryRow("SELECT sync_state = 'sync' FROM pg_stat_replication").Scan(&waits)
		return err == nil && waits
	})
	both := strings.Replace(primary.URL("cartracker"), primary.Addr(), primary.Addr()+","+standby.Addr(), 1) + "&target_session_attrs=read-write"
	s := apptest.NewSite(t, t.TempDir(), both, "DATABASE_REPLICA_URLS="+standby.URL("cartracker"))
	s.AddUser(t, "amra", record.Admin)
	p := s.Serve(t)
	boss := p.Nobody.SignIn("amra")
	apptest.Until(t, "the replica's use", func() bool { return strings.Contains(p.Output(), "a replica is read from") })
	k := apptest.NewClerks(boss)
	k.Write(t, boss, clerks, 100, primary.Kill)
	for _, err := range k.Failures() {
		checkAway(t, err)
	}
	standby.Promote()
	began := time.Now()
	apptest.Until(t, "a write", func() bool {
		return boss.Do("PATCH", "/api/users/me", apptest.JSON{"name": "Amra"}).Status == http.StatusOK
	})
	took := time.Since(began)
	t.Logf("writes were back %s after the promotion; %d records had been acknowledged", took, k.Acknowledged())
	if took > 5*time.Second {
		t.Errorf("writes were back only %s after the promotion", took)
	}
	apptest.Until(t, "connections to the new primary alone", func() bool { return strings.Contains(p.Output(), "another server has taken over") })
	apptest.Until(t, "a write over one of them", func() bool {
		return boss.Do("PATCH", "/api/users/me", apptest.JSON{"name": "Amra"}).Status == http.StatusOK
	})
	checkStored(t, s, k, boss)
	apptest.Until(t, "the promoted server is no replica any more", func() bool { return strings.Contains(p.Output(), "it takes writes") })
	if code := p.Terminate(t)(); code != 0 {
		t.Errorf("the program ended with %d:\n%s", code, p.Output())
	}
}
