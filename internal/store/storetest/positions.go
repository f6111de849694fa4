package storetest

import (
	"fmt"
	"sync"
	"testing"

	"cartracker/internal/store"
)

// Positions checks what notes positions. Others is what another instance asks,
// or the same once more if it is for one process.
func Positions(t *testing.T, p, others store.Positions) {
	last := func(who string, want store.Position) {
		t.Helper()
		for _, asked := range []store.Positions{p, others} {
			if at, err := asked.Last(t.Context(), who); at != want || err != nil {
				t.Errorf("%s is at %d, want %d (%v)", who, at, want, err)
			}
		}
	}
	note := func(in store.Positions, who string, at store.Position) {
		t.Helper()
		if err := in.Note(t.Context(), who, at); err != nil {
			t.Errorf("%s at %d: %v", who, at, err)
		}
	}
	last("nobody", 0)
	note(p, "amra", 7)
	last("amra", 7)
	last("emir", 0)
	note(others, "amra", 1<<53) // as far as numbers are exact everywhere
	last("amra", 1<<53)
	note(p, "amra", 8) // told later, written before
	last("amra", 1<<53)
	note(p, "odd \x00 \r\n name: čćž", 9)
	last("odd \x00 \r\n name: čćž", 9)

	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 50 {
				note([]store.Positions{p, others}[n%2], fmt.Sprint("clerk ", n%3), store.Position(50*i+n+1))
			}
		})
	}
	all.Wait()
	for who, want := range map[string]store.Position{"clerk 0": 399, "clerk 1": 400, "clerk 2": 398} {
		last(who, want)
	}
}
