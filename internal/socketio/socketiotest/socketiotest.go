// Package socketiotest has what every socketio.Adapter must do, as a test.
package socketiotest

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/socketio"
)

const patience = 20 * time.Second

// An Instance is an adapter that runs until its test ends, or it is stopped.
type Instance struct {
	socketio.Adapter
	Heard    chan socketio.Message
	Presence chan Told

	cancel context.CancelFunc
	ended  chan error
	once   sync.Once
	t      testing.TB
}

// Told is what an adapter said of a member.
type Told struct {
	Member  string
	Present bool
}

// Run runs an adapter.
func Run(t testing.TB, a socketio.Adapter) *Instance {
	ctx, cancel := context.WithCancel(context.Background())
	i := &Instance{Adapter: a, Heard: make(chan socketio.Message, 1000), Presence: make(chan Told, 1000), cancel: cancel, ended: make(chan error, 1), t: t}
	go func() {
		i.ended <- a.Run(ctx, func(m socketio.Message) { i.Heard <- m }, func(members []string, present bool) {
			for _, m := range members {
				i.Presence <- Told{Member: m, Present: present}
			}
		})
	}()
	t.Cleanup(i.Stop)
	return i
}

// Stop ends the adapter and waits for it.
func (i *Instance) Stop() {
	i.once.Do(func() {
		i.cancel()
		if err := <-i.ended; err != nil {
			i.t.Error(err)
		}
	})
}

// Enters counts sockets of members.
func (i *Instance) Enters(members ...string) {
	i.t.Helper()
	for _, m := range members {
		if _, err := i.Enter(context.Background(), m, 0); err != nil {
			i.t.Fatal(err)
		}
	}
}

// Knows waits until exactly these members are present.
func (i *Instance) Knows(want ...string) {
	i.t.Helper()
	var got []string
	Eventually(i.t, fmt.Sprintf("the members are %v", want), func() bool {
		var err error
		got, err = i.Members(context.Background())
		slices.Sort(got)
		return err == nil && slices.Equal(got, want)
	})
}

// Tells waits for what the adapter says of members, in whatever order.
func (i *Instance) Tells(want ...Told) {
	i.t.Helper()
	for len(want) > 0 {
		select {
		case told := <-i.Presence:
			at := slices.Index(want, told)
			if at < 0 {
				i.t.Fatalf("it told %v, want %v", told, want)
			}
			want = slices.Delete(want, at, at+1)
		case <-time.After(patience):
			i.t.Fatalf("it never told %v", want)
		}
	}
}

// Eventually waits for what is true soon.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(patience); !ok(); <-again.C {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

// Conform tests adapters. open makes one more, which is joined with the others
// of the same group; if alone, there is one only.
func Conform(t *testing.T, group func(t *testing.T) (open func() socketio.Adapter), alone bool) {
	instances := func(t *testing.T) (one, two *Instance) {
		open := group(t)
		one = Run(t, open())
		if alone {
			return one, one
		}
		return one, Run(t, open())
	}
	t.Run("counts", func(t *testing.T) { counts(t, instances) })
	t.Run("limit", func(t *testing.T) { limit(t, instances) })
	t.Run("race for the last places", func(t *testing.T) { race(t, instances) })
	t.Run("many members", func(t *testing.T) { many(t, instances) })
	t.Run("before and after running", func(t *testing.T) { around(t, group(t)()) })
	t.Run("stop", func(t *testing.T) { stop(t, group(t)) })
	if alone {
		t.Run("nobody to hear", func(t *testing.T) { silence(t, instances) })
	} else {
		t.Run("messages", func(t *testing.T) { messages(t, instances) })
		t.Run("order of messages", func(t *testing.T) { order(t, instances) })
	}
}

type pair func(*testing.T) (one, two *Instance)

func counts(t *testing.T, instances pair) {
	one, two := instances(t)
	for i, step := range []struct {
		at     *Instance
		member string
		enters bool
		total  int
	}{
		{one, "ana", true, 1},
		{two, "ana", true, 2},
		{one, "ana", true, 3},
		{two, "emir č", true, 1},
		{two, "ana", false, 2},
		{one, "ana", false, 1},
		{one, "ana", false, 0},
		{one, "ana", true, 1},
		{one, "ana", false, 0},
		{one, "nobody", false, 0},
	} {
		act := step.at.Leave
		if step.enters {
			act = func(ctx context.Context, m string) (int, error) { return step.at.Enter(ctx, m, 0) }
		}
		if total, err := act(t.Context(), step.member); total != step.total || err != nil {
			t.Fatalf("step %d: %d %v", i, total, err)
		}
	}
	one.Knows("emir č")
	two.Knows("emir č")
}

func limit(t *testing.T, instances pair) {
	one, two := instances(t)
	one.Enters("ana")
	two.Enters("ana", "emir")
	for _, i := range []*Instance{one, two} {
		if total, err := i.Enter(t.Context(), "ana", 2); err != socketio.ErrTooMany || total != 0 {
			t.Errorf("%d %v", total, err)
		}
	}
	if total, err := one.Leave(t.Context(), "ana"); total != 1 || err != nil {
		t.Errorf("who was refused was counted: %d %v", total, err)
	}
	if total, err := two.Enter(t.Context(), "ana", 2); total != 2 || err != nil {
		t.Errorf("%d %v", total, err)
	}
}

func race(t *testing.T, instances pair) {
	one, two := instances(t)
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			switch _, err := []*Instance{one, two}[i%2].Enter(t.Context(), "ana", 20); err {
			case nil:
				won.Add(1)
			case socketio.ErrTooMany:
			default:
				t.Error(err)
			}
		})
	}
	if wg.Wait(); won.Load() != 20 {
		t.Errorf("%d got in", won.Load())
	}
}

func many(t *testing.T, instances pair) {
	one, two := instances(t)
	var want []string
	var wg sync.WaitGroup
	few := make(chan struct{}, 20) // a call to Redis may not take long
	for i := range 500 {
		m := fmt.Sprintf("member %03d", i)
		want = append(want, m)
		few <- struct{}{}
		wg.Go(func() {
			defer func() { <-few }()
			one.Enters(m)
			two.Enters(m)
			if total, err := one.Leave(t.Context(), m); total != 1 || err != nil {
				t.Error(total, err)
			}
		})
	}
	wg.Wait()
	one.Knows(want...)
	two.Knows(want...)
}

// around looks at an adapter that does not run yet, or no more.
func around(t *testing.T, a socketio.Adapter) {
	if total, err := a.Enter(t.Context(), "ana", 0); total != 1 || err != nil {
		t.Error(total, err)
	}
	i := Run(t, a)
	i.Knows("ana")
	i.Stop()
	if total, err := a.Enter(t.Context(), "ana", 2); total != 2 || err != nil {
		t.Error(total, err)
	}
	if _, err := a.Enter(t.Context(), "ana", 2); err != socketio.ErrTooMany {
		t.Error(err)
	}
	if total, err := a.Leave(t.Context(), "ana"); total != 1 || err != nil {
		t.Error(total, err)
	}
}

// stop looks whether who stopped is forgotten, also if sockets were left.
func stop(t *testing.T, open func() socketio.Adapter) {
	for range 3 {
		i := Run(t, open())
		i.Knows()
		i.Enters("ana", "ana")
		i.Stop()
		i.Stop()
	}
}

func silence(t *testing.T, instances pair) {
	one, _ := instances(t)
	if err := one.Publish(t.Context(), socketio.Message{Do: "emit"}); err != nil {
		t.Error(err)
	}
	one.Stop()
	if len(one.Heard) > 0 {
		t.Error("it hears itself")
	}
}

func messages(t *testing.T, instances pair) {
	one, two := instances(t)
	joined(t, one, two)
	for _, m := range []socketio.Message{
		{Do: "emit", Payload: []byte(`["a"]`)},
		{Do: "emit", Rooms: []string{"a", "č\n"}, Except: []string{"b"}, Volatile: true, Payload: []byte(`["a",{"b":"č"}]`)},
		{Do: "emit", Payload: []byte(`["a"]`), Attachments: [][]byte{{0, 255, 10}, []byte("x")}},
		{Do: "disconnect", Rooms: []string{"r"}},
		{Do: "close", Recoverable: true},
	} {
		if err := one.Publish(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if got := next(t, two); !reflect.DeepEqual(got, m) {
			t.Errorf("%+v, want %+v", got, m)
		}
	}
	if len(one.Heard) > 0 {
		t.Error("it hears itself")
	}
}

func order(t *testing.T, instances pair) {
	one, two := instances(t)
	joined(t, one, two)
	const many = 300
	for end := time.Now().Add(patience); ; joined(t, one, two) {
		for i := range many {
			if err := one.Publish(t.Context(), socketio.Message{Do: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		if came := inOrder(t, one, two); came == many {
			return
		} else if time.Now().After(end) {
			t.Fatalf("%d of %d messages came", came, many)
		}
	}
}

// inOrder hears numbers, some of which may be lost on a machine so busy that
// what joins the two is late, and returns how many came.
func inOrder(t *testing.T, one, two *Instance) (came int) {
	t.Helper()
	ends := socketio.Message{Do: "end of numbers"}
	_ = one.Publish(t.Context(), ends)
	again := time.NewTicker(time.Second)
	defer again.Stop()
	for last := -1; ; {
		select {
		case m := <-two.Heard:
			if m.Do == ends.Do {
				return came
			}
			n, err := strconv.Atoi(m.Do)
			if err != nil || n <= last {
				t.Fatalf("%q came after %d", m.Do, last)
			}
			last, came = n, came+1
		case <-again.C:
			_ = one.Publish(t.Context(), ends)
		}
	}
}

// joined waits until each hears the other.
func joined(t *testing.T, one, two *Instance) {
	t.Helper()
	for _, way := range [][2]*Instance{{one, two}, {two, one}} {
		Eventually(t, "one hears the other", func() bool {
			_ = way[0].Publish(t.Context(), socketio.Message{Do: "hello"})
			select {
			case <-way[1].Heard:
				return true
			case <-time.After(10 * time.Millisecond):
				return false
			}
		})
	}
	for _, i := range []*Instance{one, two} { // what else is on its way of these
		end := socketio.Message{Do: "end of hello"}
		other := one
		if i == one {
			other = two
		}
		_ = other.Publish(t.Context(), end)
		for next(t, i).Do != end.Do {
		}
	}
}

func next(t *testing.T, i *Instance) socketio.Message {
	t.Helper()
	select {
	case m := <-i.Heard:
		return m
	case <-time.After(patience):
		t.Fatal("it heard nothing")
		return socketio.Message{}
	}
}
