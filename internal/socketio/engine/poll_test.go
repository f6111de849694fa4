package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cartracker/internal/socketio/engine"
)

// beginPost sends half a POST.
func (d *desk) beginPost(query string) net.Conn {
	d.t.Helper()
	host := strings.TrimSuffix(strings.TrimPrefix(d.url, "http://"), "/socket.io/")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = conn.Close() })
	if _, err := fmt.Fprintf(conn, "POST /socket.io/?%s HTTP/1.1\r\nHost: %s\r\nContent-Length: 100\r\n\r\n4half", query, host); err != nil {
		d.t.Fatal(err)
	}
	return conn
}

// ask polls aside.
func (d *desk) ask(ctx context.Context, query string) <-chan answer {
	c := make(chan answer, 1)
	go func() {
		a, err := d.call(ctx, "GET", query, "")
		if err != nil {
			a.body = err.Error()
		}
		c <- a
	}()
	return c
}

func TestPollWaits(t *testing.T) {
	d := open(t, engine.Config{})
	query, c := d.poll()
	answered := d.ask(t.Context(), query)
	engine.WaitForPoll(t, c)
	if err := c.Send(engine.Text([]byte("a")), engine.Binary([]byte{0xff}), engine.Text([]byte("b"))); err != nil {
		t.Fatal(err)
	}
	if a := after(t, "an answer", answered); a.status != 200 || a.body != "4a\x1eb/w==\x1e4b" {
		t.Errorf("%+v", a)
	}
}

func TestTwoPolls(t *testing.T) {
	d := open(t, engine.Config{})
	query, c := d.poll()
	first := d.ask(t.Context(), query)
	engine.WaitForPoll(t, c)
	d.want("GET", query, "", 400, noRequest)
	if a := after(t, "an answer", first); a.status != 200 || a.body != "1" {
		t.Errorf("the first poll is answered %+v", a)
	}
	d.wantLeft("transport error")
	d.want("GET", query, "", 400, noSession)
}

func TestTwoPosts(t *testing.T) {
	d := open(t, engine.Config{})
	query, c := d.poll()
	first := d.beginPost(query)
	engine.WaitForPost(t, c)
	d.want("POST", query, "4whole", 400, noRequest)
	if res, err := http.ReadResponse(bufio.NewReader(first), nil); err != nil || res.StatusCode != 400 {
		t.Errorf("the first POST is answered %+v, %v", res, err)
	}
	d.wantLeft("transport error")
	if len(d.told) != 0 {
		t.Errorf("the handler was told %+v", <-d.told)
	}
}

func TestCloseByClient(t *testing.T) {
	d := open(t, engine.Config{})
	query, c := d.poll()
	answered := d.ask(t.Context(), query)
	engine.WaitForPoll(t, c)
	d.want("POST", query, "1", 200, "ok")
	if a := after(t, "an answer", answered); a.status != 200 || a.body != "6" {
		t.Errorf("the poll is answered %+v", a)
	}
	d.wantLeft("transport close")
	d.want("GET", query, "", 400, noSession)
}

// TestPollsGivenUp gives up one poll after the other; nothing is lost.
func TestPollsGivenUp(t *testing.T) {
	d := open(t, engine.Config{})
	query, c := d.poll()
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		given := d.ask(ctx, query)
		engine.WaitForPoll(t, c)
		cancel()
		after(t, "the poll is given up", given)
		engine.WaitForNoPoll(t, c)
	}
	if err := c.Send(engine.Text([]byte("kept"))); err != nil {
		t.Fatal(err)
	}
	d.want("GET", query, "", 200, "4kept")
}

// TestUnwritten polls through a connection that breaks under the answer.
func TestUnwritten(t *testing.T) {
	d := open(t, engine.Config{})
	query, c := d.poll()
	if err := c.Send(engine.Text([]byte("a")), engine.Text([]byte("b"))); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), "GET", "/?"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.server.ServeHTTP(broken{http.Header{}}, r)
	if err := c.Send(engine.Text([]byte("c"))); err != nil {
		t.Fatal(err)
	}
	d.want("GET", query, "", 200, "4a\x1e4b\x1e4c")
	engine.WaitForNoPoll(t, c)
	if n := engine.Waiting(c); n != 0 {
		t.Errorf("%d bytes wait for who has taken all", n)
	}
}

// broken is the response of a connection that is gone.
type broken struct{ header http.Header }

func (b broken) Header() http.Header         { return b.header }
func (b broken) Write(p []byte) (int, error) { return 0, io.ErrClosedPipe }
func (b broken) WriteHeader(int)             {}

// A gate is the response of a connection that takes its time.
type gate struct {
	broken
	open chan error
	body *strings.Builder
}

func (g gate) Write(p []byte) (int, error) {
	g.body.Write(p)
	return len(p), <-g.open
}

// answerSlowly begins to answer a poll with what waits.
func (d *desk) answerSlowly(query string, c *engine.Conn) (g gate, done chan struct{}) {
	d.t.Helper()
	engine.WaitForNoPoll(d.t, c) // that of the handshake
	r, err := http.NewRequestWithContext(d.t.Context(), "GET", "/?"+query, nil)
	if err != nil {
		d.t.Fatal(err)
	}
	g, done = gate{broken{http.Header{}}, make(chan error), &strings.Builder{}}, make(chan struct{})
	go func() { d.server.ServeHTTP(g, r); close(done) }()
	engine.WaitForAnswer(d.t, c)
	return g, done
}

// TestEarlyPoll polls again before the server knows how its answer went: that
// is no second poll at the same time, and it gets what comes next.
func TestEarlyPoll(t *testing.T) {
	d := open(t, engine.Config{})
	for _, c := range []struct {
		result error
		want   string
	}{{nil, "4b"}, {io.ErrClosedPipe, "4a\x1e4b"}} {
		query, conn := d.poll()
		send(t, conn, "a")
		g, done := d.answerSlowly(query, conn)
		send(t, conn, "b")
		early := d.ask(t.Context(), query)
		g.open <- c.result
		if a := after(t, "an answer", early); a.status != 200 || a.body != c.want {
			t.Errorf("after %v: %+v", c.result, a)
		}
		<-done
		if g.body.String() != "4a" {
			t.Errorf("answered %q", g.body)
		}
	}
}

// TestUpgradeDuringAnswer lets a websocket take over while a poll is answered:
// what the answer has is not sent again, unless it fails, and then it comes first.
func TestUpgradeDuringAnswer(t *testing.T) {
	d := open(t, engine.Config{})
	for _, c := range []struct {
		result error
		want   []string
	}{{nil, []string{"4b"}}, {io.ErrClosedPipe, []string{"4a", "4b"}}} {
		query, conn := d.poll()
		send(t, conn, "a")
		g, done := d.answerSlowly(query, conn)
		s := d.upgrade(query)
		engine.WaitForUpgrade(t, conn)
		send(t, conn, "b")
		g.open <- c.result
		for _, text := range c.want {
			s.want(text)
		}
		<-done
	}
}

// TestAnswersAreBounded polls more than one answer may hold.
func TestAnswersAreBounded(t *testing.T) {
	d := open(t, engine.Config{MaxPayload: 100})
	query, c := d.poll()
	var want, got []string
	for i := range 20 {
		want = append(want, strings.Repeat(string(rune('a'+i)), 7*i))
	}
	want = append(want, strings.Repeat("z", 500)) // alone, whatever its size
	for _, text := range want {
		if err := c.Send(engine.Text([]byte(text))); err != nil {
			t.Fatal(err)
		}
	}
	for len(got) < len(want) {
		a := d.must("GET", query, "")
		if len(a.body) > 100 && strings.Contains(a.body, "\x1e") {
			t.Errorf("an answer has %d bytes", len(a.body))
		}
		for text := range strings.SplitSeq(a.body, "\x1e") {
			got = append(got, strings.TrimPrefix(text, "4"))
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// TestSlowServer polls longer than the server's own deadlines.
func TestSlowServer(t *testing.T) {
	d := open(t, engine.Config{})
	query, c := d.poll()
	const limit = 500 * time.Millisecond // for the request to come on a busy machine
	web := &http.Server{Handler: d.server, ReadTimeout: limit, WriteTimeout: limit, ReadHeaderTimeout: limit}
	listen := listenOn(t)
	served := make(chan error, 1)
	go func() { served <- web.Serve(listen) }()
	d.url = "http://" + listen.Addr().String() + "/"
	answered := d.ask(t.Context(), query)
	engine.WaitForPoll(t, c)
	select {
	case a := <-answered:
		t.Errorf("the poll ended with %+v", a)
	case <-time.After(2 * limit):
	}
	if err := c.Send(engine.Text([]byte("late"))); err != nil {
		t.Fatal(err)
	}
	if a := after(t, "an answer", answered); a.body != "4late" {
		t.Errorf("%+v", a)
	}
	if err := web.Close(); err != nil {
		t.Error(err)
	}
	<-served
}
