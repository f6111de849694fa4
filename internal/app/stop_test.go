package app_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/testdb"
)

// A wire is a connection past any HTTP client, which would hide what becomes of it.
type wire struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dial(t *testing.T, c *apptest.Client) *wire {
	t.Helper()
	u, err := url.Parse(c.URL())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &wire{t, conn, bufio.NewReader(conn)}
}

func (w *wire) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w.conn, text); err != nil {
		w.t.Error(err)
	}
}

// answer reads one, with its body.
func (w *wire) answer() *http.Response {
	w.t.Helper()
	res, err := http.ReadResponse(w.in, nil)
	if err != nil {
		w.t.Fatalf("no answer: %v", err)
	}
	_, err = io.Copy(io.Discard, res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		w.t.Errorf("half an answer: %v", err)
	}
	return res
}

// ended reports whether the program closed the connection.
func (w *wire) ended() bool {
	_, err := w.in.ReadByte()
	return err == io.EOF
}

const get = "GET %s HTTP/1.1\r\nHost: x\r\n\r\n"

// postSlowly begins to post a car, whose body takes 800 ms, and returns once the
// program waits for it. Finish sends it.
func postSlowly(t *testing.T, c *apptest.Client, plate string) (w *wire, finish func()) {
	t.Helper()
	body, err := json.Marshal(apptest.Car(plate))
	if err != nil {
		t.Fatal(err)
	}
	w = dial(t, c)
	w.send(fmt.Sprintf("POST /api/cars HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", c.Token, len(body)))
	if res := w.answer(); res.StatusCode != http.StatusContinue {
		t.Fatalf("%s: %d before its body came", plate, res.StatusCode)
	}
	return w, func() {
		const pieces = 8
		every := time.NewTicker(100 * time.Millisecond)
		defer every.Stop()
		size := len(body)/pieces + 1
		for piece := range slices.Chunk(body, size) {
			<-every.C
			w.send(string(piece))
		}
	}
}

// A stop is noticed by nobody who is served: what is under way and what comes in
// the last moment is answered, and asks clients to leave.
func TestStopUnnoticed(t *testing.T) {
	t.Parallel()
	apptest.EachSite(t, func(t *testing.T, s *apptest.Site) {
		s.AddUser(t, "amra", record.Admin)
		p := s.Serve(t)
		boss := p.Nobody.SignIn("amra")
		idle, polled := dial(t, boss), dial(t, boss)
		idle.send(fmt.Sprintf(get, "/health/ready"))
		if res := idle.answer(); res.StatusCode != http.StatusOK || res.Close {
			t.Fatalf("ready: %d, closes %t", res.StatusCode, res.Close)
		}
		socket := boss.Connect()
		path := "/socket.io/?EIO=4&transport=polling&sid=" + poll(t, boss)
		if res := boss.Do("POST", path, `40{"token":"`+boss.Token+`"}`, "Content-Type: text/plain"); res.Status != http.StatusOK {
			t.Fatal(res)
		}
		boss.Do("GET", path, nil)
		polled.send(fmt.Sprintf(get, path))
		early, finishEarly := postSlowly(t, boss, "EARLY 1")

		wait := p.Terminate(t)
		apptest.Until(t, "the beginning of the stop", func() bool { return strings.Contains(p.Output(), "stopping: ready") })
		late, finishLate := postSlowly(t, boss, "LATE 1")
		fresh := dial(t, boss)
		fresh.send(fmt.Sprintf(get, "/health/ready"))
		if res := fresh.answer(); res.StatusCode != http.StatusServiceUnavailable || !res.Close || !fresh.ended() {
			t.Errorf("ready meanwhile: %d, closes %t", res.StatusCode, res.Close)
		}
		idle.send(fmt.Sprintf(get, "/health"))
		if res := idle.answer(); res.StatusCode != http.StatusOK || !res.Close || !idle.ended() {
			t.Errorf("a connection that was idle: %d, closes %t", res.StatusCode, res.Close)
		}
		apptest.Together(2, func(i int) { []func(){finishEarly, finishLate}[i]() })
		for name, w := range map[string]*wire{"early": early, "late": late} {
			if res := w.answer(); res.StatusCode != http.StatusCreated || !res.Close {
				t.Errorf("the %s request: %d, closes %t", name, res.StatusCode, res.Close)
			}
		}
		if byPacket, ended := socket.Ends(within); byPacket || !ended {
			t.Errorf("the socket: ended %t, by a packet %t", ended, byPacket)
		}
		if res := polled.answer(); res.StatusCode != http.StatusOK || !res.Close {
			t.Errorf("the poll: %d, closes %t", res.StatusCode, res.Close)
		}
		if code := wait(); code != 0 {
			t.Errorf("ended with %d:\n%s", code, p.Output())
		}
		if !refuses(boss) {
			t.Error("connections are accepted after the end")
		}
		checkSteps(t, p.Output(), ofServing...)
		p = s.Serve(t)
		if res := p.As(boss).Do("GET", "/api/cars?q=1", nil); res.Len("data") != 2 {
			t.Errorf("not both cars: %s", res)
		}
	}, "STOP_WINDOW=1500ms")
}

// Whoever the kernel has let in before the listener is closed is served, though
// the program had no time to accept them. Here it was frozen meanwhile.
func TestStopServesWhoWaits(t *testing.T) {
	t.Parallel()
	const callers, times = 100, 5
	s := apptest.NewSite(t, t.TempDir(), "")
	s.AddUser(t, "amra", record.Admin)
	var boss *apptest.Client
	for n := range times {
		p := s.Serve(t)
		if boss == nil {
			boss = p.Nobody.SignIn("amra")
		}
		boss = p.As(boss)
		p.Stop(t)
		waiting := make([]*wire, callers)
		for i := range waiting {
			waiting[i] = dial(t, boss)
			waiting[i].send(fmt.Sprintf(get, "/health"))
		}
		wait := p.Terminate(t)
		p.Continue(t)
		for i, w := range waiting {
			if res := w.answer(); res.StatusCode != http.StatusOK {
				t.Errorf("stop %d, caller %d: %s", n, i, res.Status)
			}
		}
		if code := wait(); code != 0 {
			t.Errorf("ended with %d:\n%s", code, p.Output())
		}
	}
}

var ofServing = []string{"ready", "last connections", "listener", "sockets", "requests", "jobs", "parts", "database", "private listener", "telemetry"}

var stepLine = regexp.MustCompile(`"msg":"stopping: ([^"]+)","ms":[\d.]+\}|msg="stopping: ([^"]+)" ms=[\d.]+\n`)

// checkSteps fails unless the log has exactly these steps in this order, each
// with its time.
func checkSteps(t *testing.T, log string, want ...string) {
	t.Helper()
	var got []string
	for _, m := range stepLine.FindAllStringSubmatch(log, -1) {
		got = append(got, m[1]+m[2])
	}
	if !slices.Equal(got, want) {
		t.Errorf("the steps were %q, want %q:\n%s", got, want, log)
	}
}

// The order is the same whatever is there to be stopped.
func TestStopOrder(t *testing.T) {
	t.Parallel()
	shared := redistest.New(t, redistest.Options{}).URL()
	db := testdb.MigratedPostgres(t).URL
	for name, c := range map[string]struct {
		site *apptest.Site
		work bool
		want []string
	}{
		"alone":           {apptest.NewSite(t, t.TempDir(), ""), false, ofServing},
		"with Redis":      {apptest.NewSite(t, t.TempDir(), db, "REDIS_URL="+shared), false, slices.Insert(slices.Clone(ofServing), 8, "Redis")},
		"a worker":        {apptest.NewSite(t, t.TempDir(), "", "BASE_URL=http://127.0.0.1:5000"), true, []string{"jobs", "parts", "database", "private listener", "telemetry"}},
		"one with others": {apptest.NewSite(t, t.TempDir(), db, "REDIS_URL="+shared, "BASE_URL=http://127.0.0.1:5000"), true, []string{"jobs", "parts", "database", "Redis", "private listener", "telemetry"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var p *apptest.Process
			if c.work {
				p = c.site.Work(t)
			} else {
				p = c.site.Serve(t)
			}
			if code := p.Terminate(t)(); code != 0 {
				t.Errorf("ended with %d:\n%s", code, p.Output())
			}
			checkSteps(t, p.Output(), c.want...)
		})
	}
}
