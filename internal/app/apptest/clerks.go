package apptest

import (
	"database/sql"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"
)

// Clerks make customers and contracts at the same time for as long as the
// program lets them, and remember every write that was acknowledged.
type Clerks struct {
	cars []string
	day  func(n int) string

	mu     sync.Mutex
	next   int
	acked  map[string]*write // by id
	unsure []*write          // sent, and never acknowledged
	failed []error           // why not

	news chan struct{} // one for each acknowledgment
}

// A write is a record that somebody posts under a key, so that it can be
// posted again, and changes later.
type write struct {
	key, path string
	body      JSON
	id        string
	version   int
	changing  bool // a change was sent, and not acknowledged yet
}

// NewClerks returns clerks with some cars, which boss buys.
func NewClerks(boss *Client) *Clerks {
	now := time.Now()
	k := &Clerks{day: func(n int) string { return Day(now, n) }, acked: map[string]*write{}, news: make(chan struct{}, 1<<16)}
	for i := range 10 {
		k.cars = append(k.cars, boss.Make("/api/cars", Car(fmt.Sprintf("A12-K-34%d", i))))
	}
	return k
}

// Write lets n clerks write until the program fails them all. Once so many
// writes were acknowledged, it calls then.
func (k *Clerks) Write(t testing.TB, c *Client, n, acknowledged int, then func()) {
	t.Helper()
	for len(k.news) > 0 {
		<-k.news
	}
	var all sync.WaitGroup
	for range n {
		all.Go(func() { k.work(c) })
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		all.Wait()
	}()
	for i := range acknowledged {
		select {
		case <-k.news:
		case <-gone:
			t.Fatalf("the clerks stopped after %d writes: %v", i, k.failed)
		}
	}
	then()
	<-gone
}

// work writes until it fails.
func (k *Clerks) work(c *Client) {
	for {
		k.mu.Lock()
		n := k.next
		k.next++
		k.mu.Unlock()
		customer := &write{key: fmt.Sprint("customer-", n), path: "/api/customers", body: Customer(fmt.Sprintf("%07d", n))}
		if !k.post(c, customer) {
			return
		}
		start := 2 + 4*(n/len(k.cars)) // each contract has four days of its own
		contract := &write{
			key: fmt.Sprint("contract-", n), path: "/api/contracts",
			body: Contract(k.cars[n%len(k.cars)], customer.id, k.day(start), k.day(start+2)),
		}
		if !k.post(c, contract) || n%2 == 0 && !k.change(c, contract, JSON{"endDate": k.day(start + 4)}) {
			return
		}
	}
}

// post sends a new record and reports whether it was acknowledged.
func (k *Clerks) post(c *Client, w *write) bool {
	res, err := c.Try("POST", w.path, w.body, "Idempotency-Key: "+w.key)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil || res.Status != http.StatusCreated {
		k.unsure = append(k.unsure, w)
		k.failed = append(k.failed, failure(res, err))
		return false
	}
	w.id, w.version = res.Text("data.id"), 1
	k.acked[w.id] = w
	k.news <- struct{}{}
	return true
}

// change sends a change of a record and reports whether it was acknowledged.
func (k *Clerks) change(c *Client, w *write, body JSON) bool {
	w.changing = true
	res, err := c.Try("PATCH", w.path+"/"+w.id, body)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil || res.Status != http.StatusOK {
		k.failed = append(k.failed, failure(res, err))
		return false
	}
	w.changing, w.version = false, w.version+1
	k.news <- struct{}{}
	return true
}

// A Refused says that the program answered, but not with success.
type Refused struct{ Response }

func (r Refused) Error() string { return r.String() }

func failure(res Response, err error) error {
	if err != nil {
		return err
	}
	return Refused{res}
}

// Failures returns why writes were not acknowledged since it was asked last.
func (k *Clerks) Failures() []error {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := k.failed
	k.failed = nil
	return out
}

// Acknowledged returns how many records were acknowledged.
func (k *Clerks) Acknowledged() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.acked)
}

// Stored checks that all that was acknowledged is in the database, in the
// version that was acknowledged, and nothing that was never sent.
func (k *Clerks) Stored(t testing.TB, raw *sql.DB) {
	t.Helper()
	stored := map[string]int{}
	for _, table := range []string{"customers", "contracts"} {
		for _, line := range texts(t, raw, "SELECT id || ' ' || version FROM "+table) {
			var id string
			var version int
			if _, err := fmt.Sscan(line, &id, &version); err != nil {
				t.Fatal(err)
			}
			stored[id] = version
		}
	}
	for id, w := range k.acked {
		got := stored[id]
		if got != w.version && !(w.changing && got == w.version+1) {
			t.Errorf("lost: %s was acknowledged as version %d of %s, and is there as %d", w.key, w.version, id, got)
		}
		w.version, w.changing = max(got, w.version), false
	}
	if most := len(k.acked) + len(k.unsure); len(stored) > most {
		t.Errorf("there are %d records, and %d were sent", len(stored), most)
	}
}

// Resume sends again what was never acknowledged. Afterwards all that was ever
// sent is there, once.
func (k *Clerks) Resume(t testing.TB, c *Client, raw *sql.DB) {
	t.Helper()
	again := k.unsure
	k.unsure = nil
	for _, w := range again {
		if !k.post(c, w) {
			t.Fatalf("%s cannot be sent again: %v", w.key, k.Failures())
		}
	}
	k.Stored(t, raw)
	if there := texts(t, raw, "SELECT CAST((SELECT COUNT(*) FROM customers) + (SELECT COUNT(*) FROM contracts) AS TEXT)"); there[0] != strconv.Itoa(len(k.acked)) {
		t.Errorf("there are %s records, and %d were acknowledged", there[0], len(k.acked))
	}
}

// Versions returns which records were acknowledged so far, and in which version.
func (k *Clerks) Versions() map[string]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := map[string]int{}
	for id, w := range k.acked {
		out[id] = w.version
	}
	return out
}

// Clone returns clerks who remember the same, for a copy of the database.
func (k *Clerks) Clone() *Clerks {
	k.mu.Lock()
	defer k.mu.Unlock()
	out := &Clerks{cars: k.cars, day: k.day, next: k.next, acked: map[string]*write{}, news: make(chan struct{}, cap(k.news))}
	for id, w := range k.acked {
		one := *w
		out.acked[id] = &one
	}
	for _, w := range k.unsure {
		one := *w
		out.unsure = append(out.unsure, &one)
	}
	return out
}
