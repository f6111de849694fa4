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

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"cartracker/internal/cache"
	"cartracker/internal/redis/redistest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func always() bool { return true }

func memory(t testing.TB, size int64) *cache.Memory {
	t.Helper()
	m := cache.NewMemory(size, always)
	t.Cleanup(m.Close)
	return m
}

func sealer(t testing.TB) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher([]byte(strings.Repeat("k", 32)))
	if err != nil {
		t.Fatal(err)
	}
	seal, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		t.Fatal(err)
	}
	return seal
}

// each runs a test on every implementation.
func each(t *testing.T, test func(t *testing.T, c cache.Cache)) {
	t.Run("Memory", func(t *testing.T) { test(t, memory(t, 1<<20)) })
	t.Run("Redis", func(t *testing.T) {
		test(t, cache.NewRedis(memory(t, 1<<20), redistest.Open(t, redistest.New(t, redistest.Options{}).URL()), sealer(t), "v1"))
	})
	t.Run("Redis, away", func(t *testing.T) {
		s := redistest.New(t, redistest.Options{})
		link := redistest.Open(t, s.URL())
		s.Kill()
		test(t, cache.NewRedis(memory(t, 1<<20), link, sealer(t), "v1"))
	})
}

func texts(c cache.Cache, name string) *cache.Shelf[string] {
	return cache.NewShelf(c, cache.Spec[string]{
		Name: name, Life: 10 * time.Minute, Weight: func(s string) int { return len(s) },
		Encode: func(s string) ([]byte, error) { return []byte(s), nil },
		Decode: func(b []byte) (string, error) { return string(b), nil },
	})
}

// loads makes "1", "2" and so on.
type loads struct{ n atomic.Int64 }

func (l *loads) next(context.Context) (string, error) { return fmt.Sprint(l.n.Add(1)), nil }

func get(t testing.TB, s *cache.Shelf[string], k cache.Key, l *loads) (string, cache.Outcome) {
	t.Helper()
	v, how, err := s.Get(t.Context(), k, l.next)
	if err != nil {
		t.Fatal(err)
	}
	return v, how
}

func TestKeepsUntilRaised(t *testing.T) {
	each(t, func(t *testing.T, c cache.Cache) {
		s, l := texts(c, "cars"), &loads{}
		k := cache.Key{Name: "a", Tags: []string{"cars", "car:1"}}
		want := func(what, value string, outcome cache.Outcome) {
			t.Helper()
			if v, how := get(t, s, k, l); v != value || how != outcome {
				t.Errorf("%s: %s %s, want %s %s", what, v, how, value, outcome)
			}
		}
		want("first", "1", cache.Miss)
		want("second", "1", cache.Hit)
		if v, ok := s.Look(k); !ok || v != "1" {
			t.Errorf("Look: %q, %t", v, ok)
		}
		c.Raise(5, "cars")
		if v, ok := s.Look(k); ok {
			t.Errorf("Look after a tag was raised: %q", v)
		}
		want("a tag was raised", "2", cache.Miss)
		c.Raise(5, "cars")
		want("it was raised by the same change again", "2", cache.Hit)
		c.Raise(4, "cars", "car:1")
		want("another tag was raised by an earlier change", "3", cache.Miss)
		c.Raise(6, "car:2", "cars:1", "car", "contracts")
		want("tags of others were raised", "3", cache.Hit)
		c.RaiseKind(7, "car")
		want("its kind was raised", "4", cache.Miss)
		c.RaiseKind(8, "customer")
		c.Clear("customer")
		want("another kind was raised and cleared", "4", cache.Hit)
		c.Clear("car")
		want("its kind was cleared", "5", cache.Miss)
		c.Forget()
		want("everything may have changed", "6", cache.Miss)
		want("and then", "6", cache.Hit)
		c.Raise(1, "cars")
		want("the numbers begin anew", "7", cache.Miss)
		if n := s.Counts(); n.Hits != 6 || n.Misses != 7 || n.Bypasses != 0 {
			t.Errorf("counted %+v", n)
		}
	})
}

// Names, tags and shelves never make one key of two.
func TestKeysAreApart(t *testing.T) {
	each(t, func(t *testing.T, c cache.Cache) {
		var all []string
		for _, shelf := range []string{"a", "a\nb", "b"} {
			s := texts(c, shelf)
			for _, k := range []cache.Key{
				{Name: ""},
				{Name: "x"},
				{Name: "x\n1 y"},
				{Name: "x", Tags: []string{"t"}},
				{Name: "x\nt 0"},
				{Name: "1 x"},
				{Name: "x", Tags: []string{"t", "u"}},
				{Name: "š"},
				{Name: "\x00"},
			} {
				v, how, err := s.Get(t.Context(), k, func(context.Context) (string, error) { return fmt.Sprintf("%q %q", shelf, k), nil })
				if want := fmt.Sprintf("%q %q", shelf, k); v != want || how != cache.Miss || err != nil {
					t.Errorf("%s is answered with %s, %s, %v", want, v, how, err)
				}
				all = append(all, v)
			}
		}
		if len(all) != 27 {
			t.Errorf("%d", len(all))
		}
	})
}

// A load that fails or panics leaves nothing behind, and whoever waited for it
// gets its error or loads again.
func TestFailedLoads(t *testing.T) {
	each(t, func(t *testing.T, c cache.Cache) {
		s, l := texts(c, "cars"), &loads{}
		k := cache.Key{Name: "a"}
		broken := errors.New("broken")
		if _, _, err := s.Get(t.Context(), k, func(context.Context) (string, error) { return "", broken }); !errors.Is(err, broken) {
			t.Errorf("the error is %v", err)
		}
		_, _, err := s.Get(t.Context(), k, func(context.Context) (string, error) { panic("oh no") })
		if err == nil || !strings.Contains(err.Error(), "oh no") {
			t.Errorf("the error of a panic is %v", err)
		}
		if v, how := get(t, s, k, l); v != "1" || how != cache.Miss {
			t.Errorf("then %s %s", v, how)
		}
	})
}

// Who asks at the same time waits for one load.
func TestOneLoads(t *testing.T) {
	each(t, func(t *testing.T, c cache.Cache) {
		s := texts(c, "cars")
		var n atomic.Int64
		begun, free := make(chan struct{}), make(chan struct{})
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				v, _, err := s.Get(t.Context(), cache.Key{Name: "a"}, func(context.Context) (string, error) {
					if n.Add(1) == 1 {
						close(begun)
					}
					<-free
					return "1", nil
				})
				if v != "1" || err != nil {
					t.Errorf("%q, %v", v, err)
				}
			})
		}
		<-begun
		close(free)
		all.Wait()
		if n.Load() != 1 {
			t.Errorf("%d loads", n.Load())
		}
	})
}

// A load that began before a tag was raised is neither joined nor kept for
// those who ask after.
func TestLoadBeforeRaise(t *testing.T) {
	each(t, func(t *testing.T, c cache.Cache) {
		s := texts(c, "cars")
		k := cache.Key{Name: "a", Tags: []string{"cars"}}
		begun, free, first := make(chan struct{}), make(chan struct{}), make(chan string)
		go func() {
			v, _, _ := s.Get(context.Background(), k, func(context.Context) (string, error) {
				close(begun)
				<-free
				return "old", nil
			})
			first <- v
		}()
		<-begun
		c.Raise(1, "cars")
		if v, how, err := s.Get(t.Context(), k, func(context.Context) (string, error) { return "new", nil }); v != "new" || how != cache.Miss || err != nil {
			t.Errorf("%s, %s, %v", v, how, err)
		}
		close(free)
		if v := <-first; v != "old" {
			t.Errorf("the first got %s", v)
		}
		if v, how, err := s.Get(t.Context(), k, (&loads{}).next); v != "new" || how != cache.Hit || err != nil {
			t.Errorf("then %s, %s, %v", v, how, err)
		}
	})
}

// A client who leaves while it loads does not make those fail who wait with it.
func TestLoaderLeaves(t *testing.T) {
	each(t, func(t *testing.T, c cache.Cache) {
		s, l := texts(c, "cars"), &loads{}
		ctx, leave := context.WithCancel(t.Context())
		begun, left := make(chan struct{}), make(chan error)
		go func() {
			_, _, err := s.Get(ctx, cache.Key{Name: "a"}, func(ctx context.Context) (string, error) {
				close(begun)
				<-ctx.Done()
				return "", ctx.Err()
			})
			left <- err
		}()
		<-begun
		type answer struct {
			v   string
			err error
		}
		second := make(chan answer)
		go func() {
			v, _, err := s.Get(context.Background(), cache.Key{Name: "a"}, l.next)
			second <- answer{v, err}
		}()
		leave()
		if err := <-left; !errors.Is(err, context.Canceled) {
			t.Errorf("who left got %v", err)
		}
		if a := <-second; a.v != "1" || a.err != nil {
			t.Errorf("who stayed got %q, %v", a.v, a.err)
		}
	})
}

// While the changes of others are not known, what is kept is not used.
func TestBypass(t *testing.T) {
	var trusted atomic.Bool
	trusted.Store(true)
	m := cache.NewMemory(1<<20, trusted.Load)
	defer m.Close()
	s, l := texts(m, "cars"), &loads{}
	get(t, s, cache.Key{Name: "a"}, l)
	trusted.Store(false)
	if _, ok := s.Look(cache.Key{Name: "a"}); ok {
		t.Error("found")
	}
	if v, how := get(t, s, cache.Key{Name: "a"}, l); v != "2" || how != cache.Bypass {
		t.Errorf("%s %s", v, how)
	}
	trusted.Store(true)
	if v, how := get(t, s, cache.Key{Name: "a"}, l); v != "1" || how != cache.Hit {
		t.Errorf("%s %s", v, how)
	}
	if n := s.Counts(); n.Bypasses != 1 {
		t.Errorf("%+v", n)
	}
}

// The cache takes the bytes that it may and not more, and one owner who asks
// ten thousand questions leaves to others what is theirs.
func TestBounded(t *testing.T) {
	m := memory(t, 1<<20)
	s, l := texts(m, "cars"), &loads{}
	large := func(context.Context) (string, error) { return strings.Repeat("x", 1000), nil }
	for i := range 100 {
		get(t, s, cache.Key{Name: fmt.Sprint("desk ", i), Owner: fmt.Sprint("clerk ", i%10)}, l)
	}
	for i := range 10_000 {
		if _, _, err := s.Get(t.Context(), cache.Key{Name: fmt.Sprint("odd ", i), Owner: "stranger"}, large); err != nil {
			t.Fatal(err)
		}
		if size := m.Size(); size.Bytes > 1<<20+1<<18 {
			t.Fatalf("after %d questions it keeps %d bytes", i, size.Bytes)
		}
	}
	for i := range 100 {
		if _, ok := s.Look(cache.Key{Name: fmt.Sprint("desk ", i)}); !ok {
			t.Errorf("what clerk %d had kept is gone", i%10)
		}
	}
	if size := m.Size(); size.Bytes > 1<<18 {
		t.Errorf("one owner has %d bytes kept", size.Bytes)
	}
}

// A tag that was raised stays raised when very many others are.
func TestManyTags(t *testing.T) {
	m := memory(t, 1<<20)
	s, l := texts(m, "cars"), &loads{}
	k := cache.Key{Name: "a", Tags: []string{"car:1", "contracts"}}
	get(t, s, k, l)
	m.Raise(1, "car:1")
	for i := range 250_000 {
		m.Raise(int64(i+2), fmt.Sprint("car:", i+2))
	}
	if v, how := get(t, s, k, l); v != "2" || how != cache.Miss {
		t.Errorf("%s %s", v, how)
	}
	if size := m.Size(); size.Tags > 100_001 {
		t.Errorf("%d tags are remembered", size.Tags)
	}
}

// Whatever is raised, asked and kept in whatever order, an answer is never
// older than the last raise of its tags before it was asked for.
func TestNeverOlder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := cache.NewMemory(1<<20, always)
		defer m.Close()
		s := texts(m, "cars")
		tags := []string{"cars", "car:1", "car:2", "users"}
		last, seq := map[string]int64{}, int64(0)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			some := rapid.SliceOfNDistinct(rapid.SampledFrom(tags), 1, 4, rapid.ID[string]).Draw(t, "tags")
			if rapid.Bool().Draw(t, "write") {
				seq++
				for _, tag := range some {
					last[tag] = seq
				}
				m.Raise(seq, some...)
				continue
			}
			var newest int64
			for _, tag := range some {
				newest = max(newest, last[tag])
			}
			v, _, err := s.Get(context.Background(), cache.Key{Name: fmt.Sprint(some), Tags: some}, func(context.Context) (string, error) { return fmt.Sprint(seq), nil })
			var made int64
			if _, scanErr := fmt.Sscan(v, &made); err != nil || scanErr != nil || made < newest {
				t.Fatalf("%v: made at %s, changed at %d (%v)", some, v, newest, err)
			}
		}
	})
}

// What is asked for all the time is made anew before its time is over, by
// nobody who waits; what nobody asks for is gone.
func TestRefreshes(t *testing.T) {
	m := memory(t, 1<<20)
	s := cache.NewShelf(m, cache.Spec[string]{Name: "brief", Life: 400 * time.Millisecond, Weight: func(s string) int { return len(s) }})
	l, k := &loads{}, cache.Key{Name: "a"}
	began := time.Now()
	for v := ""; v != "4"; {
		if time.Since(began) > 30*time.Second {
			t.Fatal("it is not made anew")
		}
		var how cache.Outcome
		if v, how = get(t, s, k, l); how != cache.Hit && v != "1" {
			t.Fatalf("somebody waited for %s", v)
		}
	}
	if took := time.Since(began); took < 3*4*time.Second/5*9/10/10 {
		t.Errorf("made anew three times within %s", took)
	}
	get(t, s, cache.Key{Name: "b"}, l)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for ; m.Size().Entries > 0; <-again.C { // the last of them goes with nobody asking
		if time.Since(began) > 60*time.Second {
			t.Fatalf("still there: %+v", m.Size())
		}
	}
}

// Not everything that was made at the same time ends at the same time.
func TestJitter(t *testing.T) {
	m := memory(t, 1<<20)
	s := cache.NewShelf(m, cache.Spec[string]{Name: "brief", Life: time.Second, Weight: func(s string) int { return len(s) }})
	began := time.Now()
	for i := range 200 {
		get(t, s, cache.Key{Name: fmt.Sprint(i)}, &loads{})
	}
	gone := map[int]time.Duration{}
	for len(gone) < 200 && time.Since(began) < 30*time.Second {
		for i := range 200 {
			if _, _, there := m.Look(m.Key("brief", cache.Key{Name: fmt.Sprint(i)})); !there && gone[i] == 0 {
				gone[i] = time.Since(began)
			}
		}
	}
	first, last := time.Hour, time.Duration(0)
	for _, at := range gone {
		first, last = min(first, at), max(last, at)
	}
	if len(gone) != 200 || first < 900*time.Millisecond || last-first < 50*time.Millisecond {
		t.Errorf("%d ended from %s to %s", len(gone), first, last)
	}
}
