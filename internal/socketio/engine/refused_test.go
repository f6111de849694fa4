package engine_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"cartracker/internal/socketio/engine"
)

const (
	noTransport = `{"code":0,"message":"Transport unknown"}`
	noSession   = `{"code":1,"message":"Session ID unknown"}`
	noMethod    = `{"code":2,"message":"Bad handshake method"}`
	noRequest   = `{"code":3,"message":"Bad request"}`
	noEntry     = `{"code":4,"message":"Forbidden"}`
	noVersion   = `{"code":5,"message":"Unsupported protocol version"}`
)

func TestRefused(t *testing.T) {
	d := open(t, engine.Config{})
	query, _ := d.poll()
	for _, c := range []struct{ method, query, text string }{
		{"GET", "", noTransport},
		{"GET", "EIO=4", noTransport},
		{"GET", "EIO=4&transport=abc", noTransport},
		{"GET", "EIO=4&transport=constructor", noTransport},
		{"GET", "EIO=4&transport=polling&sid=abc", noSession},
		{"POST", "EIO=4&transport=polling&sid=abc", noSession},
		{"POST", "EIO=4&transport=polling", noMethod},
		{"PUT", "EIO=4&transport=polling", noMethod},
		{"GET", "transport=polling", noVersion},
		{"GET", "EIO=3&transport=polling", noVersion},
		{"GET", "EIO=abc&transport=polling", noVersion},
		{"GET", "EIO=4&transport=polling&j=0", noRequest},
		{"GET", "EIO=4&transport=websocket", noRequest},
		{"PUT", query, noRequest},
		{"GET", strings.Replace(query, "polling", "websocket", 1), noRequest},
	} {
		a := d.must(c.method, c.query, "")
		if a.status != 400 || a.body != c.text || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s ?%s is answered %+v", c.method, c.query, a)
		}
	}
	d.want("POST", query, "3", 200, "ok") // the session is none the worse
}

func TestPollWithBody(t *testing.T) {
	d := open(t, engine.Config{})
	query, _ := d.poll()
	d.want("GET", query, "4a", 400, noRequest)
	d.want("POST", query, "3", 200, "ok")
}

func TestRefusedWebsocket(t *testing.T) {
	d := open(t, engine.Config{})
	for _, query := range []string{"transport=websocket", "EIO=3&transport=websocket", "EIO=4", "EIO=4&transport=abc", "EIO=4&transport=websocket&sid=abc"} {
		if _, res, err := d.tryDial(query); err == nil || res.StatusCode != 400 {
			t.Errorf("?%s: %v, %v", query, res, err)
		}
	}
	if a := d.must("GET", "EIO=4&transport=websocket", "", "Upgrade", "websocket", "Connection", "Upgrade"); a.status != 400 {
		t.Errorf("a websocket without a key is answered %+v", a)
	}
	if n := d.server.Stats(); n != (engine.Stats{}) {
		t.Errorf("refused, and still there: %+v", n)
	}
}

func TestAllow(t *testing.T) {
	d := open(t, engine.Config{Allow: func(r *http.Request) bool { return r.Header.Get("Origin") != "https://evil.example" }})
	query, _ := d.poll()
	stranger := []string{"Origin", "https://evil.example"}
	for _, c := range [][2]string{{"GET", "EIO=4&transport=polling"}, {"GET", query}, {"POST", query}} {
		if a := d.must(c[0], c[1], "4hello", stranger...); a.status != 403 || a.body != noEntry {
			t.Errorf("%s ?%s is answered %+v", c[0], c[1], a)
		}
	}
	for _, q := range []string{"EIO=4&transport=websocket", strings.Replace(query, "polling", "websocket", 1)} {
		if _, res, err := d.tryDial(q, stranger...); err == nil || res.StatusCode != 403 {
			t.Errorf("?%s: %v, %v", q, res, err)
		}
	}
	if _, _, err := d.tryDial("EIO=4&transport=websocket", "Origin", "https://other.example"); err != nil {
		t.Errorf("an origin that Allow allows: %v", err)
	}
}

func TestOptions(t *testing.T) {
	d := open(t, engine.Config{})
	d.want("OPTIONS", "", "", 204, "")
}

// TestMalformed sends what is no packet: only the session it came from ends.
func TestMalformed(t *testing.T) {
	d := openEcho(t, engine.Config{})
	bystander, _ := d.connect()
	for _, c := range []struct{ payload, reason string }{
		{"", "parse error"},
		{"abc", "parse error"},
		{"4a\x1e", "parse error"},
		{"7", "parse error"},
		{"0{}", "parse error"},
		{"5", "parse error"},
		{"b!", "parse error"},
		{"4\xff\xfe", "parse error"},
		{"2", "transport error"},
	} {
		query, _ := d.poll()
		d.want("POST", query, c.payload, 400, noRequest)
		d.wantLeft(c.reason)
		d.want("GET", query, "", 400, noSession)
		if strings.HasPrefix(c.payload, "b") || strings.Contains(c.payload, "\x1e") {
			continue // which a websocket does not have
		}
		s, _ := d.connect()
		s.write(c.payload)
		s.wantClosed()
		d.wantLeft(c.reason)
	}
	bystander.write("4still here")
	bystander.want("4still here")
}

func TestInvalidText(t *testing.T) {
	d := open(t, engine.Config{})
	s, _ := d.connect()
	s.write("4\xc3\x28")
	if code := s.wantClosed(); code != websocket.StatusInvalidFramePayloadData {
		t.Errorf("closed with %v", code)
	}
	d.wantLeft("parse error")
}

func TestNoopIsIgnored(t *testing.T) {
	d := openEcho(t, engine.Config{})
	query, _ := d.poll()
	d.want("POST", query, "6\x1e3\x1e4a", 200, "ok")
	d.want("GET", query, "", 200, "4a")
}

func TestMaxPayload(t *testing.T) {
	d := openEcho(t, engine.Config{MaxPayload: 1000})
	bystander, _ := d.connect()
	fits := "4" + strings.Repeat("x", 999)

	query, _ := d.poll()
	d.want("POST", query, fits, 200, "ok")
	d.want("GET", query, "", 200, fits)
	d.want("POST", query, fits+"x", 413, `{"code":3,"message":"Payload too large"}`)
	d.wantLeft("transport error")
	d.want("GET", query, "", 400, noSession)

	s, _ := d.connect()
	s.write(fits)
	s.want(fits)
	_ = s.send(websocket.MessageText, []byte(fits+"x")) // it may be closed before all is sent
	if code := s.wantClosed(); code != websocket.StatusMessageTooBig {
		t.Errorf("closed with %v", code)
	}
	d.wantLeft("transport error")

	// A body whose length is not told, and a frame of 2 MiB.
	query, _ = d.poll()
	r, err := http.NewRequestWithContext(t.Context(), "POST", d.url+"?"+query, struct{ *strings.Reader }{strings.NewReader(fits + fits)})
	if err != nil {
		t.Fatal(err)
	}
	if res, err := d.client.Do(r); err != nil || res.StatusCode != 413 {
		t.Error(res, err)
	} else {
		res.Body.Close()
	}
	d.wantLeft("transport error")
	s, _ = d.connect()
	_ = s.send(websocket.MessageBinary, make([]byte, 2<<20))
	s.wantClosed()
	d.wantLeft("transport error")

	bystander.write("4still here")
	bystander.want("4still here")
}

func TestBinaryBody(t *testing.T) {
	d := open(t, engine.Config{})
	query, _ := d.poll()
	if a := d.must("POST", query, "4a", "Content-Type", "application/octet-stream"); a.status != 400 {
		t.Errorf("%+v", a)
	}
	d.wantLeft("transport error")
}

// TestAnotherID looks whether one client reaches another's session only by its id.
func TestAnotherID(t *testing.T) {
	d := open(t, engine.Config{})
	mine, _ := d.poll()
	theirs, _ := d.poll()
	d.want("POST", mine[:len(mine)-1]+"a", "4x", 400, noSession) // ids have no small letters
	d.want("POST", theirs, "4y", 200, "ok")
	if m := after(t, "a message", d.told); m.text != "y" {
		t.Errorf("%+v", m)
	}
}

// TestBrokenBody breaks off in the middle of a POST.
func TestBrokenBody(t *testing.T) {
	d := open(t, engine.Config{})
	query, c := d.poll()
	half := d.beginPost(query)
	engine.WaitForPost(t, c)
	if err := half.Close(); err != nil {
		t.Fatal(err)
	}
	d.wantLeft("transport error")
}
