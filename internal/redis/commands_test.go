package redis_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cartracker/internal/redis"
	"cartracker/internal/redis/redistest"
)

func TestGetAndSet(t *testing.T) {
	l := redistest.Open(t, redistest.New(t, redistest.Options{}).URL())
	ctx := t.Context()
	if value, found, err := l.Get(ctx, "none"); value != nil || found || err != nil {
		t.Errorf("%q %v %v", value, found, err)
	}
	large := make([]byte, 1<<20)
	_, _ = rand.Read(large)
	for key, value := range map[string][]byte{"text": []byte("čćž\r\n$5\r\n"), "empty": {}, "large": large, "odd \x00 \r\n key": {0, 255}, "": []byte("x")} {
		if err := l.Set(ctx, key, value, time.Minute); err != nil {
			t.Fatal(err)
		}
		got, found, err := l.Get(ctx, key)
		if err != nil || !found || !bytes.Equal(got, value) {
			t.Errorf("%q: %d bytes, %v %v", key, len(got), found, err)
		}
	}
}

func TestValuesEnd(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	l := redistest.Open(t, s.URL())
	if err := l.Set(t.Context(), "k", []byte("v"), 0); err != nil {
		t.Fatal(err)
	}
	eventually(t, patience, "the value is gone", func() bool { _, found, _ := l.Get(t.Context(), "k"); return !found })
	if err := l.Set(t.Context(), "k", []byte("v"), time.Hour); err != nil {
		t.Fatal(err)
	}
	if ttl := s.Do("TTL", "k"); ttl != ":3600" && ttl != ":3599" {
		t.Error(ttl)
	}
}

func TestClaim(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	one, two := redistest.Open(t, s.URL()), redistest.Open(t, s.URL())
	ctx := t.Context()
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			ok, err := []*redis.Link{one, two}[i%2].Claim(ctx, "job", fmt.Sprint(i), time.Minute)
			if err != nil {
				t.Error(err)
			}
			if ok {
				won.Add(1)
			}
		})
	}
	if wg.Wait(); won.Load() != 1 {
		t.Fatalf("%d won", won.Load())
	}
	owner, _, _ := one.Get(ctx, "job")
	if err := one.Release(ctx, "job", "stranger"); err != nil {
		t.Fatal(err)
	}
	if ok, err := two.Claim(ctx, "job", "next", time.Minute); ok || err != nil {
		t.Errorf("a stranger gave it up: %v %v", ok, err)
	}
	if err := two.Release(ctx, "job", string(owner)); err != nil {
		t.Fatal(err)
	}
	if ok, err := two.Claim(ctx, "job", "next", time.Millisecond); !ok || err != nil {
		t.Errorf("%v %v", ok, err)
	}
	eventually(t, patience, "the claim ends", func() bool { ok, _ := one.Claim(ctx, "job", "third", time.Minute); return ok })
	if err := one.Release(ctx, "nothing", "x"); err != nil {
		t.Error(err)
	}
}

func TestEval(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	l := redistest.Open(t, s.URL())
	script := redis.NewScript(`return {redis.call('INCR', KEYS[1]), tonumber(ARGV[1]), #ARGV}`)
	for i := range int64(3) {
		got, err := l.Eval(t.Context(), script, []string{"n"}, "-7", "x y")
		if want := []int64{i + 1, -7, 2}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%v %v, want %v", got, err, want)
		}
	}
	s.Do("SCRIPT", "FLUSH")
	if got, err := l.Eval(t.Context(), script, []string{"n"}, "1"); err != nil || got[0] != 4 {
		t.Errorf("%v %v", got, err)
	}
	if stats := s.Do("CONFIG", "RESETSTAT"); stats != "+OK" {
		t.Fatal(stats)
	}
	for range 10 {
		if _, err := l.Eval(t.Context(), script, []string{"n"}, "1"); err != nil {
			t.Fatal(err)
		}
	}
	if n, m := s.Calls("evalsha"), s.Calls("eval"); n != 10 || m != 0 {
		t.Errorf("%d by name and %d by text", n, m)
	}
}

func TestTexts(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	l := redistest.Open(t, s.URL())
	lua := `redis.call('RPUSH', KEYS[1], unpack(ARGV)) return redis.call('LRANGE', KEYS[1], 0, -1)`
	odd := []string{"čćž", "", "a b\r\n$5", "\x00\xff"}
	if got, err := l.Texts(t.Context(), lua, []string{"l"}, odd...); err != nil || !slices.Equal(got, odd) {
		t.Errorf("%q %v", got, err)
	}
	if got, err := l.Texts(t.Context(), "return {}", nil); err != nil || len(got) != 0 {
		t.Errorf("%q %v", got, err)
	}
	s.Do("SCRIPT", "FLUSH")
	if got, err := l.Texts(t.Context(), lua, []string{"l"}, "x"); err != nil || !slices.Equal(got, append(odd, "x")) {
		t.Errorf("%q %v", got, err)
	}
	s.Do("CONFIG", "RESETSTAT")
	for range 10 {
		if _, err := l.Texts(t.Context(), lua, []string{"l"}, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if n, m := s.Calls("evalsha"), s.Calls("eval"); n != 10 || m != 0 {
		t.Errorf("%d by name and %d by text", n, m)
	}
	if _, err := l.Texts(t.Context(), "return redis.call('NONSENSE')", nil); err == nil || errors.Is(err, redis.ErrDown) || !l.Up() {
		t.Error(err)
	}
}

// TestRefusedCommands looks whether what Redis does not want to do leaves the
// line in use, and is logged once.
func TestRefusedCommands(t *testing.T) {
	j := listenIn(t)
	s := redistest.New(t, redistest.Options{MaxMemory: "1mb", More: []string{"--rename-command", "PUBLISH", ""}})
	l := redistest.Open(t, s.URL())
	ctx := t.Context()
	for i := 0; l.Set(ctx, fmt.Sprint(i), make([]byte, 100_000), time.Minute) == nil; i++ {
		if i > 100 {
			t.Fatal("the server is never full")
		}
	}
	for i := range 50 {
		err := l.Set(ctx, "k", []byte("v"), time.Minute)
		if err == nil || errors.Is(err, redis.ErrDown) || !strings.Contains(err.Error(), "OOM") {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if err := l.Publish(ctx, "zq7channel", "zq7message"); err == nil || strings.Contains(err.Error(), "zq7") {
		t.Error(err)
	}
	s.Do("CONFIG", "SET", "maxmemory", "0")
	s.Do("RPUSH", "list", "x")
	if _, _, err := l.Get(ctx, "list"); err == nil || !strings.Contains(err.Error(), "WRONGTYPE") {
		t.Error(err)
	}
	if _, err := l.Eval(ctx, redis.NewScript("return redis.call('NONSENSE')"), nil); err == nil || errors.Is(err, redis.ErrDown) {
		t.Error(err)
	}
	if !l.Up() || l.Set(ctx, "k", []byte("v"), time.Minute) != nil {
		t.Error("the line is down")
	}
	if n := strings.Count(j.String(), "refused a command"); n != 1 || strings.Contains(j.String(), "zq7") {
		t.Errorf("%d lines:\n%s", n, j)
	}
}

func TestCallersWhoLeave(t *testing.T) {
	j := listenIn(t)
	l := redistest.Open(t, redistest.New(t, redistest.Options{}).URL())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		if _, _, err := l.Get(gone, "k"); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	}
	for i := range 500 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Microsecond)
		if _, _, err := l.Get(ctx, "k"); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		cancel()
	}
	if !l.Up() || j.states() != "connecting ready" {
		t.Error(j)
	}
}

func BenchmarkGet(b *testing.B) {
	s := redistest.New(b, redistest.Options{})
	l, err := redis.Open(b.Context(), s.URL())
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	if err := l.Set(b.Context(), "k", make([]byte, 2000), time.Hour); err != nil {
		b.Fatal(err)
	}
	for name, parallel := range map[string]int{"one": 0, "many": 32} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(max(parallel, 1))
			get := func() {
				if _, found, err := l.Get(b.Context(), "k"); !found || err != nil {
					b.Error(found, err)
				}
			}
			if parallel == 0 {
				for b.Loop() {
					get()
				}
				return
			}
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					get()
				}
			})
		})
	}
}
