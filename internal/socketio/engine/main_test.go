package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"cartracker/internal/socketio/engine"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// A desk is a server for a test, whose handlers tell what they are told.
type desk struct {
	t      *testing.T
	url    string
	server *engine.Server
	client *http.Client
	came   chan *engine.Conn
	left   chan string
	told   chan message
	echo   bool
}

type message struct {
	text   string
	binary bool
	via    *http.Request
}

// A guest is the handler of one client.
type guest struct {
	desk *desk
	conn *engine.Conn
}

func (g guest) Message(data []byte, binary bool, via *http.Request) {
	if !g.desk.echo {
		g.desk.told <- message{string(data), binary, via}
		return
	}
	frame := engine.Text(data)
	if binary {
		frame = engine.Binary(data)
	}
	_ = g.conn.Send(frame) // who is gone gets nothing
}

func (g guest) Closed(reason string) { g.desk.left <- reason }

// open starts a server whose clients' messages are told.
func open(t *testing.T, c engine.Config) *desk { return serve(t, c, &desk{}) }

// openEcho starts a server that sends everything back.
func openEcho(t *testing.T, c engine.Config) *desk { return serve(t, c, &desk{echo: true}) }

func serve(t *testing.T, c engine.Config, d *desk) *desk {
	t.Helper()
	d.came, d.left, d.told = make(chan *engine.Conn, 100), make(chan string, 100), make(chan message, 10_000)
	return d.begin(t, engine.NewServer(c, func(c *engine.Conn) engine.Handler {
		d.came <- c
		return guest{d, c}
	}))
}

// openWith starts a server with handlers of the test's own.
func openWith(t *testing.T, accept func(*engine.Conn) engine.Handler) *desk {
	t.Helper()
	return (&desk{}).begin(t, engine.NewServer(engine.Config{}, accept))
}

func (d *desk) begin(t *testing.T, s *engine.Server) *desk {
	web, transport := httptest.NewServer(wrapped(s)), &http.Transport{}
	d.t, d.server = t, s
	d.url, d.client = web.URL+"/socket.io/", &http.Client{Transport: transport, Timeout: patience}
	t.Cleanup(func() {
		s.Close()
		transport.CloseIdleConnections()
		web.Close()
	})
	return d
}

// A veil is what middleware makes of a response: it can only be unwrapped.
type veil struct{ w http.ResponseWriter }

func (v veil) Header() http.Header         { return v.w.Header() }
func (v veil) Write(b []byte) (int, error) { return v.w.Write(b) }
func (v veil) WriteHeader(status int)      { v.w.WriteHeader(status) }
func (v veil) Unwrap() http.ResponseWriter { return v.w }

type mark struct{}

func wrapped(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(veil{w}, r.WithContext(context.WithValue(r.Context(), mark{}, "marked")))
	})
}

// An answer is one of HTTP.
type answer struct {
	status int
	body   string
	header http.Header
}

// call sends a request.
func (d *desk) call(ctx context.Context, method, query, body string, header ...string) (answer, error) {
	r, err := http.NewRequestWithContext(ctx, method, d.url+"?"+query, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := d.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, string(text), res.Header}, err
}

func (d *desk) must(method, query, body string, header ...string) answer {
	d.t.Helper()
	a, err := d.call(d.t.Context(), method, query, body, header...)
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

// want sends a request and looks at its answer.
func (d *desk) want(method, query, body string, status int, text string) {
	d.t.Helper()
	if a := d.must(method, query, body); a.status != status || a.body != text {
		d.t.Fatalf("%s %s %.100q is answered %d %.200q, want %d %q", method, query, body, a.status, a.body, status, text)
	}
}

type greeting struct {
	SID          string   `json:"sid"`
	Upgrades     []string `json:"upgrades"`
	PingInterval int      `json:"pingInterval"`
	PingTimeout  int      `json:"pingTimeout"`
	MaxPayload   int      `json:"maxPayload"`
}

func decodeGreeting(t *testing.T, text string) (g greeting) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(strings.TrimPrefix(text, "0")))
	d.DisallowUnknownFields()
	if err := d.Decode(&g); err != nil || !strings.HasPrefix(text, "0{") {
		t.Fatalf("%q opens no session: %v", text, err)
	}
	return g
}

// poll opens a session by polling and returns its query.
func (d *desk) poll() (query string, c *engine.Conn) {
	d.t.Helper()
	a := d.must("GET", "EIO=4&transport=polling", "")
	if a.status != 200 {
		d.t.Fatal(a)
	}
	return "EIO=4&transport=polling&sid=" + decodeGreeting(d.t, a.body).SID, <-d.came
}

// dial opens a websocket.
func (d *desk) dial(query string) *socket {
	d.t.Helper()
	s, res, err := d.tryDial(query)
	if err != nil {
		d.t.Fatal(err, res)
	}
	return s
}

func (d *desk) tryDial(query string, header ...string) (*socket, *http.Response, error) {
	h := http.Header{}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	conn, res, err := websocket.Dial(ctx, strings.Replace(d.url, "http", "ws", 1)+"?"+query, &websocket.DialOptions{HTTPClient: d.client, HTTPHeader: h})
	if err != nil {
		return nil, res, err
	}
	conn.SetReadLimit(10 << 20)
	d.t.Cleanup(func() { _ = conn.CloseNow() })
	return &socket{d.t, conn}, res, nil
}

// connect opens a session by websocket.
func (d *desk) connect() (*socket, *engine.Conn) {
	d.t.Helper()
	s := d.dial("EIO=4&transport=websocket")
	if g := decodeGreeting(d.t, s.read()); len(g.Upgrades) != 0 {
		d.t.Fatalf("a websocket is offered upgrades: %v", g)
	}
	return s, <-d.came
}

// upgrade makes a websocket of a session that polls, as the protocol says.
func (d *desk) upgrade(query string) *socket {
	d.t.Helper()
	s := d.dial(strings.Replace(query, "polling", "websocket", 1))
	s.write("2probe")
	s.want("3probe")
	s.write("5")
	return s
}

// A socket is a websocket of a client.
type socket struct {
	t    *testing.T
	conn *websocket.Conn
}

func (s *socket) next() (kind websocket.MessageType, data []byte, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.conn.Read(ctx)
}

func (s *socket) read() string {
	s.t.Helper()
	_, data, err := s.next()
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

func (s *socket) want(text string) {
	s.t.Helper()
	if got := s.read(); got != text {
		s.t.Fatalf("the websocket says %.200q, want %q", got, text)
	}
}

func (s *socket) send(kind websocket.MessageType, data []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return s.conn.Write(ctx, kind, data)
}

func (s *socket) write(text string) {
	s.t.Helper()
	if err := s.send(websocket.MessageText, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

// wantClosed reads until the websocket is closed, and returns the code.
func (s *socket) wantClosed() websocket.StatusCode {
	s.t.Helper()
	for {
		if _, _, err := s.next(); err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				s.t.Fatal("the websocket is not closed")
			}
			return websocket.CloseStatus(err)
		}
	}
}

// after returns what comes out of a channel, or fails.
func after[T any](t *testing.T, what string, c <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(patience):
		t.Fatalf("not within %s: %s", patience, what)
	}
	return v
}

// wantLeft waits for a client to be closed for a reason.
func (d *desk) wantLeft(reason string) {
	d.t.Helper()
	if got := after(d.t, "a client is closed", d.left); got != reason {
		d.t.Fatalf("the client is closed for %q, want %q", got, reason)
	}
}
