package deploy_test

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/socketio/nodetest"
)

const (
	stopTime = 10 * time.Second // within which an instance with sockets has ended
	moveTime = 3 * time.Second  // within which clients are connected elsewhere
)

// A hundred real clients of one address, which are at one instance, are told of
// every change while that instance is stopped, and are at the other one soon; and
// the same the other way round, when the first is back.
func TestFaultSocketsMove(t *testing.T) {
	if os.Getenv("TEST_FAULTS") == "" {
		t.Skip("TEST_FAULTS is not set; see make test-faults")
	}
	const clients, users = 100, 10 // a user has 20 sockets at most
	node := nodetest.Start(t)
	p := beginPair(t, withRedis(t))
	ways := []nodetest.Options{{}, {Transports: []string{"websocket"}}, {Transports: []string{"polling"}}}
	var all, polling, rest []*nodetest.Client
	for i, who := range p.staff(t, users) {
		for j := range clients / users {
			o := ways[(i+j)%3]
			o.Auth, o.Usual = apptest.JSON{"token": who.Token}, true
			c := node.Watch(p.nginx.URL(), "cars", o)
			c.Connected()
			if all = append(all, c); (i+j)%3 == 2 {
				polling = append(polling, c)
			} else {
				rest = append(rest, c)
			}
		}
	}
	writing := p.drive(t, 20)
	i := p.holder(t)
	for round, leaves := range [][]*nodetest.Client{all, rest} {
		p.leave(t, (i+round)%2)
		moved(t, leaves, round)
		if round == 0 { // it comes back, and nginx sends those who poll to it again
			p.back(t, i)
			moved(t, polling, round)
		}
	}
	last := writing()
	changes := p.numbers(t, "SELECT seq FROM changes WHERE topic = 'cars' ORDER BY seq")
	var absences []time.Duration
	for i, c := range all {
		c.Reach(last)
		story := c.Told()
		knows(t, i, story, changes)
		absences = append(absences, away(t, i, story)...)
	}
	slices.Sort(absences)
	n := len(absences)
	t.Logf("%d absences: p50 %s, p95 %s, longest %s", n, absences[n/2], absences[n*95/100], absences[n-1])
	if want := clients + len(rest) + len(polling); n != want {
		t.Errorf("clients were away %d times, and not %d", n, want)
	}
	if most := absences[n-1]; most > moveTime && !apptest.Raced() {
		t.Errorf("a client was away for %s", most)
	}
}

// leave tells an instance that has sockets to end.
func (p *pair) leave(t *testing.T, i int) {
	t.Helper()
	began := time.Now()
	if code := p.at(i).Terminate(t)(); code != 0 || time.Since(began) > stopTime {
		t.Errorf("the instance ended with %d after %s:\n%s", code, time.Since(began), p.at(i).Output())
	}
	t.Logf("the instance ended after %s", time.Since(began).Round(10*time.Millisecond))
}

// moved waits until clients were disconnected and have come back.
func moved(t *testing.T, clients []*nodetest.Client, round int) {
	t.Helper()
	for i, c := range clients {
		if why := c.Disconnected(); why == "io server disconnect" {
			t.Errorf("round %d: client %d was told not to come back", round, i)
		}
		c.Connected()
	}
}

// staff makes so many employees and signs them in.
func (p *pair) staff(t *testing.T, n int) (all []*apptest.Client) {
	t.Helper()
	for i := range n {
		name := fmt.Sprint("clerk", i)
		p.boss.Make("/api/users", apptest.JSON{"username": name, "email": name + "@example.com", "password": apptest.Password, "role": "employee"})
		all = append(all, apptest.At(t, p.nginx.URL()).SignIn(name))
	}
	return all
}

// holder returns which instance has the sockets of this address.
func (p *pair) holder(t *testing.T) int {
	t.Helper()
	if regexp.MustCompile(polled + `"` + regexp.QuoteMeta(addr(p.one)) + `"`).MatchString(p.logged(t, polled, 1)) {
		return 0
	}
	return 1
}

// knows says that a client was told once of each change since it first came, or to
// read everything again.
func knows(t *testing.T, client int, s nodetest.Story, changes []int64) {
	t.Helper()
	for _, seq := range changes {
		again := slices.ContainsFunc(s.Again, func(a [2]int64) bool { return a[0] < seq && seq <= a[1] })
		if seq > s.From && !again && !slices.Contains(s.Seqs, seq) {
			t.Errorf("client %d was not told of change %d: %+v", client, seq, s)
		}
	}
	for i := 1; i < len(s.Seqs); i++ {
		if s.Seqs[i] <= s.Seqs[i-1] {
			t.Errorf("client %d was told of %d after %d", client, s.Seqs[i], s.Seqs[i-1])
		}
	}
	if len(s.Again) > 0 {
		t.Logf("client %d was told to read everything again: %v", client, s.Again)
	}
}

// away returns how long a client was away each time.
func away(t *testing.T, client int, s nodetest.Story) (absences []time.Duration) {
	t.Helper()
	for _, a := range s.Absences {
		absences = append(absences, a.Took())
		if a.Tries > 1 {
			t.Logf("client %d came back with try %d, after %s", client, a.Tries, a.Took())
		}
	}
	return absences
}

// drive changes the mileage of cars so many times a second, by nginx, and each
// change must be made. The end returns the number of the last one.
func (p *pair) drive(t *testing.T, perSecond int) (end func() int64) {
	t.Helper()
	var cars []string
	for i := range 5 {
		cars = append(cars, p.boss.Make("/api/cars", apptest.Car(fmt.Sprintf("A%02d-K-345", i))))
	}
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		tick := time.NewTicker(time.Second / time.Duration(perSecond))
		defer tick.Stop()
		for km := 1; ; km++ {
			select {
			case <-tick.C:
			case <-stop:
				return
			}
			if res := p.boss.Do("PATCH", "/api/cars/"+cars[km%len(cars)]+"/mileage", apptest.JSON{"mileage": km}); res.Status != 200 {
				t.Errorf("change %d: %s", km, res)
			}
		}
	})
	return func() int64 {
		close(stop)
		writer.Wait()
		return p.numbers(t, "SELECT MAX(seq) FROM changes WHERE topic = 'cars'")[0]
	}
}
