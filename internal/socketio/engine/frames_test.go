package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"cartracker/internal/socketio/engine"
)

// dialRaw opens a websocket without a library, whose frames are the test's own.
// It sends first together with the request.
func (d *desk) dialRaw(first ...byte) (net.Conn, *bufio.Reader) {
	d.t.Helper()
	host := strings.TrimSuffix(strings.TrimPrefix(d.url, "http://"), "/socket.io/")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		d.t.Fatal(err)
	}
	request := fmt.Sprintf("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", host)
	if _, err := conn.Write(append([]byte(request), first...)); err != nil {
		d.t.Fatal(err)
	}
	r := bufio.NewReaderSize(conn, 1024)
	for line := ""; line != "\r\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			d.t.Fatal(err)
		}
	}
	if kind, text := readFrame(d.t, r); kind != 0x81 || !strings.HasPrefix(text, "0{") {
		d.t.Fatalf("greeted with %x %q", kind, text)
	}
	return conn, r
}

// readFrame reads a frame of the server: its first byte, and its payload.
func readFrame(t *testing.T, r *bufio.Reader) (kind byte, payload string) {
	t.Helper()
	head := make([]byte, 2)
	if _, err := io.ReadFull(r, head); err != nil {
		t.Fatal(err)
	}
	size := int(head[1])
	if size == 126 {
		long := make([]byte, 2)
		if _, err := io.ReadFull(r, long); err != nil {
			t.Fatal(err)
		}
		size = int(binary.BigEndian.Uint16(long))
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(r, data); err != nil {
		t.Fatal(err)
	}
	return head[0], string(data)
}

// frame makes a frame of a client, of less than 126 bytes.
func frame(kind byte, payload string) []byte {
	mask := []byte{1, 2, 3, 4}
	all := append([]byte{kind, 0x80 | byte(len(payload))}, mask...)
	for i := range len(payload) {
		all = append(all, payload[i]^mask[i%4])
	}
	return all
}

const (
	textFrame  = 0x81
	pingFrame  = 0x89
	pongFrame  = 0x8a
	closeFrame = 0x88
)

// TestFrames sends frames that are as they should be, in uncommon pieces.
func TestFrames(t *testing.T) {
	d := openEcho(t, engine.Config{})
	conn, r := d.dialRaw(frame(textFrame, "4with the request")...)
	if _, text := readFrame(t, r); text != "4with the request" {
		t.Errorf("%q", text)
	}
	for name, c := range map[string]struct {
		sent []byte
		kind byte
		text string
	}{
		"fragments":           {bytes.Join([][]byte{frame(0x01, "4a"), frame(0x00, "b"), frame(0x80, "c")}, nil), textFrame, "4abc"},
		"a letter in halves":  {bytes.Join([][]byte{frame(0x01, "4\xc4"), frame(0x80, "\x8d")}, nil), textFrame, "4č"},
		"a ping":              {frame(pingFrame, "beat"), pongFrame, "beat"},
		"an unexpected pong":  {append(frame(pongFrame, "beat"), frame(textFrame, "4a")...), textFrame, "4a"},
		"an empty binary one": {frame(0x82, ""), 0x82, ""},
	} {
		for i := range c.sent { // one byte at a time
			if _, err := conn.Write(c.sent[i : i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if kind, text := readFrame(t, r); kind != c.kind || text != c.text {
			t.Errorf("%s: %x %q", name, kind, text)
		}
	}
}

// TestBrokenFrames sends frames that must not be: each ends its own session.
func TestBrokenFrames(t *testing.T) {
	d := openEcho(t, engine.Config{})
	bystander, _ := d.connect()
	for name, sent := range map[string][]byte{
		"unmasked":               {textFrame, 2, '4', 'a'},
		"reserved bits":          frame(0xf1, "4a"),
		"an unknown kind":        frame(0x83, "4a"),
		"a lone continuation":    frame(0x80, "4a"),
		"a message in a message": append(frame(0x01, "4a"), frame(textFrame, "4b")...),
		"a fragmented ping":      frame(0x09, "a"),
		"a huge one":             {textFrame, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4},
		"a close of one byte":    frame(closeFrame, "a"),
	} {
		conn, r := d.dialRaw()
		if _, err := conn.Write(sent); err != nil {
			t.Fatal(err)
		}
		if name == "a huge one" { // which is read until it is too much
			_, _ = conn.Write(make([]byte, 1_100_000))
		}
		if got := after(t, name, d.left); got != "transport error" {
			t.Errorf("%s: closed for %q", name, got)
		}
		_, _ = io.Copy(io.Discard, r) // ends, or the deadline fails the next
	}
	bystander.write("4still here")
	bystander.want("4still here")
}

// TestBigMessages sends messages of many sizes both ways, in one order.
func TestBigMessages(t *testing.T) {
	d := openEcho(t, engine.Config{MaxWaiting: 10 << 20})
	s, _ := d.connect()
	sizes := []int{0, 1, 11, 12, 13, 14, 15, 16, 125, 126, 511, 512, 513, 16 << 10, 64<<10 - 5, 64 << 10, 100_000, 999_999, 3}
	sent := make(chan error, 1)
	go func() {
		for _, n := range sizes {
			if err := s.send(websocket.MessageText, []byte("4"+strings.Repeat("x", n))); err != nil {
				sent <- err
				return
			}
		}
		sent <- nil
	}()
	for _, n := range sizes {
		if got := s.read(); got != "4"+strings.Repeat("x", n) {
			t.Fatalf("%d bytes came back as %d", n+1, len(got))
		}
	}
	if err := after(t, "all is sent", sent); err != nil {
		t.Error(err)
	}
}

// TestPingsOfTheLibrary mixes pings of the websocket with messages.
func TestPingsOfTheLibrary(t *testing.T) {
	d := openEcho(t, engine.Config{})
	s, c := d.connect()
	read := make(chan error, 1)
	const many = 500
	go func() {
		for range many {
			if _, _, err := s.next(); err != nil {
				read <- err
				return
			}
		}
		s.conn.CloseRead(context.Background())
		read <- nil
	}()
	for range many {
		send(t, c, strings.Repeat("x", 1000))
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 50 {
		if err := s.conn.Ping(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if err := after(t, "all is read", read); err != nil {
		t.Error(err)
	}
}
