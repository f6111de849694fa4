package app_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/record"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/testdb"
)

// eachPair runs a test against two instances of the program on one database,
// without Redis and with one that they share. A change has to be seen by the
// other within bound.
func eachPair(t *testing.T, test func(t *testing.T, one, two *apptest.Company, bound time.Duration)) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		one := apptest.New(t, testdb.EmptySQLite(t))
		test(t, one, one.Beside(t), 2*time.Second)
	})
	t.Run("PostgreSQL and Redis", func(t *testing.T) {
		t.Parallel()
		url := redistest.New(t, redistest.Options{}).URL()
		shared := func(c *config.Config) { c.RedisURL = config.NewSecret(url) }
		one := apptest.New(t, testdb.MigratedPostgres(t), shared)
		test(t, one, one.Beside(t, shared), time.Second)
	})
}

// A fleetWatch knows the mileage that each car has at least, for whom.
type fleetWatch struct {
	mu     sync.Mutex
	writes map[string][]mileageWrite // by car, in their order
}

// A mileageWrite is a write that was acknowledged.
type mileageWrite struct {
	km   int
	at   time.Time
	from int // the instance
}

func (f *fleetWatch) acknowledged(car string, w mileageWrite) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.writes[car] = append(f.writes[car], w)
}

// least is the mileage that an answer of an instance to a question of now must have.
func (f *fleetWatch) least(car string, instance int, now time.Time, bound time.Duration) (km int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.writes[car] {
		if w.from == instance || now.Sub(w.at) > bound {
			km = max(km, w.km)
		}
	}
	return km
}

// Writers and readers at two instances: no answer is older than what was
// acknowledged at the same instance before it was asked for, or at the other
// some time before.
func TestNoAnswerIsOld(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, one, two *apptest.Company, bound time.Duration) {
		instances := []*apptest.Company{one, two}
		var cars []string
		for i := range 4 {
			cars = append(cars, one.Admin.Make("/api/cars", apptest.Car(fmt.Sprintf("A%02d-K-345", i))))
		}
		watch := &fleetWatch{writes: map[string][]mileageWrite{}}
		ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
		defer stop()
		var all sync.WaitGroup
		for i, car := range cars { // of each car one writer, so that its mileage goes up
			all.Go(func() {
				for km := 1000; ctx.Err() == nil; km++ {
					at := rand.IntN(2)
					res := instances[at].Employee.Do("PATCH", "/api/cars/"+car+"/mileage", apptest.JSON{"mileage": km})
					if res.Status != 200 {
						t.Errorf("car %d: %s", i, res)
						return
					}
					watch.acknowledged(car, mileageWrite{km, time.Now(), at})
					waitFor(ctx, time.Duration(rand.IntN(60))*time.Millisecond)
				}
			})
		}
		for range 4 {
			all.Go(func() {
				for ctx.Err() == nil {
					i, at := rand.IntN(len(cars)), rand.IntN(2)
					asked := time.Now()
					path := []string{"/api/cars/" + cars[i], "/api/cars?sort=createdAt", "/api/cars?limit=4"}[rand.IntN(3)]
					least := watch.least(cars[i], at, asked, bound)
					res := instances[at].Employee.Do("GET", path, nil)
					km := int(res.Number("data.mileage"))
					if strings.Contains(path, "?") {
						km = int(res.Number(fmt.Sprintf("data.%d.mileage", i)))
					}
					if km < least {
						t.Errorf("instance %d, %s (%s): car %d has %d km, and had %d before", at, path, res.Header.Get("X-Cache"), i, km, least)
					}
				}
			})
		}
		all.Wait()
	})
}

// waitFor lets a random time pass between the writes of a load.
func waitFor(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// What is changed at one instance is seen at the other within 100 ms at the
// median, and within the bound always.
func TestOthersLearnSoon(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, one, two *apptest.Company, bound time.Duration) {
		car := one.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		var took []time.Duration
		for km := 1; km <= 15; km++ {
			two.Employee.Do("GET", "/api/cars/"+car, nil)
			if res := one.Employee.Do("PATCH", "/api/cars/"+car+"/mileage", apptest.JSON{"mileage": km}); res.Status != 200 {
				t.Fatal(res)
			}
			began := time.Now()
			for int(two.Employee.Do("GET", "/api/cars/"+car, nil).Number("data.mileage")) != km {
				if time.Since(began) > 10*time.Second {
					t.Fatal("the other instance does not learn it")
				}
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		t.Logf("median %s, longest %s", took[len(took)/2], took[len(took)-1])
		if apptest.Raced() { // and everything takes ten times as long
			bound *= 3
		}
		if took[len(took)-1] > bound || !apptest.Raced() && took[len(took)/2] > 100*time.Millisecond {
			t.Errorf("median %s, longest %s", took[len(took)/2], took[len(took)-1])
		}
	})
}

// Who is signed out at one instance is out at the other, and who gets another
// role has it there.
func TestOthersLearnOfUsers(t *testing.T) {
	t.Parallel()
	eachPair(t, func(t *testing.T, one, two *apptest.Company, bound time.Duration) {
		status := func() int { return two.Employee.Do("GET", "/api/customers", nil).Status }
		if status() != 200 {
			t.Fatal("an employee may not see customers")
		}
		if res := one.Admin.Do("PATCH", "/api/users/"+string(one.Employee.ID), apptest.JSON{"role": "user"}); res.Status != 200 {
			t.Fatal(res)
		}
		began := time.Now()
		for status() != 401 { // the sessions of who loses a role end
			if time.Since(began) > 5*time.Second {
				t.Fatalf("after %s the other instance still answers %d", time.Since(began), status())
			}
		}
	})
}

// A database that is put in the place of one that was ahead of it, as when a
// standby takes over, makes nothing old stay.
func TestNumbersBeginAnew(t *testing.T) {
	t.Parallel()
	apptest.Each(t, func(t *testing.T, c *apptest.Company) {
		car := c.Admin.Make("/api/cars", apptest.Car("A12-K-345"))
		drive := func(km int) {
			t.Helper()
			if res := c.Employee.Do("PATCH", "/api/cars/"+car+"/mileage", apptest.JSON{"mileage": km}); res.Status != 200 {
				t.Fatal(res)
			}
			if got := c.Employee.Do("GET", "/api/cars/"+car, nil); int(got.Number("data.mileage")) != km {
				t.Errorf("after %d km: %s", km, got)
			}
		}
		for km := 1; km <= 20; km++ {
			drive(km)
		}
		raw := c.Database.Raw(t)
		if _, err := raw.Exec("DELETE FROM changes WHERE seq > 5"); err != nil {
			t.Fatal(err)
		}
		if _, err := raw.Exec("UPDATE change_counter SET seq = 5"); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); c.API.Cache.Size().Tags > 0; {
			if time.Since(began) > 10*time.Second {
				t.Fatal("nobody noticed")
			}
		}
		for km := 21; km <= 25; km++ {
			drive(km)
		}
	})
}

// What the command line changes beside a program that serves is seen by who
// asks that, although the answer was kept.
func TestCommandLineIsSeen(t *testing.T) {
	t.Parallel()
	apptest.EachSite(t, func(t *testing.T, s *apptest.Site) {
		s.AddUser(t, "amra", record.Admin)
		p := s.Serve(t)
		boss := p.Nobody.SignIn("amra")
		for range 2 {
			if res := boss.Do("GET", "/api/cars", nil); res.Status != 200 || res.Len("data") != 0 {
				t.Fatal(res)
			}
		}
		file := filepath.Join(s.Dir, "cars.csv")
		if err := os.WriteFile(file, []byte("plate,manufacturer,model,year,fuel,transmission,price,category\nA12-K-345,VW,Golf,2020,diesel,manual,55,compact\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := s.Run(t, "", "import", "cars", file); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for began := time.Now(); boss.Do("GET", "/api/cars", nil).Len("data") != 1; {
			if took := time.Since(began); took > 2*time.Second && !apptest.Raced() || took > 20*time.Second {
				t.Fatalf("not seen after %s", took)
			}
		}
		if !strings.Contains(p.Output(), `"outcome":"HIT"`) || !strings.Contains(p.Output(), `"outcome":"MISS"`) {
			t.Errorf("the log does not tell what became of the questions:\n%s", p.Output())
		}
	}, "LOG_LEVEL=debug")
}
