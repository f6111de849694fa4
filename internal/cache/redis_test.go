package cache_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/cache"
	"cartracker/internal/machinetest"
	"cartracker/internal/redis/redistest"
)

// instance returns the cache of one process that shares with others.
func instance(t testing.TB, s *redistest.Server, seal cipher.AEAD) *cache.Redis {
	t.Helper()
	return cache.NewRedis(memory(t, 1<<20), redistest.Open(t, s.URL()), seal, "v1")
}

func TestShares(t *testing.T) {
	server := redistest.New(t, redistest.Options{})
	one, two := instance(t, server, sealer(t)), instance(t, server, sealer(t))
	k, l := cache.Key{Name: "Šarić", Tags: []string{"cars"}}, &loads{}
	a, b := texts(one, "cars"), texts(two, "cars")
	get(t, a, k, l)
	if v, how := get(t, b, k, l); v != "1" || how != cache.Hit {
		t.Errorf("the other made %s (%s)", v, how)
	}
	one.Raise(3, "cars")
	if v, how := get(t, a, k, l); v != "2" || how != cache.Miss {
		t.Errorf("after a change: %s (%s)", v, how)
	}
	if v, how := get(t, b, k, l); v != "1" || how != cache.Hit {
		t.Errorf("who does not know of the change yet: %s (%s)", v, how)
	}
	two.Raise(3, "cars")
	if v, how := get(t, b, k, l); v != "2" || how != cache.Hit {
		t.Errorf("who does: %s (%s)", v, how)
	}
	two.Clear("car")
	if v, how := get(t, b, k, l); v != "3" || how != cache.Miss {
		t.Errorf("who was told to forget: %s (%s)", v, how)
	}
	local := func(c cache.Cache) *cache.Shelf[string] {
		return cache.NewShelf(c, cache.Spec[string]{Name: "session", Life: time.Minute, Weight: func(s string) int { return len(s) }})
	}
	get(t, local(one), k, l)
	if v, how := get(t, local(two), k, l); v != "5" || how != cache.Miss {
		t.Errorf("what is kept in one process alone: %s (%s)", v, how)
	}
}

// However many ask in two processes at the same time, at most two load.
func TestFewLoadOverAll(t *testing.T) {
	server := redistest.New(t, redistest.Options{})
	shelves := []*cache.Shelf[string]{texts(instance(t, server, sealer(t)), "cars"), texts(instance(t, server, sealer(t)), "cars")}
	for round := range 10 {
		var n atomic.Int64
		begun := make(chan struct{})
		free := sync.OnceFunc(func() { close(begun) })
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				_, _, err := shelves[i%2].Get(t.Context(), cache.Key{Name: fmt.Sprint(round)}, func(context.Context) (string, error) {
					if n.Add(1) == 2 {
						free()
					}
					select { // long enough for the other to come
					case <-begun:
					case <-time.After(50 * time.Millisecond):
					}
					return "x", nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n.Load() > 2 {
			t.Errorf("%d loads", n.Load())
		}
	}
}

// Whoever waits for another process to load does not fail with it.
func TestOtherFails(t *testing.T) {
	server := redistest.New(t, redistest.Options{})
	a, b := texts(instance(t, server, sealer(t)), "cars"), texts(instance(t, server, sealer(t)), "cars")
	begun, free, failed := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		_, _, err := a.Get(context.Background(), cache.Key{Name: "a"}, func(context.Context) (string, error) {
			close(begun)
			<-free
			return "", errors.New("broken")
		})
		failed <- err
	}()
	<-begun
	got := make(chan string)
	go func() {
		v, _, err := b.Get(context.Background(), cache.Key{Name: "a"}, (&loads{}).next)
		got <- fmt.Sprint(v, err)
	}()
	close(free)
	if err := <-failed; err == nil {
		t.Error("no error")
	}
	if v := <-got; v != "1<nil>" {
		t.Errorf("the other got %s", v)
	}
}

// Nobody reads at the server what is kept, or puts something else there.
func TestSealed(t *testing.T) {
	server := redistest.New(t, redistest.Options{})
	secretly := func(context.Context) (string, error) { return "passport A1234567", nil }
	a := texts(instance(t, server, sealer(t)), "cars")
	k := cache.Key{Name: "who has passport A1234567"}
	if _, _, err := a.Get(t.Context(), k, secretly); err != nil {
		t.Fatal(err)
	}
	place := server.Do("RANDOMKEY")
	if kept := server.Do("GET", place); strings.Contains(place+kept, "A1234567") || len(kept) < 17 {
		t.Errorf("the server has %q under %q", kept, place)
	}
	block, err := aes.NewCipher([]byte(strings.Repeat("x", 32)))
	if err != nil {
		t.Fatal(err)
	}
	other, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	if v, how := get(t, texts(instance(t, server, other), "cars"), k, &loads{}); v != "1" || how != cache.Miss {
		t.Errorf("with another key: %s (%s)", v, how)
	}
	for _, garbage := range []string{"", "x", strings.Repeat("garbage", 100)} {
		server.Do("SET", place, garbage)
		if v, how := get(t, texts(instance(t, server, sealer(t)), "cars"), k, &loads{}); v != "1" || how != cache.Miss {
			t.Errorf("garbage of %d bytes: %s (%s)", len(garbage), v, how)
		}
	}
	server.Do("DEL", place)
	server.Do("LPUSH", place, "x")
	if v, how := get(t, texts(instance(t, server, sealer(t)), "cars"), k, &loads{}); v != "1" || how != cache.Miss {
		t.Errorf("something else: %s (%s)", v, how)
	}
}

// A server that hangs, is full, forgets everything or dies costs a moment, and
// no answer.
func TestServerFails(t *testing.T) {
	server := redistest.New(t, redistest.Options{})
	s, l := texts(instance(t, server, sealer(t)), "cars"), &loads{}
	n := 0
	ask := func(what string) {
		t.Helper()
		for range 20 {
			n++
			began := time.Now()
			get(t, s, cache.Key{Name: fmt.Sprint(n)}, l)
			if took := time.Since(began); took > machinetest.Timely(500*time.Millisecond) {
				t.Errorf("%s: an answer took %s", what, took)
			}
			if _, how := get(t, s, cache.Key{Name: fmt.Sprint(n)}, l); how != cache.Hit {
				t.Errorf("%s: %s", what, how)
			}
		}
	}
	ask("as usual")
	server.Hang()
	ask("hung")
	server.Resume()
	ask("resumed")
	server.Do("FLUSHALL")
	ask("flushed")
	server.Do("CONFIG", "SET", "maxmemory", "1mb")
	ask("full")
	server.Kill()
	ask("killed")
}

// What two processes share gets no older than its life, and who asks all the
// time is never given something old.
func TestSharedLife(t *testing.T) {
	const life = time.Second
	server := redistest.New(t, redistest.Options{})
	var shelves []*cache.Shelf[string]
	for range 2 {
		shelves = append(shelves, cache.NewShelf(instance(t, server, sealer(t)), cache.Spec[string]{
			Name: "brief", Life: life, Weight: func(s string) int { return len(s) },
			Encode: func(s string) ([]byte, error) { return []byte(s), nil }, Decode: func(b []byte) (string, error) { return string(b), nil },
		}))
	}
	for i, began := 0, time.Now(); time.Since(began) < 4*time.Second; i++ {
		asked := time.Now()
		v, _, err := shelves[i%2].Get(t.Context(), cache.Key{Name: "a"}, func(context.Context) (string, error) { return time.Now().Format(time.RFC3339Nano), nil })
		made, parseErr := time.Parse(time.RFC3339Nano, v)
		if err != nil || parseErr != nil {
			t.Fatal(err, parseErr)
		}
		if age := asked.Sub(made); age > life+life/10 {
			t.Fatalf("an answer is %s old", age)
		}
	}
}
