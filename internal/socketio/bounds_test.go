package socketio

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestHistoryIsBounded fills the history by count, by bytes and by time.
func TestHistoryIsBounded(t *testing.T) {
	n := New(Config{Recovery: time.Hour}).Of("/")
	fill := func(times int, text string) {
		for range times {
			if err := n.To().Emit("x", text); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(mostHistory+100, "")
	if got := len(n.history.list); got != mostHistory {
		t.Errorf("%d events are kept", got)
	}
	fill(1, "")
	first := n.history.name + "1"
	if _, ok := n.history.since(first); ok {
		t.Error("an event that is forgotten was found")
	}
	if list, ok := n.history.since(n.offset(false)); ok || list != nil {
		t.Error("an event to come was found")
	}
	fill(70, strings.Repeat("x", 1<<18))
	if got := len(n.history.list); n.history.bytes > mostHistoryBytes || got > 64 || got < 60 {
		t.Errorf("%d bytes of %d events", n.history.bytes, len(n.history.list))
	}
	gap := fmt.Sprint(n.history.name, strconv.FormatUint(n.history.last-uint64(len(n.history.list)), 36))
	if list, ok := n.history.since(gap); !ok || len(list) != len(n.history.list) {
		t.Errorf("after the last that is forgotten come %d events (%v)", len(list), ok)
	}
	n.forget(time.Now().Add(2 * time.Hour))
	if list, ok := n.history.since(fmt.Sprint(n.history.name, strconv.FormatUint(n.history.last, 36))); !ok || len(list) != 0 {
		t.Errorf("who has heard all has missed %d events (%v)", len(list), ok)
	}
	if n.history.bytes != 0 || len(n.history.list) != 0 {
		t.Errorf("%d bytes of %d events", n.history.bytes, len(n.history.list))
	}
}

func TestLostAreBounded(t *testing.T) {
	l := newLostSockets()
	now := time.Now()
	for i := range mostLost + 10 {
		l.add(&lostSocket{pid: fmt.Sprint(i), owner: "o", until: now.Add(time.Duration(i))})
	}
	if len(l.by) != mostLost || len(l.queue) != mostLost || l.of("9", now) != nil || l.of("10", now) == nil {
		t.Errorf("%d of %d", len(l.by), len(l.queue))
	}
	if l.take("20", "other", now) != nil || l.take("20", "o", now) == nil || l.take("20", "o", now) != nil {
		t.Error("it was taken wrong")
	}
	l.forget(now.Add(mostLost))
	if len(l.by) != 9 || len(l.queue) != 9 {
		t.Errorf("%d of %d", len(l.by), len(l.queue))
	}
}

func TestBucket(t *testing.T) {
	now := time.Now()
	b := bucket{most: 10, level: 10, last: now}
	passed := func(at time.Time) (n int) {
		for b.take(at) {
			n++
		}
		return n
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{0, 10}, {50 * time.Millisecond, 0}, {100 * time.Millisecond, 1}, {400 * time.Millisecond, 3}, {time.Hour, 10}} {
		if n := passed(now.Add(c.after)); n != c.want {
			t.Errorf("%d after %s, want %d", n, c.after, c.want)
		}
	}
	b = bucket{last: now}
	for range 1000 {
		if !b.take(now) {
			t.Fatal("there is a limit")
		}
	}
}

func TestTurnsAreBounded(t *testing.T) {
	var owner tasks
	held, gate, done := make(chan struct{}), make(chan struct{}), 0
	q := turns{owner: &owner}
	q.add(0, func() { close(held); <-gate })
	<-held
	for q.add(1<<20, func() { done++ }) {
	}
	if len(q.queue) != 16 {
		t.Errorf("%d large ones wait", len(q.queue))
	}
	for q.add(0, func() { done++ }) {
	}
	if len(q.queue) != mostTurns {
		t.Errorf("%d wait", len(q.queue))
	}
	q.finish(true, func() { done += 1_000_000 })
	close(gate)
	owner.wait()
	if done != mostTurns+1_000_000 {
		t.Errorf("%d were done", done)
	}
	held, gate, done = make(chan struct{}), make(chan struct{}), 0
	q.add(0, func() { close(held); <-gate })
	<-held
	q.add(100<<20, func() { done++ }) // alone it is taken whatever it is
	q.finish(false, func() { done += 10 })
	close(gate)
	if owner.wait(); done != 10 {
		t.Errorf("%d were done", done)
	}
}
