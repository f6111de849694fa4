package overload_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"cartracker/internal/fault"
	"cartracker/internal/overload"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var small = overload.Room{Reports: 1, Reads: 2, All: 3, Queue: 2, Wait: time.Second}

// enter fails the test if there is no place.
func enter(t *testing.T, g *overload.Gate, c overload.Class) (leave func()) {
	t.Helper()
	leave, err := g.Enter(t.Context(), c)
	if err != nil {
		t.Fatalf("%s: %v", c, err)
	}
	return leave
}

func refusal(t *testing.T, err error) *overload.Refusal {
	t.Helper()
	r, ok := errors.AsType[*overload.Refusal](err)
	if !ok {
		t.Fatalf("%v is no refusal", err)
	}
	return r
}

// A class has the places of those below it too, and never those above.
func TestPlacesOfClasses(t *testing.T) {
	for _, tc := range []struct {
		inside []overload.Class
		let    []overload.Class // of all classes, who is let in now
	}{
		{nil, []overload.Class{overload.Report, overload.Read, overload.Write, overload.SignIn}},
		{[]overload.Class{overload.Report}, []overload.Class{overload.Read, overload.Write, overload.SignIn}},
		{[]overload.Class{overload.Read, overload.Read}, []overload.Class{overload.Write, overload.SignIn}},
		{[]overload.Class{overload.Report, overload.Read}, []overload.Class{overload.Write, overload.SignIn}},
		{[]overload.Class{overload.Write, overload.Write}, []overload.Class{overload.Report, overload.Read, overload.Write, overload.SignIn}},
		{[]overload.Class{overload.SignIn, overload.Write, overload.Write}, nil},
		{[]overload.Class{overload.Read, overload.Write, overload.Read}, nil},
	} {
		t.Run(fmt.Sprint(tc.inside), func(t *testing.T) {
			room := small
			room.Queue = 0
			g := overload.New(room)
			for _, c := range tc.inside {
				defer enter(t, g, c)()
			}
			for _, c := range []overload.Class{overload.Report, overload.Read, overload.Write, overload.SignIn} {
				want := slices.Contains(tc.let, c)
				if err := g.Check(c); (err == nil) != want {
					t.Errorf("Check of a %s: %v", c, err)
				}
				leave, err := g.Enter(t.Context(), c)
				if (err == nil) != want {
					t.Errorf("a %s: %v", c, err)
				}
				if err == nil {
					leave()
				}
			}
		})
	}
}

// Writes have no more than their own places; everybody else has what they leave.
func TestWritesLeaveSome(t *testing.T) {
	const rep, read, write, sign = overload.Report, overload.Read, overload.Write, overload.SignIn
	everybody := []overload.Class{rep, read, write, sign}
	for _, tc := range []struct {
		reads, writes, all int
		inside             []overload.Class
		let                []overload.Class // of all classes, who is let in now
	}{
		{4, 3, 4, []overload.Class{write, write}, everybody},
		{4, 3, 4, []overload.Class{write, write, write}, []overload.Class{rep, read, sign}},
		{4, 3, 4, []overload.Class{write, write, write, read}, nil},
		{4, 3, 4, []overload.Class{read, read, read}, everybody},
		{4, 3, 4, []overload.Class{read, read, read, read}, nil},
		{4, 3, 4, []overload.Class{sign, sign, sign}, everybody},
		{4, 3, 4, []overload.Class{sign, sign, sign, sign}, nil},
		{2, 3, 5, []overload.Class{write, write, write}, []overload.Class{rep, read, sign}},
		{2, 3, 5, []overload.Class{write, write, write, read, read}, nil},
		{2, 3, 5, []overload.Class{read, read}, []overload.Class{write, sign}},
		{2, 0, 2, []overload.Class{write, write}, nil}, // nothing was said: all
		{2, 9, 2, []overload.Class{write, write}, everybody},
	} {
		t.Run(fmt.Sprint(tc.reads, tc.writes, tc.all, tc.inside), func(t *testing.T) {
			g := overload.New(overload.Room{Reads: tc.reads, Writes: tc.writes, All: tc.all})
			for _, c := range tc.inside {
				defer enter(t, g, c)()
			}
			for _, c := range everybody {
				want := slices.Contains(tc.let, c)
				if err := g.Check(c); (err == nil) != want {
					t.Errorf("Check of a %s: %v", c, err)
				}
				leave, err := g.Enter(t.Context(), c)
				if (err == nil) != want {
					t.Errorf("a %s: %v", c, err)
				}
				if err == nil {
					leave()
				}
			}
		})
	}
}

// Who reads or signs in goes past writes that wait for other writes, and takes
// a place that those may not have as soon as it is free.
func TestPastWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := overload.New(overload.Room{Reads: 3, Writes: 2, All: 3, Queue: 8, Wait: time.Second})
		writes := []func(){enter(t, g, overload.Write), enter(t, g, overload.Write)}
		var all sync.WaitGroup
		var mu sync.Mutex
		var told []string
		stand(t, g, &all, &told, &mu, "write", overload.Write)
		enter(t, g, overload.SignIn)()
		read := enter(t, g, overload.Read)
		for _, c := range []overload.Class{overload.Report, overload.Read, overload.SignIn} {
			stand(t, g, &all, &told, &mu, c.String(), c)
		}
		if s := g.Stats(); s.Reports.Waiting != 1 || s.Reads.Waiting != 1 || s.Writes.Waiting != 1 || s.SignIns.Waiting != 1 {
			t.Errorf("%+v", s)
		}
		read()
		synctest.Wait()
		if want := []string{"sign-in", "read", "report"}; !slices.Equal(told, want) {
			t.Errorf("%q are let in, not %q", told, want)
		}
		writes[0]()
		all.Wait()
		if len(told) != 4 || told[3] != "write" {
			t.Errorf("%q", told)
		}
		writes[1]()
		isEmpty(t, g)
	})
}

// stand lets somebody wait at the gate until the test goes on; what became of
// them is appended to told as "name" or "name refused".
func stand(t *testing.T, g *overload.Gate, all *sync.WaitGroup, told *[]string, mu *sync.Mutex, name string, c overload.Class) {
	t.Helper()
	all.Go(func() {
		leave, err := g.Enter(context.Background(), c)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			name += " refused"
		}
		*told = append(*told, name)
		if err == nil {
			leave()
		}
	})
	synctest.Wait()
}

// The most important of those who wait are let in first, those of one class as
// they came; and who is least important and came last goes when the queue is full.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := small
		room.Queue = 4
		g := overload.New(room)
		var inside []func()
		for _, c := range []overload.Class{overload.SignIn, overload.Write, overload.Read} {
			inside = append(inside, enter(t, g, c))
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		var told []string
		for _, w := range []struct {
			name  string
			class overload.Class
		}{
			{"read 1", overload.Read},
			{"report", overload.Report},
			{"read 2", overload.Read},
			{"write 1", overload.Write},
			{"sign-in", overload.SignIn}, // the report goes
			{"late report", overload.Report},
			{"write 2", overload.Write}, // read 2 goes
			{"late read", overload.Read},
		} {
			stand(t, g, &all, &told, &mu, w.name, w.class)
		}
		if s := g.Stats(); s.Reads.Waiting != 1 || s.Writes.Waiting != 2 || s.SignIns.Waiting != 1 || s.Reports.Waiting != 0 {
			t.Errorf("%+v", s)
		}
		inside[1]()
		all.Wait()
		want := []string{"report refused", "late report refused", "read 2 refused", "late read refused", "sign-in", "write 1", "write 2", "read 1"}
		if !slices.Equal(told, want) {
			t.Errorf("%q\n%q is right", told, want)
		}
		inside[0]()
		inside[2]()
		s := g.Stats()
		if s.Reports.Refused != 2 || s.Reads.Refused != 2 || s.Reads.Entered != 2 || s.Writes.Entered != 3 || s.SignIns.Entered != 2 || s.Writes.Waited != 2 {
			t.Errorf("%+v", s)
		}
		isEmpty(t, g)
	})
}

// Reads leave a part of the queue to who is more important, reports most of it.
func TestPartsOfTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := overload.New(overload.Room{Queue: 8, Wait: time.Second})
		leave := enter(t, g, overload.SignIn)
		var all sync.WaitGroup
		var mu sync.Mutex
		var told []string
		for i, c := range []overload.Class{overload.Report, overload.Read, overload.Write} {
			for range 8 {
				stand(t, g, &all, &told, &mu, c.String(), c)
			}
			s := g.Stats()
			got := [3]int{s.Reports.Waiting, s.Reads.Waiting, s.Writes.Waiting}
			if want := [3][3]int{{2, 0, 0}, {0, 6, 0}, {0, 0, 8}}[i]; got != want {
				t.Errorf("after the %ss %v wait, not %v", c, got, want)
			}
		}
		leave()
		all.Wait()
		isEmpty(t, g)
	})
}

// isEmpty fails the test if a place is not given back.
func isEmpty(t *testing.T, g *overload.Gate) {
	t.Helper()
	s := g.Stats()
	for _, c := range []overload.Counts{s.Reports, s.Reads, s.Writes, s.SignIns} {
		if c.InUse != 0 || c.Waiting != 0 {
			t.Errorf("something is left: %+v", s)
		}
	}
}

// Nobody waits longer than the room allows, nor once they are gone.
func TestWaitIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := overload.New(small)
		leave := []func(){enter(t, g, overload.Read), enter(t, g, overload.Read)}
		began := time.Now()
		_, err := g.Enter(t.Context(), overload.Read)
		if took := time.Since(began); took != small.Wait {
			t.Errorf("refused after %s", took)
		}
		refusal(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := g.Enter(ctx, overload.Read); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who is gone gets %v", err)
		}
		if _, err := g.Enter(ctx, overload.Write); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who was gone before gets %v", err)
		}
		if s := g.Stats(); s.Reads.Waiting != 0 || s.Reads.Refused != 1 || s.Reads.Waited != 2 || s.Writes.InUse != 0 {
			t.Errorf("%+v", s)
		}
		for _, l := range leave {
			l()
			l() // more calls do nothing
		}
		isEmpty(t, g)
	})
}

// What a refusal tells the client: 1 to 3 seconds, not the same for all.
func TestRefusal(t *testing.T) {
	room := small
	room.Queue = 0
	g := overload.New(room)
	defer enter(t, g, overload.Report)()
	seen := map[time.Duration]bool{}
	for range 200 {
		r := refusal(t, g.Check(overload.Report))
		f := fault.Of(r)
		if r.Class != overload.Report || f.Kind != fault.Unavailable || f.Code != "overloaded" {
			t.Fatal(r, f)
		}
		seen[f.RetryAfter] = true
	}
	if len(seen) != 3 || !seen[time.Second] || !seen[2*time.Second] || !seen[3*time.Second] {
		t.Errorf("told to come back after %v", seen)
	}
	if s := g.Stats(); s.Reports.Refused != 200 || s.Reads.Refused != 0 {
		t.Errorf("%+v", s)
	}
}

// Whoever is inside asks for no second place, and who has no class for none.
func TestPass(t *testing.T) {
	room := overload.Room{Reports: 1, Reads: 1, All: 1}
	g := overload.New(room)
	inside, leave, err := g.Pass(overload.As(t.Context(), overload.Write))
	if err != nil {
		t.Fatal(err)
	}
	for _, ctx := range []context.Context{inside, t.Context()} {
		_, again, err := g.Pass(ctx)
		if err != nil {
			t.Errorf("%v", err)
		}
		again()
	}
	if _, _, err := g.Pass(overload.As(inside, overload.SignIn)); err == nil {
		t.Error("two are inside")
	}
	if err := g.Check(overload.None); err != nil {
		t.Error(err)
	}
	leave()
	isEmpty(t, g)
}

// Who has begun to answer comes back when there is no place, but not for ever,
// and not once the client is gone.
func TestPatiently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		room := small
		room.Queue = 0
		g := overload.New(room)
		ctx := overload.Patiently(overload.As(t.Context(), overload.Report))
		leave := enter(t, g, overload.Report)
		time.AfterFunc(5*time.Second, leave)
		_, last, err := g.Pass(ctx)
		if err != nil {
			t.Fatal(err)
		}
		before := g.Stats().Reports.Refused
		began := time.Now()
		_, _, err = g.Pass(ctx)
		refusal(t, err)
		if took, n := time.Since(began), g.Stats().Reports.Refused-before; n != 8 || took < 7*time.Second || took > 21*time.Second {
			t.Errorf("refused %d times in %s", n, took)
		}
		gone, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
		defer cancel()
		if _, _, err := g.Pass(gone); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who is gone gets %v", err)
		}
		last()
		isEmpty(t, g)
	})
}

// However many come, go away or panic at the same time: no more are inside than
// there are places, and all places are given back.
func TestNoPlaceIsLost(t *testing.T) {
	g := overload.New(overload.Room{Reports: 1, Reads: 3, All: 5, Queue: 4, Wait: time.Millisecond})
	var mu sync.Mutex
	var inside, most, served int
	count := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		inside += n
		most = max(most, inside)
		served += max(n, 0)
	}
	visit := func(ctx context.Context, c overload.Class, panics bool) {
		defer func() { _ = recover() }()
		leave, err := g.Enter(ctx, c)
		if err != nil {
			return
		}
		defer leave()
		count(1)
		defer count(-1)
		if panics {
			panic("inside")
		}
	}
	var all sync.WaitGroup
	for n := range 32 {
		all.Go(func() {
			for i := range 500 {
				ctx, cancel := context.WithCancel(t.Context())
				if i%3 == 0 {
					all.Go(cancel)
				}
				visit(ctx, overload.Class(1+(n+i)%4), i%7 == 0)
				cancel()
			}
		})
	}
	all.Wait()
	if most > 5 || most == 0 || served == 0 {
		t.Errorf("%d were inside at the same time, %d in all", most, served)
	}
	isEmpty(t, g)
	for _, c := range []overload.Class{overload.Report, overload.Read, overload.Read, overload.Write, overload.SignIn} {
		defer enter(t, g, c)()
	}
}
