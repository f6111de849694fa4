package ratelimit_test

import (
	"sync"
	"testing"
	"time"

	"cartracker/internal/ratelimit"
	"cartracker/internal/redis/redistest"
)

const everyMoment = 20 * time.Millisecond

// paces are what the suite is run on: those that share a pace, each.
var paces = map[string]func(testing.TB) []ratelimit.Pace{
	"memory": func(testing.TB) []ratelimit.Pace {
		return []ratelimit.Pace{ratelimit.NewMemoryPace(everyMoment, time.Now)}
	},
	"redis": func(t testing.TB) []ratelimit.Pace {
		s := redistest.New(t, redistest.Options{})
		open := func() ratelimit.Pace {
			return ratelimit.NewRedisPace(redistest.Open(t, s.URL()), "mail", ratelimit.NewMemoryPace(everyMoment, time.Now))
		}
		return []ratelimit.Pace{open(), open()}
	},
	"redis that is away": func(t testing.TB) []ratelimit.Pace {
		s := redistest.Stopped(t, redistest.Options{})
		return []ratelimit.Pace{ratelimit.NewRedisPace(redistest.Open(t, s.URL()), "mail", ratelimit.NewMemoryPace(everyMoment, time.Now))}
	},
}

// TestPace lets several take moments at once: they are spread evenly, whoever
// takes them, and who would have to wait too long takes none.
func TestPace(t *testing.T) {
	for name, open := range paces {
		t.Run(name, func(t *testing.T) {
			sharing := open(t)
			const each = 10
			began := time.Now()
			var mu sync.Mutex
			var last time.Time
			var wg sync.WaitGroup
			for i := range each * len(sharing) {
				wg.Go(func() {
					wait, ok := sharing[i%len(sharing)].Next(t.Context(), time.Minute)
					if !ok {
						t.Error("nothing within a minute")
					}
					mu.Lock()
					defer mu.Unlock()
					if at := time.Now().Add(wait); at.After(last) {
						last = at
					}
				})
			}
			wg.Wait()
			least := time.Duration(each*len(sharing)-1) * everyMoment
			if took := last.Sub(began); took < least || took > least+time.Second {
				t.Errorf("%d moments within %s, want %s", each*len(sharing), took, least)
			}
			for _, p := range sharing {
				if wait, ok := p.Next(t.Context(), everyMoment); ok {
					t.Errorf("a moment after %s, though all of them are taken for longer", wait)
				}
			}
			if _, ok := sharing[0].Next(t.Context(), time.Minute); !ok {
				t.Error("who was refused has used up moments")
			}
		})
	}
}
