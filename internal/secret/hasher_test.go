package secret

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"

	"cartracker/internal/fault"
)

func TestHash(t *testing.T) {
	h, ctx := NewHasher(), t.Context()
	hash, err := h.Hash(ctx, "correct horse")
	if err != nil || !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatalf("Hash = %q, %v", hash, err)
	}
	if again, _ := h.Hash(ctx, "correct horse"); again == hash {
		t.Error("two hashes of one password are the same")
	}
	for password, want := range map[string]bool{
		"correct horse": true, "correct horse ": false, "Correct horse": false, "": false,
		strings.Repeat("x", 100_000): false,
	} {
		ok, outdated, err := h.Verify(ctx, hash, password)
		if ok != want || outdated || err != nil {
			t.Errorf("Verify(%.20q) = %v, %v, %v", password, ok, outdated, err)
		}
	}
}

func TestVerifyOtherHashes(t *testing.T) {
	cheap := argonHash{cost: cost{64, 1, 2}, salt: []byte("somesalt")}
	cheap.key = cheap.of("correct horse", 32)
	b, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	long, err := bcrypt.GenerateFromPassword([]byte(strings.Repeat("x", 72)), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	of := func(kind string) string { return strings.Replace(string(b), "$2a$", kind, 1) }
	for name, c := range map[string]struct {
		hash, password string
		ok, outdated   bool
	}{
		"other costs":         {cheap.String(), "correct horse", true, true},
		"other costs, wrong":  {cheap.String(), "wrong", false, false},
		"bcrypt":              {string(b), "correct horse", true, true},
		"bcrypt, wrong":       {string(b), "wrong", false, false},
		"bcrypt, empty":       {string(b), "", false, false},
		"bcrypt 2b":           {of("$2b$"), "correct horse", true, true},
		"bcrypt 2y":           {of("$2y$"), "correct horse", true, true},
		"bcrypt, 72 bytes":    {string(long), strings.Repeat("x", 72), true, true},
		"bcrypt, 73 bytes":    {string(long), strings.Repeat("x", 73), true, true},
		"bcrypt, 71 bytes":    {string(long), strings.Repeat("x", 71), false, false},
		"bcrypt, very long":   {string(b), strings.Repeat("x", 100_000), false, false},
		"no such user":        {"", "correct horse", false, false},
		"no such user, empty": {"", "", false, false},
	} {
		ok, outdated, err := NewHasher().Verify(t.Context(), c.hash, c.password)
		if ok != c.ok || outdated != c.outdated || err != nil {
			t.Errorf("%s: Verify = %v, %v, %v", name, ok, outdated, err)
		}
	}
}

func TestVerifyMalformed(t *testing.T) {
	const b = "$2a$04$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	for _, bad := range []string{
		"hunter2", "$", "$2a$", "$2a$04$", "$1$salt$hash", b + "a", b[:59],
		strings.Replace(b, "$04$", "$15$", 1), strings.Replace(b, "$04$", "$31$", 1), strings.Replace(b, "$04$", "$xx$", 1),
		strings.Replace(b, "$04$a", "$04$!", 1),
		strings.Replace(goodHash, "m=19456", "m=1048576", 1),
	} {
		ok, outdated, err := NewHasher().Verify(t.Context(), bad, "hunter2")
		if ok || outdated || err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("Verify(%q) = %v, %v, %v", bad, ok, outdated, err)
		}
		if fault.Of(err).Kind != fault.Internal {
			t.Errorf("Verify(%q) tells the caller: %v", bad, err)
		}
	}
}

// It is busy with 68 and says so to the next; those who wait may give up.
func TestHasherBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHasher()
		for range maxHashing {
			if err := h.enter(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		ctx, giveUp := context.WithCancel(t.Context())
		var gone atomic.Int32
		for range maxWaiting {
			go func() {
				if _, err := h.Hash(ctx, "x"); errors.Is(err, context.Canceled) {
					gone.Add(1)
				}
			}()
		}
		synctest.Wait()
		_, err := h.Hash(t.Context(), "x")
		if !errors.Is(err, ErrBusy) || fault.Of(err).RetryAfter != time.Second {
			t.Errorf("Hash when busy: %v", err)
		}
		if _, _, err := h.Verify(t.Context(), "", "x"); !errors.Is(err, ErrBusy) {
			t.Errorf("Verify when busy: %v", err)
		}
		giveUp()
		synctest.Wait()
		if gone.Load() != maxWaiting || len(h.room) != maxHashing {
			t.Errorf("%d gave up, %d are left", gone.Load(), len(h.room))
		}
		for range maxHashing {
			h.leave(time.Now())
		}
		if len(h.room) != 0 || len(h.turn) != 0 {
			t.Error("places stay taken")
		}
	})
}

func TestHasherWhenAllIsOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	h := NewHasher()
	if _, err := h.Hash(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("Hash = %v", err)
	}
	if len(h.room) != 0 {
		t.Error("a place stays taken")
	}
}

func TestHasherInParallel(t *testing.T) {
	h := NewHasher()
	hash := "$argon2id$v=19$m=64,t=1,p=2$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA"
	var most, served, busy atomic.Int32
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			_, _, err := h.Verify(t.Context(), hash, "x")
			switch {
			case err == nil:
				served.Add(1)
			case errors.Is(err, ErrBusy):
				busy.Add(1)
			default:
				t.Error(err)
			}
			most.Store(max(most.Load(), int32(len(h.turn))))
		})
	}
	wg.Wait()
	if served.Load()+busy.Load() != 200 || served.Load() < maxHashing || most.Load() > maxHashing || len(h.room) != 0 {
		t.Errorf("%d served, %d refused, at most %d at a time", served.Load(), busy.Load(), most.Load())
	}
}

func BenchmarkHash(b *testing.B) {
	h := NewHasher()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "correct horse"); err != nil {
			b.Fatal(err)
		}
	}
}

// How long a hash takes is told, and how many there are is known meanwhile.
func TestHasherTells(t *testing.T) {
	h, took := NewHasher(), time.Duration(0)
	h.Timed = func(d time.Duration) { took = d }
	if _, err := h.Hash(t.Context(), "desk-lamp-Vrbas-77"); err != nil || took <= 0 {
		t.Errorf("took %s: %v", took, err)
	}
	for range maxHashing {
		if err := h.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	h.room <- struct{}{}
	if running, waiting := h.Load(); running != maxHashing || waiting != 1 {
		t.Errorf("%d run and %d wait", running, waiting)
	}
}
