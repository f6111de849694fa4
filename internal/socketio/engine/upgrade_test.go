package engine_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"cartracker/internal/socketio/engine"
)

func asSocket(query string) string { return strings.Replace(query, "polling", "websocket", 1) }

// TestUpgradeStepByStep is the upgrade of the protocol's document, with a poll
// that hangs and messages that wait.
func TestUpgradeStepByStep(t *testing.T) {
	d := open(t, engine.Config{})
	query, c := d.poll()
	s := d.dial(asSocket(query))
	hangs := d.ask(t.Context(), query)
	engine.WaitForPoll(t, c)
	s.write("2probe")
	s.want("3probe")
	if a := after(t, "an answer", hangs); a.status != 200 || a.body != "6" {
		t.Fatalf("the poll that hangs is answered %+v", a)
	}
	send(t, c, "by poll")
	d.want("GET", query, "", 200, "4by poll") // polling goes on until the upgrade
	engine.WaitForProbe(t, c)
	d.want("GET", query, "", 200, "6") // and no poll hangs for long
	send(t, c, "1", "2")
	s.write("5")
	s.want("41")
	s.want("42")
	s.write("4up")
	if m := after(t, "a message", d.told); m.text != "up" || m.via.URL.Query().Get("transport") != "websocket" {
		t.Errorf("%+v", m)
	}
	d.want("GET", query, "", 400, noRequest)
	d.want("POST", query, "4down", 400, noRequest)
	send(t, c, "3")
	s.want("43")
}

func send(t *testing.T, c *engine.Conn, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := c.Send(engine.Text([]byte(text))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestUpgradeUnderPolls upgrades a client that goes on polling. That its last
// poll ends at once is all that it gets.
func TestUpgradeUnderPolls(t *testing.T) {
	d := open(t, engine.Config{})
	query, c := d.poll()
	s := d.dial(asSocket(query))
	s.write("2probe")
	s.want("3probe")
	refused := make(chan answer, 1)
	go func() {
		for {
			a, err := d.call(t.Context(), "GET", query, "")
			if err != nil || a.status != 200 || a.body != "6" {
				refused <- a
				return
			}
		}
	}()
	engine.WaitForProbe(t, c)
	s.write("5")
	if a := after(t, "a poll is refused", refused); a.status != 400 || a.body != noRequest {
		t.Errorf("%+v", a)
	}
	send(t, c, "a")
	s.want("4a")
}

func TestSecondUpgrade(t *testing.T) {
	d := open(t, engine.Config{})
	query, c := d.poll()
	first := d.dial(asSocket(query))
	refused := func() {
		t.Helper()
		if _, res, err := d.tryDial(asSocket(query)); err == nil || res.StatusCode != 400 {
			t.Fatal(res, err)
		}
	}
	refused()
	first.write("2probe")
	refused()
	first.want("3probe")
	first.write("5")
	send(t, c, "a")
	first.want("4a")
	refused()
	send(t, c, "b")
	first.want("4b")
}

// TestFailedUpgrades tries websockets that do not become the client's; polling
// goes on. The timeout leaves a busy machine the time for what is to come before it.
func TestFailedUpgrades(t *testing.T) {
	d := openEcho(t, engine.Config{UpgradeTimeout: time.Second})
	query, c := d.poll()
	for name, fail := range map[string]func(*socket){
		"says nothing":         func(*socket) {},
		"goes after the probe": func(s *socket) { s.write("2probe"); s.want("3probe"); _ = s.conn.CloseNow() },
		"stays at the probe":   func(s *socket) { s.write("2probe"); s.want("3probe") },
		"upgrades at once":     func(s *socket) { s.write("5") },
		"sends a message":      func(s *socket) { s.write("4x") },
		"sends nonsense":       func(s *socket) { s.write("\xff") },
	} {
		s := d.dial(asSocket(query))
		fail(s)
		s.wantClosed()
		engine.WaitForNoUpgrade(t, c)
		d.want("POST", query, "4"+name, 200, "ok")
		d.want("GET", query, "", 200, "4"+name)
	}
	if n := d.server.Stats(); n.Upgrades != 0 || n.Polling != 1 {
		t.Errorf("%+v", n)
	}
	s := d.upgrade(query) // none of it was held against the client
	s.write("4x")
	s.want("4x")
}

// TestDroppedWhileUpgrading closes a session that has a websocket on its way.
func TestDroppedWhileUpgrading(t *testing.T) {
	d := open(t, engine.Config{})
	query, c := d.poll()
	s := d.dial(asSocket(query))
	s.write("2probe")
	s.want("3probe")
	c.Drop("forced close")
	s.wantClosed()
	d.wantLeft("forced close")
}

// TestClosedWhileUpgrading lets what waits go out over the new websocket.
func TestClosedWhileUpgrading(t *testing.T) {
	d := open(t, engine.Config{})
	query, c := d.poll()
	s := d.dial(asSocket(query))
	s.write("2probe")
	s.want("3probe")
	send(t, c, "last")
	c.Close("forced close")
	s.write("5")
	s.want("4last")
	s.wantClosed()
	d.wantLeft("forced close")
}

// TestServerClosesWhileUpgrading closes the server when the client has stopped
// polling and not yet said that it uses the websocket.
func TestServerClosesWhileUpgrading(t *testing.T) {
	d := open(t, engine.Config{})
	query, c := d.poll()
	s := d.dial(asSocket(query))
	s.write("2probe")
	s.want("3probe")
	closed := make(chan struct{})
	go func() { d.server.Close(); close(closed) }()
	engine.WaitForClosing(t, c)
	s.write("5")
	if code := s.wantClosed(); code != websocket.StatusGoingAway {
		t.Errorf("closed with %v", code)
	}
	after(t, "the server closes", closed)
	d.wantLeft("server shutting down")
}

// TestUpgradeUnderFire sends numbered packets both ways while a client upgrades
// as the usual one does: it stops polling and posting before it says so.
func TestUpgradeUnderFire(t *testing.T) {
	for round := range 20 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			d := open(t, engine.Config{})
			query, c := d.poll()
			f := &fire{t: t, desk: d, query: query}
			var down sync.WaitGroup
			down.Go(func() { shower(t, c) })
			f.upgrade()
			down.Wait()
			for i := range shots {
				if m := after(t, "a message", d.told); m.text != fmt.Sprint(i) {
					t.Fatalf("the server got %q, want %d", m.text, i)
				}
			}
		})
	}
}

const shots = 1500

// shower sends the client numbers, for longer than an upgrade takes.
func shower(t *testing.T, c *engine.Conn) {
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for i := range shots {
		if err := c.Send(engine.Text(fmt.Append(nil, i))); err != nil {
			t.Error(err)
			return
		}
		if i%100 == 0 {
			<-pace.C
		}
	}
}

// A fire is a client that sends and gets numbers.
type fire struct {
	t         *testing.T
	desk      *desk
	query     string
	sent, got int
}

func (f *fire) next() string {
	f.sent++
	return fmt.Sprint("4", f.sent-1)
}

func (f *fire) take(text string) {
	f.t.Helper()
	if text == "6" {
		return
	}
	if want := fmt.Sprint("4", f.got); text != want {
		f.t.Fatalf("the client got %q, want %q", text, want)
	}
	f.got++
}

func (f *fire) poll() {
	f.t.Helper()
	a := f.desk.must("GET", f.query, "")
	if a.status != 200 {
		f.t.Fatalf("%+v", a)
	}
	for text := range strings.SplitSeq(a.body, "\x1e") {
		f.take(text)
	}
}

// upgrade polls and posts until the probe is answered, and once more.
func (f *fire) upgrade() {
	f.poll()
	s := f.desk.dial(asSocket(f.query))
	s.write("2probe")
	probed := make(chan string, 1)
	go func() {
		_, data, err := s.next()
		probed <- fmt.Sprint(string(data), err)
	}()
	for answer := ""; answer == ""; {
		f.desk.want("POST", f.query, f.next()+"\x1e"+f.next(), 200, "ok")
		f.poll()
		select {
		case answer = <-probed:
			if answer != "3probe<nil>" {
				f.t.Fatal(answer)
			}
		default:
		}
	}
	s.write("5")
	var up sync.WaitGroup
	up.Go(func() {
		for f.sent < shots {
			if err := s.send(websocket.MessageText, []byte(f.next())); err != nil {
				f.t.Error(err)
				return
			}
		}
	})
	for f.got < shots {
		f.take(s.read())
	}
	up.Wait()
}
