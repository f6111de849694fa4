package recent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cartracker/internal/observe/recent"
)

var noon = time.Date(2026, 7, 25, 12, 0, 0, 0, time.UTC)

func TestErrors(t *testing.T) {
	var k recent.Errors
	if all := k.Last(noon); len(all) != 0 {
		t.Errorf("at first there are %v", all)
	}
	k.Add(recent.Error{At: noon, Place: "GET /a", What: "x", RequestID: "r1"})
	k.Add(recent.Error{At: noon.Add(time.Minute), Place: "GET /b", What: "x"})
	k.Add(recent.Error{At: noon.Add(7 * time.Minute), Place: "GET /a", What: "x", RequestID: "r2", TraceID: "t2"})
	all := k.Last(noon.Add(8 * time.Minute))
	if len(all) != 2 || all[0] != (recent.Error{At: noon.Add(7 * time.Minute), Place: "GET /a", What: "x", RequestID: "r2", TraceID: "t2", Times: 2}) || all[1].Place != "GET /b" {
		t.Errorf("kept %+v", all)
	}
	if all := k.Last(noon.Add(63 * time.Minute)); len(all) != 1 || all[0].Place != "GET /a" {
		t.Errorf("after an hour there are %+v", all)
	}
	k.Add(recent.Error{At: noon.Add(2 * time.Hour), Place: "GET /a", What: "x"})
	if all := k.Last(noon.Add(2 * time.Hour)); len(all) != 1 || all[0].Times != 1 {
		t.Errorf("the next one is counted with those of before the hour: %+v", all)
	}
	for minute := range 600 { // one that never ends
		k.Add(recent.Error{At: noon.Add(3*time.Hour + time.Duration(minute)*time.Minute), Place: "GET /c", What: "x"})
	}
	if all := k.Last(noon.Add(13 * time.Hour)); len(all) != 1 || all[0].Times < 55 || all[0].Times > 60 {
		t.Errorf("of one each minute the last hour has %+v", all)
	}
}

// TestBounds: what is kept has a bound, whatever happens, and letters stay whole.
func TestBounds(t *testing.T) {
	var k recent.Errors
	var s recent.Statements
	long := strings.Repeat("š", 5000)
	for i := range 10_000 {
		at := noon.Add(time.Duration(i) * time.Millisecond)
		k.Add(recent.Error{At: at, Place: long, What: fmt.Sprintf("%d %s", i, long), RequestID: long, TraceID: long})
		s.Add(at, fmt.Sprintf("%d %s", i, long), time.Duration(i))
	}
	errs, slow := k.Last(noon.Add(time.Minute)), s.Slowest(noon.Add(time.Minute), 1000)
	if len(errs) != recent.MostErrors || len(slow) != 50 {
		t.Fatalf("%d errors, %d statements", len(errs), len(slow))
	}
	if !strings.HasPrefix(errs[0].What, "9999 ") || !strings.HasPrefix(slow[0].Text, "9999 ") || !strings.HasPrefix(slow[49].Text, "9950 ") {
		t.Errorf("kept %.20s, %.20s and %.20s", errs[0].What, slow[0].Text, slow[49].Text)
	}
	for _, text := range []string{errs[0].What, errs[0].Place, errs[0].RequestID, errs[0].TraceID, slow[0].Text} {
		if len(text) > 510 || !utf8.ValidString(text) {
			t.Errorf("%d bytes: %q", len(text), text)
		}
	}
	s.Add(noon, "a quick one", 1)
	for _, kept := range s.Slowest(noon, 1000) {
		if kept.Text == "a quick one" {
			t.Error("what is quicker than all took somebody's place")
		}
	}
}

func TestStatements(t *testing.T) {
	var k recent.Statements
	k.Add(noon, "SELECT ?", 300*time.Millisecond)
	k.Add(noon.Add(30*time.Minute), "SELECT ?", 200*time.Millisecond)
	k.Add(noon.Add(30*time.Minute), "UPDATE ?", 250*time.Millisecond)
	for after, want := range map[time.Duration]string{
		31 * time.Minute: "[{SELECT ? 300ms 2} {UPDATE ? 250ms 1}]",
		70 * time.Minute: "[{UPDATE ? 250ms 1} {SELECT ? 200ms 1}]",
		2 * time.Hour:    "[]",
	} {
		if got := fmt.Sprint(k.Slowest(noon.Add(after), 10)); got != want {
			t.Errorf("after %s: %s, want %s", after, got, want)
		}
	}
	if got := k.Slowest(noon.Add(31*time.Minute), 1); len(got) != 1 {
		t.Errorf("asked for one: %v", got)
	}
}
