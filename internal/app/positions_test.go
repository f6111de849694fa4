package app

import (
	"testing"
	"time"

	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/storetest"
)

// What instances note in Redis is known to all of them. While Redis is away, or
// began so short a time ago that it may have forgotten something, nobody knows.
func TestSharedPositions(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, redistest.Options{})
	one := sharedPositions{link: redistest.Open(t, server.URL()), least: time.Second}
	two := sharedPositions{link: redistest.Open(t, server.URL()), least: time.Second}
	if at, err := two.Last(t.Context(), "amra"); err == nil {
		t.Errorf("a server that has just begun knows %d", at)
	}
	known := func() bool {
		_, err := two.Last(t.Context(), "amra")
		return err == nil
	}
	soon(t, "it knows", known)
	storetest.Positions(t, one, two)

	server.Kill()
	if err := one.Note(t.Context(), "amra", 7); err == nil {
		t.Error("a server that is not there was told")
	}
	if at, err := two.Last(t.Context(), "amra"); err == nil {
		t.Errorf("a server that is not there knows %d", at)
	}
	server.Start()
	soon(t, "the line is up", func() bool { return two.link.Up() })
	if at, err := two.Last(t.Context(), "amra"); err == nil {
		t.Errorf("a server that began anew knows %d", at)
	}
	soon(t, "it knows again", known)
}

// soon waits for what tells nobody when it happens.
func soon(t *testing.T, what string, happened func() bool) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for began := time.Now(); !happened(); <-again.C {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}
