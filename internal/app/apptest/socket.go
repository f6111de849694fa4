package apptest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// socketPatience is how long a socket may take for anything.
const socketPatience = 30 * time.Second

// ErrRefused is the error of a socket that the program refuses to connect.
type ErrRefused struct{ Message, Code string }

// Error returns what the client is told.
func (e ErrRefused) Error() string { return e.Message + " (" + e.Code + ")" }

// A SocketEvent is what a socket was told.
type SocketEvent struct {
	Name string
	Args []json.RawMessage
	At   time.Time
}

// Text returns a field of the first argument as text.
func (e SocketEvent) Text(field string) string {
	var object map[string]any
	if len(e.Args) == 0 || json.Unmarshal(e.Args[0], &object) != nil || object[field] == nil {
		return ""
	}
	return fmt.Sprint(object[field])
}

// Number returns a field of the first argument as a number, -1 if it is none.
func (e SocketEvent) Number(field string) int64 {
	var object map[string]json.RawMessage
	var n int64
	if len(e.Args) == 0 || json.Unmarshal(e.Args[0], &object) != nil || json.Unmarshal(object[field], &n) != nil {
		return -1
	}
	return n
}

// A Socket is a client's connection to /socket.io/, over a websocket.
type Socket struct {
	ID, PID string

	t    testing.TB
	conn *websocket.Conn
	over chan struct{} // closed when it has ended

	mu      sync.Mutex
	events  []SocketEvent // that nobody has taken yet
	acks    map[int]chan []json.RawMessage
	nextAck int
	offset  string
	told    bool          // the program ended it by a packet
	changed chan struct{} // closed, and replaced, when something of these changes
}

// Connect connects a socket with the access token of c.
func (c *Client) Connect() *Socket {
	c.t.Helper()
	s, err := c.TryConnect(JSON{"token": c.Token})
	if err != nil {
		c.t.Fatalf("socket: %v", err)
	}
	return s
}

// TryConnect connects a socket with auth, unless it is nil, and headers such as
// "Origin: https://example.com". Refused by the program, its error is an
// ErrRefused. It is closed when the test ends.
func (c *Client) TryConnect(auth any, headers ...string) (*Socket, error) {
	s, err := c.Dial(headers...)
	if err != nil {
		return nil, err
	}
	if err := s.enter(auth); err != nil {
		s.Lose()
		return nil, err
	}
	return s, nil
}

// Dial opens a websocket without saying who its client is.
func (c *Client) Dial(headers ...string) (*Socket, error) {
	ctx, cancel := context.WithTimeout(context.Background(), socketPatience)
	defer cancel()
	h := http.Header{}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		h.Set(name, value)
	}
	conn, res, err := websocket.Dial(ctx, c.url+"/socket.io/?EIO=4&transport=websocket", &websocket.DialOptions{HTTPHeader: h, HTTPClient: c.http})
	if err != nil {
		if res != nil {
			return nil, fmt.Errorf("%d: %w", res.StatusCode, err)
		}
		return nil, err
	}
	conn.SetReadLimit(1 << 20)
	s := &Socket{t: c.t, conn: conn, over: make(chan struct{}), acks: map[int]chan []json.RawMessage{}, changed: make(chan struct{})}
	if open, err := s.read(ctx); err != nil || !strings.HasPrefix(open, "0{") {
		_ = conn.CloseNow()
		return nil, fmt.Errorf("no handshake: %q (%w)", open, err)
	}
	c.t.Cleanup(func() { _ = conn.CloseNow() })
	return s, nil
}

// enter says who the client is, and listens from then on.
func (s *Socket) enter(auth any) error {
	ctx, cancel := context.WithTimeout(context.Background(), socketPatience)
	defer cancel()
	packet := "40"
	if auth != nil {
		raw, err := json.Marshal(auth)
		if err != nil {
			return err
		}
		packet += string(raw)
	}
	if err := s.Send(packet); err != nil {
		return err
	}
	for {
		answer, err := s.read(ctx)
		switch {
		case err != nil:
			return err
		case strings.HasPrefix(answer, "40"):
			var in struct{ SID, PID string }
			if err := json.Unmarshal([]byte(answer[2:]), &in); err != nil {
				return err
			}
			s.ID, s.PID = in.SID, in.PID
			go s.listen()
			s.t.Cleanup(func() {
				s.Lose()
				<-s.over
			})
			return nil
		case strings.HasPrefix(answer, "44"):
			var in struct {
				Message string
				Data    struct{ Code string }
			}
			if err := json.Unmarshal([]byte(answer[2:]), &in); err != nil {
				return err
			}
			return ErrRefused{in.Message, in.Data.Code}
		}
	}
}

func (s *Socket) read(ctx context.Context) (string, error) {
	_, b, err := s.conn.Read(ctx)
	return string(b), err
}

// Send sends a packet as it is.
func (s *Socket) Send(packet string) error {
	ctx, cancel := context.WithTimeout(context.Background(), socketPatience)
	defer cancel()
	return s.conn.Write(ctx, websocket.MessageText, []byte(packet))
}

// listen takes what comes until the socket ends.
func (s *Socket) listen() {
	defer close(s.over)
	for {
		packet, err := s.read(context.Background())
		if err != nil {
			s.change(func() {})
			return
		}
		switch {
		case packet == "2":
			_ = s.Send("3") // or the next read tells
		case strings.HasPrefix(packet, "41"):
			s.change(func() { s.told = true })
		case strings.HasPrefix(packet, "42"):
			s.change(func() { s.take(packet[2:]) })
		case strings.HasPrefix(packet, "43"):
			s.change(func() { s.answered(packet[2:]) })
		}
	}
}

// change does something to what others wait for, and tells them.
func (s *Socket) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *Socket) take(text string) {
	var args []json.RawMessage
	e := SocketEvent{At: time.Now()}
	if err := json.Unmarshal([]byte(text), &args); err != nil || len(args) == 0 || json.Unmarshal(args[0], &e.Name) != nil {
		s.t.Errorf("not an event: %.200s", text)
		return
	}
	e.Args = args[1:]
	if n := len(args) - 1; n > 0 && s.PID != "" && json.Unmarshal(args[n], &s.offset) == nil {
		e.Args = args[1:n]
	}
	s.events = append(s.events, e)
}

func (s *Socket) answered(text string) {
	at := strings.IndexByte(text, '[')
	id, err := strconv.Atoi(text[:max(at, 0)])
	var args []json.RawMessage
	if err != nil || json.Unmarshal([]byte(text[at:]), &args) != nil || s.acks[id] == nil {
		s.t.Errorf("not an answer to anything: %.200s", text)
		return
	}
	s.acks[id] <- args
	delete(s.acks, id)
}

// Offset is what the last event is known by that can be recovered.
func (s *Socket) Offset() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.offset
}

// Emit sends an event that wants no answer.
func (s *Socket) Emit(event string, args ...any) {
	s.t.Helper()
	raw, err := json.Marshal(append([]any{event}, args...))
	if err == nil {
		err = s.Send("42" + string(raw))
	}
	if err != nil {
		s.t.Errorf("%s: %v", event, err)
	}
}

// Ask sends an event and returns what it is answered. The answer's first
// argument is read as that of an event.
func (s *Socket) Ask(event string, args ...any) SocketEvent {
	s.t.Helper()
	answer, err := s.TryAsk(event, args...)
	if err != nil {
		s.t.Fatalf("%s %v: %v", event, args, err)
	}
	return answer
}

// TryAsk is Ask for a socket that may have ended.
func (s *Socket) TryAsk(event string, args ...any) (SocketEvent, error) {
	raw, err := json.Marshal(append([]any{event}, args...))
	if err != nil {
		return SocketEvent{}, err
	}
	answer := make(chan []json.RawMessage, 1)
	s.mu.Lock()
	id := s.nextAck
	s.nextAck++
	s.acks[id] = answer
	s.mu.Unlock()
	if err := s.Send("42" + strconv.Itoa(id) + string(raw)); err != nil {
		return SocketEvent{}, err
	}
	select {
	case got := <-answer:
		return SocketEvent{Name: event, Args: got, At: time.Now()}, nil
	case <-s.over:
		return SocketEvent{}, errors.New("the socket has ended")
	case <-time.After(socketPatience):
		return SocketEvent{}, errors.New("there is no answer")
	}
}

// Expect waits for an event that fits, and returns it. It is taken, and what
// came before it is not.
func (s *Socket) Expect(name string, fits func(SocketEvent) bool) SocketEvent {
	s.t.Helper()
	e, ok := s.Within(socketPatience, name, fits)
	if !ok {
		s.t.Fatalf("no such %s came; there are %s", name, s.String())
	}
	return e
}

// Within is Expect for an event that may not come.
func (s *Socket) Within(d time.Duration, name string, fits func(SocketEvent) bool) (SocketEvent, bool) {
	end := time.NewTimer(d)
	defer end.Stop()
	for {
		e, ok, changed := s.look(name, fits)
		if ok {
			return e, true
		}
		select {
		case <-changed:
		case <-s.over:
			e, ok, _ = s.look(name, fits)
			return e, ok
		case <-end.C:
			return SocketEvent{}, false
		}
	}
}

func (s *Socket) look(name string, fits func(SocketEvent) bool) (SocketEvent, bool, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, e := range s.events {
		if e.Name == name && (fits == nil || fits(e)) {
			s.events = append(s.events[:i:i], s.events[i+1:]...)
			return e, true, nil
		}
	}
	return SocketEvent{}, false, s.changed
}

// Take returns the events of a name that came so far, which are taken.
func (s *Socket) Take(name string) (out []SocketEvent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var left []SocketEvent
	for _, e := range s.events {
		if e.Name == name {
			out = append(out, e)
		} else {
			left = append(left, e)
		}
	}
	s.events = left
	return out
}

// String returns the events that nobody has taken yet.
func (s *Socket) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b bytes.Buffer
	for _, e := range s.events {
		fmt.Fprintf(&b, "%s%s ", e.Name, bytes.Join(rawBytes(e.Args), []byte(",")))
	}
	return b.String()
}

func rawBytes(args []json.RawMessage) (out [][]byte) {
	for _, a := range args {
		out = append(out, a)
	}
	return out
}

// Gone waits until the program has closed a websocket whose client never said
// who it is.
func (s *Socket) Gone(within time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for {
		packet, err := s.read(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return nil
		case packet == "2":
			_ = s.Send("3") // or the next read tells
		}
	}
}

// Over is closed when the socket has ended.
func (s *Socket) Over() <-chan struct{} { return s.over }

// Ends waits until the program has ended the socket, and reports whether it did
// so by a packet: then a client does not come back by itself.
func (s *Socket) Ends(within time.Duration) (byPacket, ended bool) {
	end := time.NewTimer(within)
	defer end.Stop()
	for {
		s.mu.Lock()
		told, changed := s.told, s.changed
		s.mu.Unlock()
		if told {
			return true, true
		}
		select {
		case <-changed:
		case <-s.over:
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.told, true
		case <-end.C:
			return false, false
		}
	}
}

// Lose breaks the connection, as a tunnel does.
func (s *Socket) Lose() { _ = s.conn.CloseNow() }
