package deploy_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
)

const (
	offices  = 16                     // addresses that requests come from
	slowly   = 800 * time.Millisecond // for a body that is sent in pieces
	pieces   = 8
	patience = 2 * time.Minute // for an answer

	// So many are under way at most: as many as one instance works on at a time. One
	// that has to share its two cores would let others wait until it refuses them, as
	// it should; the next one comes later instead.
	mostQuick = 8
	mostSlow  = 32 // of those whose body takes its time
)

// A call is a request and what became of it.
type call struct {
	method, path string
	body         []byte // of a new record
	key          string // its Idempotency-Key
	slow         bool

	due, sent, over time.Time // sent: the last byte of the body
	status          int
	id, request     string // of the record, and of the request
	err             string
}

// A traffic is requests that begin at their moments, whatever becomes of those
// before them, unless too many are under way.
type traffic struct {
	boss    *apptest.Client
	beside  int // records that somebody else made
	cars    []string
	clients []*http.Client
	slow    *http.Client

	quickOnes, slowOnes chan struct{} // one in it for each under way
	halt                chan struct{}
	flow                sync.WaitGroup

	mu       sync.Mutex
	underWay map[*call]bool
	all      []*call // that are over
}

// flowing lets so many requests a second come to a site until it is stopped.
func flowing(t *testing.T, s *site, perSecond int) *traffic {
	t.Helper()
	f := &traffic{
		boss: s.boss, halt: make(chan struct{}), underWay: map[*call]bool{},
		quickOnes: make(chan struct{}, mostQuick), slowOnes: make(chan struct{}, mostSlow),
	}
	for i := range 10 {
		f.cars = append(f.cars, s.boss.Make("/api/cars", apptest.Car(fmt.Sprintf("A12-K-34%d", i))))
	}
	for i := range offices {
		from := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(i+1))}}
		f.clients = append(f.clients, f.client(t, &http.Transport{DialContext: from.DialContext, MaxIdleConnsPerHost: 100}))
	}
	f.slow = f.client(t, &http.Transport{MaxIdleConnsPerHost: 100, WriteBufferSize: 16}) // or a body would wait to be whole
	f.flow.Go(func() { f.send(time.Second / time.Duration(perSecond)) })
	t.Cleanup(f.stop)
	return f
}

func (f *traffic) client(t *testing.T, by *http.Transport) *http.Client {
	t.Cleanup(by.CloseIdleConnections)
	return &http.Client{Transport: by, Timeout: patience}
}

// stop ends it, and waits for the last answer.
func (f *traffic) stop() {
	select {
	case <-f.halt:
	default:
		close(f.halt)
	}
	f.flow.Wait()
}

func (f *traffic) send(every time.Duration) {
	due := time.Now()
	next := time.NewTimer(0)
	defer next.Stop()
	for n := 0; ; n++ {
		select {
		case <-next.C:
		case <-f.halt:
			return
		}
		c := f.next(n)
		c.due = due // if it comes later, the time until then counts, too
		leave, ok := f.enter(c)
		if !ok {
			return
		}
		f.flow.Go(func() {
			defer leave()
			f.ask(n, c)
		})
		due = due.Add(every)
		next.Reset(time.Until(due))
	}
}

// enter waits until there is room for a call, unless the traffic is stopped before.
func (f *traffic) enter(c *call) (leave func(), ok bool) {
	room := f.quickOnes
	if c.slow {
		room = f.slowOnes
	}
	select {
	case room <- struct{}{}:
	case <-f.halt:
		return nil, false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.underWay[c] = true
	return func() {
		<-room
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.underWay, c)
		f.all = append(f.all, c)
	}, true
}

// settled waits until whatever instances may have to answer now was answered, and
// returns how much is under way then. A body that is not whole yet waits at nginx.
func (f *traffic) settled(t *testing.T) (underWay int) {
	t.Helper()
	f.mu.Lock()
	before := maps.Clone(f.underWay)
	f.mu.Unlock()
	maps.DeleteFunc(before, func(c *call, _ bool) bool { return c.slow && time.Since(c.due) < slowly })
	apptest.Until(t, "the answers to all that was under way", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		maps.DeleteFunc(before, func(c *call, _ bool) bool { return !f.underWay[c] })
		underWay = len(f.underWay)
		return len(before) == 0
	})
	return underWay
}

// next returns the call number n: of twenty, three are new records, of which two
// are sent slowly.
func (f *traffic) next(n int) *call {
	c := &call{method: "GET"}
	record := func(path string, body apptest.JSON) {
		c.method, c.path = "POST", path
		c.body, _ = json.Marshal(body) // of strings and numbers: it cannot fail
		if n/20%2 == 0 {
			c.key = fmt.Sprint("call-", n)
		}
	}
	switch n % 20 {
	case 0:
		record("/api/cars", apptest.Car(fmt.Sprintf("T%06d", n)))
		c.slow = true
	case 7:
		record("/api/cars", apptest.Car(fmt.Sprintf("T%06d", n)))
	case 13:
		record("/api/customers", apptest.Customer(fmt.Sprintf("%07d", n)))
		c.slow = true
	case 3:
		c.path = "/api/customers?limit=10"
	case 10:
		c.path = "/api/cars?limit=20"
	default:
		c.path = "/api/cars/" + f.cars[n%len(f.cars)]
	}
	return c
}

// A dripping body comes in pieces.
type dripping struct {
	rest []byte
	size int
	next <-chan time.Time
}

func (d *dripping) Read(b []byte) (int, error) {
	if len(d.rest) == 0 {
		return 0, io.EOF
	}
	<-d.next
	n := copy(b, d.rest[:min(d.size, len(d.rest))])
	d.rest = d.rest[n:]
	return n, nil
}

// ask makes a call.
func (f *traffic) ask(n int, c *call) {
	client, body := f.clients[n%offices], io.Reader(bytes.NewReader(c.body))
	if c.slow {
		every := time.NewTicker(slowly / pieces)
		defer every.Stop()
		client, body = f.slow, &dripping{c.body, len(c.body)/pieces + 1, every.C}
	}
	c.sent = c.due
	req, err := http.NewRequest(c.method, f.boss.URL()+c.path, &noting{body, &c.sent})
	if err == nil {
		req.ContentLength = int64(len(c.body))
		if c.method == "GET" {
			req.Body = nil
		}
		f.finish(c, client, req)
	} else {
		c.err = err.Error()
	}
	c.over = time.Now()
}

// A noting reader notes when it was read last.
type noting struct {
	io.Reader
	at *time.Time
}

func (n *noting) Read(b []byte) (int, error) {
	k, err := n.Reader.Read(b)
	*n.at = time.Now()
	return k, err
}

func (f *traffic) finish(c *call, client *http.Client, req *http.Request) {
	req.Header.Set("Authorization", "Bearer "+f.boss.Token)
	if c.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.key != "" {
		req.Header.Set("Idempotency-Key", c.key)
	}
	res, err := client.Do(req)
	if err != nil {
		c.err = err.Error()
		return
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	c.status, c.request = res.StatusCode, res.Header.Get("X-Request-Id")
	if err != nil {
		c.err = err.Error()
	} else if !c.well() {
		c.err = string(text)
	} else if c.method == "POST" {
		c.id = apptest.Response{Body: text}.Text("data.id")
	}
}

// more waits until so many more calls were answered.
func (f *traffic) more(t *testing.T, calls int) {
	t.Helper()
	answered := func() int {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.all)
	}
	before := answered()
	apptest.Until(t, fmt.Sprintf("%d more answers", calls), func() bool { return answered() >= before+calls })
}

// well reports whether the answer is the one that is expected.
func (c *call) well() bool {
	want := http.StatusOK
	if c.method == "POST" {
		want = http.StatusCreated
	}
	return c.status == want && c.err == ""
}

// took is how long the answer was waited for.
func (c *call) took() time.Duration { return c.over.Sub(c.sent) }

func (c *call) String() string {
	return fmt.Sprintf("%s %s (due %s, sent after %s, over after %s, slowly %t, request %s): %d %s",
		c.method, c.path, c.due.Format("15:04:05.000"), c.sent.Sub(c.due), c.over.Sub(c.due), c.slow, c.request, c.status, c.err)
}

// failed returns the calls that did not go well.
func (f *traffic) failed() (out []*call) {
	for _, c := range f.all {
		if !c.well() {
			out = append(out, c)
		}
	}
	return out
}

// kinds tells how many calls failed in which way.
func kinds(failed []*call) map[string]int {
	out := map[string]int{}
	for _, c := range failed {
		code := apptest.Response{Body: []byte(c.err)}.Text("code")
		out[fmt.Sprintf("%s %d %s", c.method, c.status, code)]++
	}
	return out
}

// times tells how many calls there were and how long they took, in words.
func times(calls []*call) string {
	var took []time.Duration
	slow := 0
	for _, c := range calls {
		took = append(took, c.took())
		if c.slow {
			slow++
		}
	}
	slices.Sort(took)
	at := func(part float64) time.Duration {
		return took[int(part*float64(len(took)-1))].Round(100 * time.Microsecond)
	}
	return fmt.Sprintf("%d requests, %d with a slow body: p50 %s, p99 %s, longest %s", len(took), slow, at(.5), at(.99), at(1))
}

// checkKept checks that what was acknowledged is there, that what was not can be
// sent again, and that all is there once then.
func (f *traffic) checkKept(t *testing.T, s *site) {
	t.Helper()
	posted := 0
	for _, c := range f.all {
		if c.method != "POST" {
			continue
		}
		posted++
		if c.well() {
			continue
		}
		res := s.boss.Do("POST", c.path, string(c.body), "Content-Type: application/json", "Idempotency-Key: "+c.key)
		if res.Status != http.StatusCreated && !(c.key == "" && res.Status == http.StatusConflict) {
			t.Errorf("sent again, %s\nis answered %s", c, res)
		}
	}
	s.place.Look(t, func(raw *sql.DB) {
		stored := ids(t, raw)
		for _, c := range f.all {
			if c.id != "" && !stored[c.id] {
				t.Errorf("lost: %s", c)
			}
		}
		if want := posted + len(f.cars) + f.beside; len(stored) != want {
			t.Errorf("there are %d records of %d", len(stored), want)
		}
		apptest.CheckDatabase(t, raw)
		apptest.CheckBooks(t, raw, apptest.Day(time.Now(), 0))
	})
}

// ids returns the ids of all cars and customers.
func ids(t *testing.T, raw *sql.DB) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	rows, err := raw.Query("SELECT id FROM cars UNION ALL SELECT id FROM customers")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		out[id] = true
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
