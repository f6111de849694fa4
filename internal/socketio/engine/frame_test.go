package engine_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"cartracker/internal/socketio/engine"
)

// TestFrameSizes sends messages around the sizes at which the header of a frame
// gets longer.
func TestFrameSizes(t *testing.T) {
	t.Parallel()
	d := open(t, engine.Config{})
	s, c := d.connect()
	for _, size := range []int{0, 1, 124, 125, 126, 65_534, 65_535, 65_536, 200_000} {
		text, raw := strings.Repeat("š", size/2)+strings.Repeat("s", size%2), bytes.Repeat([]byte{0xff}, size)
		if err := c.Send(engine.Text([]byte(text))); err != nil {
			t.Fatal(err)
		}
		if err := c.Send(engine.Binary(raw)); err != nil {
			t.Fatal(err)
		}
		if kind, got, err := s.next(); err != nil || kind != websocket.MessageText || string(got) != "4"+text {
			t.Fatalf("a text of %d bytes came as %d bytes of kind %s (%v)", size, len(got)-1, kind, err)
		}
		if kind, got, err := s.next(); err != nil || kind != websocket.MessageBinary || !bytes.Equal(got, raw) {
			t.Fatalf("%d bytes came as %d of kind %s (%v)", size, len(got), kind, err)
		}
	}
}

// TestPongsBetweenFrames pings a server that is sending: no message is broken by
// a pong.
func TestPongsBetweenFrames(t *testing.T) {
	t.Parallel()
	d := open(t, engine.Config{MaxWaiting: 1 << 30})
	s, c := d.connect()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	const many = 2000
	sent := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < many && err == nil; i++ {
			err = c.Send(engine.Text([]byte(strings.Repeat("m", i%300))))
		}
		sent <- err
	}()
	pinged := make(chan error, 1)
	go func() {
		var err error
		for i := 0; i < 100 && err == nil; i++ {
			err = s.conn.Ping(ctx)
		}
		pinged <- err
	}()
	for i := range many {
		if kind, got, err := s.next(); err != nil || kind != websocket.MessageText || string(got) != "4"+strings.Repeat("m", i%300) {
			t.Fatalf("message %d came as %q of kind %s (%v)", i, got, kind, err)
		}
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	// Pongs are heard while somebody reads.
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		_, _, _ = s.next()
	}()
	if err := <-pinged; err != nil {
		t.Error(err)
	}
	_ = c.Send(engine.Text(nil))
	<-reading
}
