package app

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"cartracker/internal/redis/redistest"
	"cartracker/internal/store"
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

// Who wrote something of which nobody knows where it is reads from the primary
// for as long as that matters, however often they write after it. Other
// positions have no weight and stay.
func TestFarthestPositionEnds(t *testing.T) {
	t.Parallel()
	server := redistest.New(t, redistest.Options{})
	p := sharedPositions{link: redistest.Open(t, server.URL()), least: time.Minute}
	for i, step := range []struct {
		at, want      store.Position
		least, atMost time.Duration
	}{
		{7, 7, time.Hour, noteLife},
		{store.Farthest, store.Farthest, 30 * time.Second, time.Minute},
		{8, store.Farthest, 30 * time.Second, time.Minute},
		{9, store.Farthest, 30 * time.Second, time.Minute},
	} {
		if err := p.Note(t.Context(), "amra", step.at); err != nil {
			t.Fatal(err)
		}
		if at := server.Do("GET", positionOf+"amra"); at != number(int64(step.want)) {
			t.Errorf("step %d: at %s, want %d", i, at, step.want)
		}
		if life := lifeOf(t, server, "amra"); life < step.least || life > step.atMost {
			t.Errorf("step %d: it is kept for %s, want %s to %s", i, life, step.least, step.atMost)
		}
	}
	server.Do("PEXPIRE", positionOf+"amra", "1000")
	if err := p.Note(t.Context(), "amra", 10); err != nil {
		t.Fatal(err)
	}
	if life := lifeOf(t, server, "amra"); life < 30*time.Second {
		t.Errorf("a position would be forgotten with the farthest, after %s", life)
	}
}

// lifeOf returns for how long the position of who is kept.
func lifeOf(t *testing.T, server *redistest.Server, who string) time.Duration {
	t.Helper()
	answer := server.Do("PTTL", positionOf+who)
	ms, err := strconv.Atoi(strings.TrimPrefix(answer, ":"))
	if err != nil {
		t.Fatal(answer)
	}
	return time.Duration(ms) * time.Millisecond
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
