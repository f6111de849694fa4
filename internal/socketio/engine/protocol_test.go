package engine_test

import (
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"cartracker/internal/socketio/engine"
)

func TestHandshake(t *testing.T) {
	d := open(t, engine.Config{PingInterval: 25 * time.Second, PingTimeout: 20 * time.Second})
	a := d.must("GET", "EIO=4&transport=polling&t=abc&b64=1", "")
	if a.status != 200 || a.header.Get("Content-Type") != "text/plain; charset=UTF-8" || a.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%+v", a)
	}
	g := decodeGreeting(t, a.body)
	if len(g.SID) < 22 || strings.Join(g.Upgrades, " ") != "websocket" || g.PingInterval != 25_000 || g.PingTimeout != 20_000 || g.MaxPayload != 1_000_000 {
		t.Errorf("%+v", g)
	}
	if c := <-d.came; c.ID() != g.SID {
		t.Errorf("the client is %s here and %s there", c.ID(), g.SID)
	}
}

func TestExchangePolling(t *testing.T) {
	d := openEcho(t, engine.Config{})
	query, _ := d.poll()
	for _, payload := range []string{"4hello", "4test1\x1e4test2\x1e4test3", "4hello\x1ebAQIDBA==", "4šđčćž\x1e4\x1eb"} {
		d.want("POST", query, payload, 200, "ok")
		d.want("GET", query, "", 200, payload)
	}
}

func TestExchangeWebsocket(t *testing.T) {
	d := openEcho(t, engine.Config{})
	s, _ := d.connect()
	s.write("4hello")
	s.want("4hello")
	if err := s.send(websocket.MessageBinary, []byte{1, 2, 3, 4}); err != nil {
		t.Fatal(err)
	}
	if kind, data, err := s.next(); kind != websocket.MessageBinary || string(data) != "\x01\x02\x03\x04" {
		t.Fatal(kind, data, err)
	}
}

func TestUpgrade(t *testing.T) {
	d := openEcho(t, engine.Config{})
	query, _ := d.poll()
	s := d.upgrade(query)
	s.write("4hello")
	s.want("4hello")
	d.want("GET", query, "", 400, `{"code":3,"message":"Bad request"}`)
	if n := d.server.Stats(); n.Upgrades != 1 || n.Websocket != 1 || n.Polling != 0 {
		t.Errorf("%+v", n)
	}
}
