package engine_test

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"cartracker/internal/socketio/engine"
)

const (
	pieces    = 200 // of pieceSize: more than the buffers of the system take
	pieceSize = 60_000
)

// fill sends a client who does not read more than can be on its way.
func fill(t *testing.T, c *engine.Conn) {
	t.Helper()
	for i := range pieces {
		text := fmt.Sprintf("%03d%s", i, strings.Repeat("x", pieceSize-3))
		if err := c.Send(engine.Text([]byte(text))); err != nil {
			t.Fatal(err)
		}
	}
}

// roomy lets everything wait that fill sends.
func roomy() engine.Config {
	return engine.Config{MaxWaiting: 2 * pieces * pieceSize, WriteTimeout: patience}
}

// TestStandstill asks for a pong while a frame has gone in part: that comes
// between frames and not inside of one, and all frames come in order.
func TestStandstill(t *testing.T) {
	d := open(t, roomy())
	conn, r := d.dialRaw()
	c := <-d.came
	fill(t, c)
	if _, err := conn.Write(frame(pingFrame, "beat")); err != nil {
		t.Fatal(err)
	}
	if err := c.Send(engine.Binary([]byte("last"))); err != nil {
		t.Fatal(err)
	}
	pongs, last := wantPieces(t, r), 0
	for pongs+last < 2 {
		switch kind, text := readFrame(t, r); {
		case kind == pongFrame && text == "beat" && pongs == 0:
			pongs++
		case kind == 0x82 && text == "last" && last == 0:
			last++
		default:
			t.Fatalf("%x %.10q is too much", kind, text)
		}
	}
	engine.WaitForIdle(t, c)
	if n := engine.Waiting(c); n != 0 {
		t.Errorf("%d bytes still wait", n)
	}
}

// wantPieces reads what fill sent, and counts the pongs between.
func wantPieces(t *testing.T, r *bufio.Reader) (pongs int) {
	t.Helper()
	for i := 0; i < pieces; {
		kind, text := readFrame(t, r)
		switch {
		case kind == pongFrame && text == "beat":
			pongs++
		case kind != textFrame || len(text) != 1+pieceSize || text[:4] != fmt.Sprintf("4%03d", i):
			t.Fatalf("piece %d is %x %.10q of %d bytes", i, kind, text, len(text))
		default:
			i++
		}
	}
	return pongs
}

// TestStuckClientsHoldUpNobody has more clients who take nothing than there are
// goroutines that write in turn.
func TestStuckClientsHoldUpNobody(t *testing.T) {
	d := open(t, roomy())
	bystander, steady := d.connect()
	for range 2*runtime.GOMAXPROCS(0) + 1 {
		_, stuck := d.connect()
		fill(t, stuck)
	}
	for i := range 100 {
		if err := steady.Send(engine.Text(fmt.Append(nil, i)), engine.Binary([]byte{byte(i)})); err != nil {
			t.Fatal(err)
		}
		bystander.want(fmt.Sprint("4", i))
		bystander.want(string([]byte{byte(i)}))
	}
}

// TestEncrypted sends over TLS, past which nothing may be written.
func TestEncrypted(t *testing.T) {
	came := make(chan *engine.Conn, 1)
	s := engine.NewServer(engine.Config{}, func(c *engine.Conn) engine.Handler {
		came <- c
		return guest{desk: &desk{left: make(chan string, 1)}, conn: c}
	})
	web := httptest.NewTLSServer(s)
	t.Cleanup(func() {
		s.Close()
		web.Client().Transport.(*http.Transport).CloseIdleConnections()
		web.Close()
	})
	d := &desk{t: t, url: web.URL + "/socket.io/", client: web.Client()}
	client := d.dial("EIO=4&transport=websocket")
	decodeGreeting(t, client.read())
	c := <-came
	for i := range 100 {
		if err := c.Send(engine.Text(fmt.Append(nil, i)), engine.Binary(binary.BigEndian.AppendUint16(nil, uint16(i)))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 100 {
		client.want(fmt.Sprint("4", i))
		client.want(string(binary.BigEndian.AppendUint16(nil, uint16(i))))
	}
}

// TestManyClients sends to many at a time: each gets all, in order.
func TestManyClients(t *testing.T) {
	d := open(t, engine.Config{})
	const clients, frames = 50, 100
	sockets, conns := make([]*socket, clients), make([]*engine.Conn, clients)
	for i := range clients {
		sockets[i], conns[i] = d.connect()
	}
	for i := range frames {
		f := engine.Text(fmt.Append(nil, i))
		for _, c := range conns {
			if err := c.Send(f); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, s := range sockets {
		for i := range frames {
			s.want(fmt.Sprint("4", i))
		}
	}
	for _, c := range conns {
		engine.WaitForIdle(t, c)
	}
}
