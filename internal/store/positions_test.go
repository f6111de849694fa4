package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// There is a bound to the callers who are known; those beyond it are taken for
// as far as anybody, and nobody is forgotten.
func TestPositionsAreBounded(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	p := NewPositions(time.Hour)
	p.most = 3
	for i := range 10 {
		_ = p.Note(ctx, fmt.Sprint(i), Position(100+i))
	}
	if n := len(p.young.each); n > 3 {
		t.Errorf("%d callers are known", n)
	}
	for i := range 10 {
		if at, _ := p.Last(ctx, fmt.Sprint(i)); at < Position(100+i) || at > 109 {
			t.Errorf("caller %d: %d", i, at)
		}
	}
}

func TestPositionsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		p := NewPositions(time.Second)
		last := func(want Position) {
			t.Helper()
			if at, err := p.Last(ctx, "amra"); at != want || err != nil {
				t.Errorf("%d, want %d (%v)", at, want, err)
			}
		}
		last(0)
		_ = p.Note(ctx, "emir", 1)
		time.Sleep(900 * time.Millisecond) // of a clock that stands still otherwise
		_ = p.Note(ctx, "amra", 7)
		time.Sleep(999 * time.Millisecond)
		last(7)
		time.Sleep(1100 * time.Millisecond)
		last(0)
		_ = p.Note(ctx, "amra", 8)
		time.Sleep(time.Hour)
		last(0)
	})
}

// A replica that hangs when its pool is made does not keep who looks at it.
func TestReplicaIsNotOpenedForLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &replica{Server: Server{Open: func(ctx context.Context, _ string) (*ReadPool, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}}
		began := time.Now()
		if err := r.take(t.Context()); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != openTime || r.usable() {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

// The first who asks asks for those who come until it begins, and not for those
// who come later.
func TestQuestionIsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now atomic.Int64
		asked := 0
		began := make(chan struct{})
		q := newQuestion(func(context.Context) (Position, error) {
			asked++
			began <- struct{}{} // read while it is under way
			return Position(now.Load()), nil
		})
		var all sync.WaitGroup
		want := func(least Position) {
			all.Go(func() {
				if at, err := q.Last(t.Context(), ""); at < least || err != nil {
					t.Errorf("the answer is %d (%v), and it was %d before", at, err, least)
				}
			})
		}
		now.Store(1)
		want(1)
		synctest.Wait() // it is under way
		now.Store(2)
		for range 50 {
			want(2)
		}
		synctest.Wait()
		<-began
		synctest.Wait()
		now.Store(3)
		want(3)
		synctest.Wait()
		<-began
		<-began
		all.Wait()
		if asked != 3 {
			t.Errorf("asked %d times", asked)
		}
	})
}

// One who leaves does not wait, and does not take the answer from others.
func TestQuestionIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		q := newQuestion(func(ctx context.Context) (Position, error) {
			<-free
			return 7, ctx.Err()
		})
		first, leave := context.WithCancel(t.Context())
		second, leaveToo := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { _, _ = q.Last(first, "") })
		synctest.Wait()
		all.Go(func() { _, _ = q.Last(t.Context(), "") }) // asks next
		synctest.Wait()
		all.Go(func() {
			if _, err := q.Last(second, ""); !errors.Is(err, context.Canceled) {
				t.Errorf("who left: %v", err)
			}
		})
		all.Go(func() {
			if at, err := q.Last(t.Context(), ""); at != 7 || err != nil {
				t.Errorf("who stayed: %d %v", at, err)
			}
		})
		synctest.Wait()
		leave()
		leaveToo()
		close(free)
		all.Wait()
	})
}
