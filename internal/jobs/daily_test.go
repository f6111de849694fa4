package jobs

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"
)

// TestSchedule looks for the last nine o'clock, also around the nights in which
// the clocks of Sarajevo change.
func TestSchedule(t *testing.T) {
	sarajevo, err := time.LoadLocation("Europe/Sarajevo")
	if err != nil {
		t.Fatal(err)
	}
	for now, want := range map[string]string{
		"2026-11-23T08:59:59+01:00": "2026-11-22T09:00:00+01:00",
		"2026-11-23T09:00:00+01:00": "2026-11-23T09:00:00+01:00",
		"2026-11-23T23:30:00Z":      "2026-11-23T09:00:00+01:00", // it is tomorrow there
		"2026-03-29T08:00:00+02:00": "2026-03-28T09:00:00+01:00",
		"2026-03-29T10:00:00+02:00": "2026-03-29T09:00:00+02:00",
		"2026-10-25T08:59:59+01:00": "2026-10-24T09:00:00+02:00",
		"2027-01-01T07:00:00+01:00": "2026-12-31T09:00:00+01:00",
	} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		if last := (schedule{9, sarajevo}).last(at).Format(time.RFC3339); last != want {
			t.Errorf("at %s the last was %s, want %s", now, last, want)
		}
	}
}

// TestBackoff doubles the time between attempts, give or take a fifth.
func TestBackoff(t *testing.T) {
	f := failures{&Queue{Tools: Tools{Settings: Settings{Backoff: 2 * time.Second}}}}
	for attempt, want := range map[int]time.Duration{1: 2 * time.Second, 2: 4 * time.Second, 3: 8 * time.Second, 5: 32 * time.Second, 40: time.Hour} {
		for range 100 {
			got := time.Until(f.NextRetry(&rivertype.JobRow{Attempt: attempt}))
			if got < want*4/5-time.Second/10 || got > want*6/5 {
				t.Fatalf("after attempt %d it waits %s, want about %s", attempt, got, want)
			}
		}
	}
}

// TestAttempts counts those that no crash has cut off.
func TestAttempts(t *testing.T) {
	for metadata, want := range map[string]int{"": 4, "{}": 4, `{"river:rescue_count": 3}`: 1, `{"snoozes": 2}`: 4} {
		if got := attempts(&rivertype.JobRow{Attempt: 4, Metadata: []byte(metadata)}); got != want {
			t.Errorf("%s: %d attempts, want %d", metadata, got, want)
		}
	}
}

// TestPayload writes down all that a job may know: ids, and an address that
// somebody typed.
func TestPayload(t *testing.T) {
	got, err := json.Marshal(passwordReset{ID: "a", User: "b", Email: "c", Contract: "d", End: "e"})
	if want := `{"id":"a","userId":"b","email":"c","contractId":"d","end":"e"}`; err != nil || string(got) != want {
		t.Errorf("%s, %v", got, err)
	}
}
