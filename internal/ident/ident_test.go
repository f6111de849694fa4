package ident_test

import (
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cartracker/internal/ident"
)

type carID string

func TestNewIsAUUIDv7(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	for range 1000 {
		before := time.Now().UnixMilli()
		id := string(ident.New[carID]())
		after := time.Now().UnixMilli()
		if !form.MatchString(id) || !ident.Valid(id) {
			t.Fatalf("New() = %q", id)
		}
		ms, err := strconv.ParseInt(strings.ReplaceAll(id[:13], "-", ""), 16, 64)
		if err != nil || ms < before || ms > after {
			t.Fatalf("%s was made at %d ms, between %d and %d", id, ms, before, after)
		}
	}
}

func TestNewSortsByTime(t *testing.T) {
	last := ""
	for range 200 {
		id := string(ident.New[carID]())
		if id <= last {
			t.Fatalf("%s comes after %s", id, last)
		}
		last = id
		time.Sleep(10 * time.Microsecond) // 40 steps of the clock within
	}
}

func TestNewIsUnique(t *testing.T) {
	const workers, each = 8, 5000
	made := make([][]string, workers)
	var wg sync.WaitGroup
	for i := range made {
		wg.Go(func() {
			for range each {
				made[i] = append(made[i], ident.New[string]())
			}
		})
	}
	wg.Wait()
	seen := make(map[string]bool, workers*each)
	random := map[string]bool{}
	for _, ids := range made {
		for _, id := range ids {
			seen[id], random[id[19:]] = true, true
		}
	}
	if len(seen) != workers*each || len(random) != workers*each {
		t.Errorf("%d identifiers of %d, with %d random parts", len(seen), workers*each, len(random))
	}
}

func TestValid(t *testing.T) {
	const good = "0197a2b4-5c6d-7e8f-9a0b-c1d2e3f40516"
	for in, want := range map[string]bool{
		good:                                   true,
		strings.ToUpper(good):                  false,
		"":                                     false,
		good[:35]:                              false,
		good + "0":                             false,
		good + "\n":                            false,
		"{" + good[1:35] + "}":                 false,
		strings.ReplaceAll(good, "-", ""):      false,
		strings.ReplaceAll(good, "-", "0"):     false,
		"0197a2b45-c6d-7e8f-9a0b-c1d2e3f40516": false,
		"g" + good[1:]:                         false,
		"０197a2b4-5c6d-7e8f-9a0b-c1d2e3f40516"[:36]: false,
		"A12-K-345": false,
	} {
		if got := ident.Valid(in); got != want {
			t.Errorf("Valid(%q) = %v", in, got)
		}
	}
}

func TestValidProperties(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\z`)
	rapid.Check(t, func(t *rapid.T) {
		h := hex.EncodeToString(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "bytes"))
		id := []byte(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
		if !ident.Valid(string(id)) {
			t.Fatalf("Valid(%q) = false", id)
		}
		id[rapid.IntRange(0, 35).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		if got := ident.Valid(string(id)); got != form.Match(id) {
			t.Fatalf("Valid(%q) = %v", id, got)
		}
	})
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		ident.New[carID]()
	}
}
