package mail_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/mail"
)

// A reply is what a scripted server does instead of what is right.
type reply struct {
	text  string
	drop  bool            // close the connection, after the text if there is one
	stall bool            // say nothing until the test ends
	late  <-chan struct{} // say nothing until this is closed, and then what is right
	keep  bool            // at the end of a message: it is taken all the same
}

// A scripted server speaks SMTP as far as the program needs it, and does wrong
// where its script says so.
type scripted struct {
	t    testing.TB
	ln   net.Listener
	over chan struct{}
	all  sync.WaitGroup

	// What is set before the server is used.
	extensions []string
	tls        *tls.Config
	// answer returns what to do at the nth step of this name (from 1) on the
	// connection of that number (from 1); nil: what is right. The names are
	// those of the commands, "greeting", and "." for the end of a message.
	answer func(conn, n int, step string) *reply

	mu    sync.Mutex
	conns []net.Conn
	said  []string // the commands, as they came
	mails []string
	heard chan string // the same as said
}

func scriptedAt(t testing.TB, addr string) *scripted {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	return &scripted{t: t, ln: ln, over: make(chan struct{}), heard: make(chan string, 10_000)}
}

// start serves until the test ends.
func (s *scripted) start() *scripted {
	s.all.Go(s.accept)
	s.t.Cleanup(func() {
		close(s.over)
		s.ln.Close()
		s.closeAll()
		s.all.Wait()
	})
	return s
}

// serve starts a server with a script.
func serve(t testing.TB, answer func(conn, n int, step string) *reply) *scripted {
	t.Helper()
	s := scriptedAt(t, "127.0.0.1:0")
	s.answer = answer
	return s.start()
}

func (s *scripted) accept() {
	for n := 1; ; n++ {
		conn, err := s.ln.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		s.mu.Unlock()
		s.all.Go(func() {
			defer conn.Close()
			(&talk{s: s, conn: conn, in: bufio.NewReader(conn), number: n, steps: map[string]int{}}).run()
		})
	}
}

// closeAll closes every connection, as a server does with those that are idle.
func (s *scripted) closeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
}

func (s *scripted) counted() (conns, mails int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.conns), len(s.mails)
}

func (s *scripted) transcript() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.said, "\n")
}

// until waits for a command.
func (s *scripted) until(verb string) {
	s.t.Helper()
	late := time.After(patience)
	for {
		select {
		case said := <-s.heard:
			if strings.HasPrefix(said, verb) {
				return
			}
		case <-late:
			s.t.Fatalf("no %s", verb)
		}
	}
}

// A talk is one connection to a scripted server.
type talk struct {
	s      *scripted
	conn   net.Conn
	in     *bufio.Reader
	number int
	steps  map[string]int
}

func (t *talk) run() {
	if !t.say("greeting", "220 test ESMTP\r\n") {
		return
	}
	for {
		line, err := t.in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		t.note(line)
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		if !t.obey(verb, line) {
			return
		}
	}
}

func (t *talk) note(line string) {
	t.s.mu.Lock()
	t.s.said = append(t.s.said, line)
	t.s.mu.Unlock()
	select {
	case t.s.heard <- line:
	default:
	}
}

// say answers a step, rightly or by the script, and reports whether to go on.
func (t *talk) say(step, right string) bool { return t.give(t.next(step), right) }

// next returns what the script has for a step that is reached now.
func (t *talk) next(step string) *reply {
	t.steps[step]++
	if t.s.answer == nil {
		return nil
	}
	return t.s.answer(t.number, t.steps[step], step)
}

func (t *talk) give(r *reply, right string) bool {
	if r == nil {
		r = &reply{text: right}
	}
	switch {
	case r.late != nil:
		<-r.late
		r = &reply{text: right}
	case r.stall:
		<-t.s.over
		return false
	}
	_, err := io.WriteString(t.conn, r.text)
	return err == nil && !r.drop
}

func (t *talk) obey(verb, line string) bool {
	switch verb {
	case "EHLO":
		return t.say(verb, t.hello())
	case "STARTTLS":
		return t.say(verb, "220 go\r\n") && t.encrypt()
	case "AUTH":
		return t.login(line)
	case "DATA":
		return t.data()
	case "QUIT":
		t.say(verb, "221 bye\r\n")
		return false
	}
	return t.say(verb, "250 ok\r\n")
}

func (t *talk) hello() string {
	var b strings.Builder
	b.WriteString("250-test\r\n")
	for _, e := range t.s.extensions {
		if e == "STARTTLS" {
			if _, yes := t.conn.(*tls.Conn); yes {
				continue
			}
		}
		fmt.Fprintf(&b, "250-%s\r\n", e)
	}
	return b.String() + "250 8BITMIME\r\n"
}

func (t *talk) encrypt() bool {
	conn := tls.Server(t.conn, t.s.tls)
	t.conn, t.in = conn, bufio.NewReader(conn)
	return conn.Handshake() == nil
}

// login takes anything, by PLAIN in one line or by LOGIN in three.
func (t *talk) login(line string) bool {
	if strings.HasPrefix(line, "AUTH LOGIN") {
		for range 2 {
			if _, err := io.WriteString(t.conn, "334 VXNlcm5hbWU6\r\n"); err != nil {
				return false
			}
			answer, err := t.in.ReadString('\n')
			if err != nil {
				return false
			}
			t.note(strings.TrimSpace(answer))
		}
	}
	return t.say("AUTH", "235 welcome\r\n")
}

func (t *talk) data() bool {
	r := t.next("DATA")
	if !t.give(r, "354 go on\r\n") {
		return false
	}
	if r != nil && r.late == nil {
		return true // refused
	}
	var body strings.Builder
	for {
		line, err := t.in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		body.WriteString(strings.TrimPrefix(line, "."))
	}
	r = t.next(".")
	if r == nil || r.keep || r.late != nil {
		t.s.mu.Lock()
		t.s.mails = append(t.s.mails, body.String())
		t.s.mu.Unlock()
	}
	return t.give(r, "250 taken\r\n")
}

// sender returns a Sender to a scripted server, which is closed when the test ends.
func (s *scripted) sender(change func(*mail.SMTPConfig), q mail.Spans) *mail.SMTP {
	s.t.Helper()
	addr := s.ln.Addr().(*net.TCPAddr)
	c := mail.SMTPConfig{Host: addr.IP.String(), Port: addr.Port, From: mail.Address{Name: "Car Tracker", Email: "desk@rent.example.com"}, TLS: mail.TLSAuto}
	if change != nil {
		change(&c)
	}
	out := mail.NewSMTP(c)
	out.Quicken(q)
	s.t.Cleanup(func() {
		if err := out.Close(); err != nil {
			s.t.Error(err)
		}
	})
	return out
}
