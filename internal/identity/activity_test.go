package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/record"
)

// A ledger of who was written as active, and when.
type ledger struct {
	mu      sync.Mutex
	err     error
	written []string
	calls   chan struct{} // gets a value with each call, if it has room
}

func (l *ledger) SetActive(_ context.Context, users []record.UserID, at, since date.Moment) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.calls <- struct{}{}:
	default:
	}
	if l.err != nil {
		return l.err
	}
	if at.Sub(since) != ActivityEvery {
		return fmt.Errorf("at %s, since %s", at, since)
	}
	for _, u := range users {
		l.written = append(l.written, string(u)+" "+at.String()[11:19])
	}
	return nil
}

func (l *ledger) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.written
	l.written = nil
	return out
}

func (l *ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

// activity returns an Activity over a ledger, and what moves its clock.
func activity() (*Activity, *ledger, func(time.Duration)) {
	var mu sync.Mutex
	now := date.At(time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC))
	l := &ledger{calls: make(chan struct{}, 1)}
	a := &Activity{
		InTx:  func(ctx context.Context, do func(context.Context) error) error { return do(ctx) },
		Store: l,
		Now: func() date.Moment {
			mu.Lock()
			defer mu.Unlock()
			return now
		},
	}
	return a, l, func(d time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(d)
	}
}

func TestActivity(t *testing.T) {
	a, l, pass := activity()
	for i, step := range []struct {
		after time.Duration
		note  []record.UserID
		fails bool
		want  []string
	}{
		{0, nil, false, nil},
		{0, []record.UserID{"b", "a", "b"}, false, []string{"a 10:00:00", "b 10:00:00"}},
		{59 * time.Second, []record.UserID{"a", "c"}, false, []string{"c 10:00:59"}},
		{time.Second, []record.UserID{"a", "c"}, false, []string{"a 10:01:00"}},
		{time.Second, []record.UserID{"b"}, true, nil},
		{2 * time.Minute, []record.UserID{"b", "d"}, true, nil},
		{time.Second, nil, false, []string{"b 10:03:02", "d 10:03:02"}},
		{time.Second, []record.UserID{"b", "d"}, false, nil},
	} {
		pass(step.after)
		for _, id := range step.note {
			a.Note(id)
		}
		var down error
		if step.fails {
			down = errors.New("away")
		}
		l.fail(down)
		if err := a.Flush(t.Context()); !errors.Is(err, down) {
			t.Errorf("step %d: %v, want %v", i, err, down)
		}
		if got := l.take(); !slices.Equal(got, step.want) {
			t.Errorf("step %d wrote %v, want %v", i, got, step.want)
		}
	}
	pass(time.Hour)
	if err := a.Flush(t.Context()); err != nil || len(a.noted) != 0 {
		t.Errorf("an hour later %d are remembered, %v", len(a.noted), err)
	}
}

// TestActivityMany writes more than one statement takes.
func TestActivityMany(t *testing.T) {
	a, l, _ := activity()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 2*activeTogether + 5 {
				a.Note(record.UserID(fmt.Sprint("u", i)))
			}
		})
	}
	all.Wait()
	if err := a.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	got := l.take()
	if n := len(slices.Compact(slices.Sorted(slices.Values(got)))); n != 2*activeTogether+5 || len(got) != n {
		t.Errorf("%d were written, %d of them different; want %d", len(got), n, 2*activeTogether+5)
	}
}

// TestActivityCheap notes of a user what is known already, as nearly every
// request does.
func TestActivityCheap(t *testing.T) {
	a, _, _ := activity()
	a.Note("a")
	if n := testing.AllocsPerRun(100, func() { a.Note("a") }); n != 0 {
		t.Errorf("to note again takes %v allocations", n)
	}
}

// TestActivityRun writes now and then, and what is left when it ends.
func TestActivityRun(t *testing.T) {
	a, l, pass := activity()
	a.Every = time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	a.Note("a")
	go func() { ended <- a.Run(ctx) }()
	<-l.calls // nothing is written unless somebody was noted
	l.fail(errors.New("away"))
	pass(time.Minute)
	a.Note("b")
	<-l.calls
	<-l.calls // is tried again
	l.fail(nil)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if got, want := l.take(), []string{"a 10:00:00", "b 10:01:00"}; !slices.Equal(got, want) {
		t.Errorf("wrote %v, want %v", got, want)
	}
}
