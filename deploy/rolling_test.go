package deploy_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
)

// needFaults skips a test that takes long.
func needFaults(t *testing.T) {
	t.Helper()
	if os.Getenv("TEST_FAULTS") == "" {
		t.Skip("TEST_FAULTS is not set; see make test-faults")
	}
}

const most = 10 // of what failed that is shown

// scale returns how often something is done, and how many requests come in a
// second. With the race detector the program does a fifth of it.
func scale(times int) (int, int) {
	if apptest.Raced() {
		return max(1, times/5), 60
	}
	return times, 300
}

// each lets end end one instance after the other, so many times, and starts each
// again before the next.
func (s *site) each(t *testing.T, times int, end func(*apptest.Process)) {
	t.Helper()
	for range times {
		for _, p := range []**apptest.Process{&s.one, &s.two} {
			end(*p)
			*p = s.again(t, *p)
		}
	}
}

// Both instances are restarted again and again while they are asked, and nobody
// notices.
func TestFaultRollingRestarts(t *testing.T) {
	needFaults(t)
	s := begin(t)
	cycles, rate := scale(11) // ten take hardly long enough for ten thousand requests
	f := flowing(t, s, rate)
	var longest time.Duration
	s.each(t, cycles, func(p *apptest.Process) {
		began := time.Now()
		if code := p.Terminate(t)(); code != 0 {
			t.Errorf("ended with %d:\n%s", code, p.Output())
		}
		longest = max(longest, time.Since(began))
	})
	f.stop()
	for i, c := range f.failed() {
		if i < most {
			t.Errorf("failed: %s", c)
		}
	}
	if least := 10_000; len(f.all) < least && !apptest.Raced() {
		t.Errorf("there were %d requests, and not %d", len(f.all), least)
	}
	f.checkKept(t, s)
	t.Logf("%d restarts of each of two instances, %d requests/s: %d failed %v; %s; a stop took %s at most",
		cycles, rate, len(f.failed()), kinds(f.failed()), times(f.all), longest.Round(time.Millisecond))
}

// A kill is of an instance, between two moments.
type kill struct {
	addr     string
	from, to time.Time
}

// An instance that is killed takes with it the changes that it was working on,
// and nothing else.
func TestFaultKilledInstances(t *testing.T) {
	needFaults(t)
	s := begin(t)
	cycles, rate := scale(5)
	f := flowing(t, s, rate)
	var kills []kill
	underWay := 0
	s.each(t, cycles, func(p *apptest.Process) {
		f.more(t, rate/3) // so that it has work again
		// The kill before is over for those who were sent to the other one: nginx asks two, and no more.
		underWay += f.settled(t)
		k := kill{addr: addr(p), from: time.Now()}
		p.Kill()
		k.to = time.Now()
		kills = append(kills, k)
	})
	f.stop()
	failed := f.failed()
	checkUnderWay(t, s, failed, kills)
	f.checkKept(t, s)
	t.Logf("%d kills of each of two instances, %d requests/s: %d failed %v, of %d under way at both; %s",
		cycles, rate, len(failed), kinds(failed), underWay, times(f.all))
}

// checkUnderWay checks that what failed was under way at an instance when that
// was killed, and was nothing that may be sent twice.
func checkUnderWay(t *testing.T, s *site, failed []*call, kills []kill) {
	t.Helper()
	wrong := 0
	for _, c := range failed {
		there := slices.ContainsFunc(kills, func(k kill) bool {
			return c.due.Before(k.to) && c.over.After(k.from) && s.only(c, k.addr, "502")
		})
		if c.method == "POST" && c.status == 503 && there {
			continue
		}
		if wrong++; wrong <= most {
			t.Errorf("failed, and was not under way at a killed instance: %s\n%s", c, s.line(c))
		}
	}
	if wrong > most {
		t.Errorf("and %d others like these", wrong-most)
	}
}

// line returns what nginx logged of a call.
func (s *site) line(c *call) string {
	return regexp.MustCompile(`.*"` + regexp.QuoteMeta(c.request) + `".*`).FindString(s.nginx.Log())
}

// only reports whether nginx asked nobody but the instance at addr, and with what outcome.
func (s *site) only(c *call, addr, outcome string) bool {
	return c.request != "" && strings.Contains(s.line(c), ` "`+addr+`" "`+outcome+`" `)
}
