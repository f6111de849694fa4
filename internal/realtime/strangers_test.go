package realtime

import (
	"fmt"
	"testing"
	"time"
)

func TestStrangers(t *testing.T) {
	now := time.Now()
	s := newStrangers(5, 2, 20*time.Second)
	come := func(network string, want bool) {
		t.Helper()
		if got := s.come(network, now); got != want {
			t.Fatalf("one more of %s: %t, want %t", network, got, want)
		}
	}
	come("a", true)
	come("a", true)
	come("a", false) // too many of a network
	s.know("a")
	come("a", true)
	come("a", false)
	come("b", true)
	come("b", true)
	come("c", true)
	come("d", false) // too many of all
	s.know("c")
	s.know("c") // of whom nobody is counted any more
	s.know("e") // of whom nobody ever was
	come("d", true)
	come("e", false)
	now = now.Add(20 * time.Second)
	for i := range 5 {
		come(fmt.Sprint(i), true)
	}
	come("6", false)
	now = now.Add(time.Minute)
	s.forget(now)
	if s.count != 0 || len(s.queue) != 0 || len(s.of) != 0 {
		t.Errorf("%d are counted, %d queued, %d networks known after all have gone", s.count, len(s.queue), len(s.of))
	}
}

// Those who say who they are take no room, however many come.
func TestStrangersForgetsTheKnown(t *testing.T) {
	s := newStrangers(5, 2, time.Hour)
	for i := range 1000 {
		if !s.come("a", time.Now()) {
			t.Fatalf("number %d may not come", i)
		}
		s.know("a")
	}
	if s.count != 0 || len(s.queue) > 1 || len(s.of) != 0 {
		t.Errorf("%d are counted, %d queued, %d networks known", s.count, len(s.queue), len(s.of))
	}
}
