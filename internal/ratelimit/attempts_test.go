package ratelimit_test

import (
	"context"
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cartracker/internal/ratelimit"
)

var auth = ratelimit.Rule{Name: "auth", Count: 5, Window: time.Hour}

// guess makes n attempts at the same time, and returns how many were made and
// how many ran at the same time at most.
func guess(t *testing.T, a *ratelimit.Attempts, n int, failed bool, keys ...ratelimit.Key) (made, most int32) {
	t.Helper()
	var count, running, highest atomic.Int32
	var wg sync.WaitGroup
	for range n {
		wg.Go(func() {
			done, state, ok := a.Begin(t.Context(), keys...)
			if !ok {
				if done != nil || state.OK || state.Reset <= 0 {
					t.Errorf("refused with %+v", state)
				}
				return
			}
			now := running.Add(1)
			for h := highest.Load(); now > h && !highest.CompareAndSwap(h, now); h = highest.Load() {
				continue
			}
			count.Add(1)
			_ = sha256.Sum256(make([]byte, 1<<20)) // takes some time, as hashing a password does
			running.Add(-1)
			done(failed)
			done(true) // does nothing
		})
	}
	wg.Wait()
	return count.Load(), highest.Load()
}

func testAttempts(t *testing.T, s subject) {
	a := ratelimit.NewAttempts(s.limiters[0])
	k := ratelimit.Key{Rule: auth, Who: "office"}
	if made, most := guess(t, a, 100, true, k); made != 5 || most > 5 {
		t.Errorf("%d of 100 wrong guesses were made, %d at a time", made, most)
	}
	if got := s.limiters[0].Peek(t.Context(), auth, "office"); got.OK || got.Used != 5 {
		t.Errorf("%+v", got)
	}
}

func testRightAttempts(t *testing.T, s subject) {
	a := ratelimit.NewAttempts(s.limiters[0])
	k := ratelimit.Key{Rule: auth, Who: "office"}
	if made, _ := guess(t, a, 3, true, k); made != 3 {
		t.Fatalf("%d wrong guesses were made", made)
	}
	if made, most := guess(t, a, 20, false, k); made != 20 || most > 2 {
		t.Errorf("%d of 20 right guesses were made, %d at a time", made, most)
	}
	if got := s.limiters[0].Peek(t.Context(), auth, "office"); got.Used != 3 {
		t.Errorf("%+v", got)
	}
}

func testTwoKeys(t *testing.T, s subject) {
	a := ratelimit.NewAttempts(s.limiters[0])
	account := ratelimit.Rule{Name: "account", Count: 7, Window: time.Hour}
	amra := ratelimit.Key{Rule: account, Who: "amra"}
	if made, _ := guess(t, a, 30, true, ratelimit.Key{Rule: auth, Who: "office"}, amra); made != 5 {
		t.Errorf("%d guesses from one office", made)
	}
	done, state, ok := a.Begin(t.Context(), ratelimit.Key{Rule: auth, Who: "home"}, amra)
	if !ok || state.Limit != 7 || state.Remaining() != 2 {
		t.Fatalf("%v %+v", ok, state)
	}
	done(false)
	if made, _ := guess(t, a, 30, true, ratelimit.Key{Rule: auth, Who: "home"}, amra); made != 2 {
		t.Errorf("%d more guesses from another place", made)
	}
	none := ratelimit.Key{Rule: ratelimit.Rule{Name: "off"}, Who: "amra"}
	if made, _ := guess(t, a, 50, true, none); made != 50 {
		t.Errorf("%d guesses without a limit", made)
	}
}

// TestAttemptsWait looks how long an attempt waits for one that does not end.
func TestAttemptsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := ratelimit.NewAttempts(ratelimit.NewMemory(time.Now))
		one := ratelimit.Key{Rule: ratelimit.Rule{Name: "auth", Count: 1, Window: time.Hour}, Who: "amra"}
		done, _, ok := a.Begin(t.Context(), one)
		if !ok {
			t.Fatal("refused")
		}
		began := time.Now()
		if _, state, ok := a.Begin(t.Context(), one); ok || state.OK || state.Reset != time.Second || time.Since(began) != 5*time.Second {
			t.Errorf("%v %+v after %s", ok, state, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if _, _, ok := a.Begin(ctx, one); ok || time.Since(began) != time.Second {
			t.Errorf("%v after %s", ok, time.Since(began))
		}
		ended := make(chan bool)
		go func() {
			next, _, ok := a.Begin(t.Context(), one)
			if ok {
				next(false)
			}
			ended <- ok
		}()
		synctest.Wait()
		done(false)
		if !<-ended {
			t.Error("the attempt that waited was refused")
		}
	})
}
