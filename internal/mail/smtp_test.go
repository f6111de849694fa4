package mail_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cartracker/internal/ident"
	"cartracker/internal/mail"
	"cartracker/internal/mail/mailtest"
)

const patience = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// letter returns a message to somebody.
func letter() mail.Message {
	return mail.Message{
		ID: ident.New[string](), To: mail.Address{Name: "Amra Šarić", Email: "amra@example.com"}, Language: "bs",
		Subject: "Nova lozinka", Text: "Dobar dan,\n\n.link\nhttps://rent.example.com/set-password?token=abc\n", HTML: "<p>Dobar dan, Šarić</p>\n",
	}
}

func nothing() error { return nil }

// send sends a message, and fails the test if that is not taken.
func send(t *testing.T, s mail.Sender) mail.Message {
	t.Helper()
	m := letter()
	if err := s.Send(t.Context(), m, nothing); err != nil {
		t.Fatal(err)
	}
	return m
}

func (s *scripted) want(t *testing.T, conns, mails int) {
	t.Helper()
	if c, m := s.counted(); c != conns || m != mails {
		t.Errorf("%d connections and %d mails, want %d and %d:\n%s", c, m, conns, mails, s.transcript())
	}
}

func TestOneConnection(t *testing.T) {
	server := serve(t, nil)
	s := server.sender(nil, mail.Spans{})
	first := send(t, s)
	send(t, s)
	s.Quicken(mail.Spans{Idle: 20 * time.Millisecond}) // after the next one
	send(t, s)
	server.want(t, 1, 3)
	server.until("QUIT") // by itself, soon after
	send(t, s)
	server.want(t, 2, 4)
	m, err := mailtest.Parse([]byte(server.mails[0]))
	if err != nil {
		t.Fatal(err)
	}
	if m.MessageID != "<"+first.ID+"@rent.example.com>" || m.Subject != first.Subject || m.Text != first.Text || m.HTML != first.HTML {
		t.Errorf("it arrived as %+v", m)
	}
	if want := "EHLO rent.example.com\nMAIL FROM:<desk@rent.example.com> BODY=8BITMIME\nRCPT TO:<amra@example.com>\nDATA\n"; !strings.HasPrefix(server.transcript(), want) {
		t.Errorf("the conversation was\n%s", server.transcript())
	}
}

// TestTaken: taken is called once the server has the mail and before the next
// one, and what it returns is what Send returns.
func TestTaken(t *testing.T) {
	server := serve(t, nil)
	s := server.sender(nil, mail.Spans{})
	boom := errors.New("boom")
	taken := 0 // only who has the turn touches it
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			err := s.Send(t.Context(), letter(), func() error {
				taken++
				if _, mails := server.counted(); mails != taken {
					t.Errorf("%d mails at the server when the %dth was taken", mails, taken)
				}
				if taken%2 == 0 {
					return boom
				}
				return nil
			})
			if err != nil && !errors.Is(err, boom) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	server.want(t, 1, 20)
}

// TestClosedWhileIdle: a connection that the server has closed is replaced, and
// the mail does not notice.
func TestClosedWhileIdle(t *testing.T) {
	for name, answer := range map[string]func(conn, n int, step string) *reply{
		"by then": nil,
		"with a 421": func(conn, n int, step string) *reply {
			return at(conn == 1 && n == 2 && step == "MAIL", reply{text: "421 4.3.2 too idle\r\n", drop: true})
		},
		"at once": func(conn, n int, step string) *reply {
			return at(conn == 1 && n == 2 && step == "MAIL", reply{drop: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := serve(t, answer)
			s := server.sender(nil, mail.Spans{})
			send(t, s)
			if answer == nil {
				server.closeAll()
			}
			send(t, s)
			server.want(t, 2, 2)
		})
	}
}

// TestLate: a server that takes its time at a step is waited for.
func TestLate(t *testing.T) {
	for _, step := range []string{"greeting", "EHLO", "MAIL", "RCPT", "DATA", "."} {
		late, slow := make(chan struct{}), make(chan struct{})
		server := serve(t, func(_, _ int, s string) *reply {
			if s != step {
				return nil
			}
			close(slow)
			return &reply{late: late}
		})
		s := server.sender(nil, mail.Spans{})
		sent := make(chan error)
		go func() { sent <- s.Send(t.Context(), letter(), nothing) }()
		<-slow
		close(late)
		if err := <-sent; err != nil {
			t.Errorf("%s: %v", step, err)
		}
	}
}

// TestHELO: a server of old that knows no EHLO is greeted as it wants to be.
func TestHELO(t *testing.T) {
	server := serve(t, func(_, _ int, step string) *reply { return at(step == "EHLO", reply{text: "502 5.5.2 what\r\n"}) })
	send(t, server.sender(nil, mail.Spans{}))
	server.want(t, 1, 1)
}

// TestReplacedOnce: neither is a new connection replaced, nor one on which
// something of the mail was sent.
func TestReplacedOnce(t *testing.T) {
	for name, step := range map[string]string{"new": "MAIL", "recipient": "RCPT", "data": "DATA", "message": "."} {
		t.Run(name, func(t *testing.T) {
			nth := 2
			if name == "new" {
				nth = 1
			}
			server := serve(t, func(_, n int, s string) *reply { return at(n == nth && s == step, reply{drop: true}) })
			s := server.sender(nil, mail.Spans{})
			if name != "new" {
				send(t, s)
			}
			err := s.Send(t.Context(), letter(), func() error { t.Error("taken"); return nil })
			if !temporary(err) {
				t.Errorf("%v", err)
			}
			server.want(t, 1, nth-1)
		})
	}
}

func at(yes bool, r reply) *reply {
	if yes {
		return &r
	}
	return nil
}

// temporary reports whether err is none of the two others.
func temporary(err error) bool {
	_, refused := errors.AsType[*mail.Refused](err)
	return err != nil && !refused && !errors.Is(err, mail.ErrNoTurn)
}

func TestFaults(t *testing.T) {
	fault := map[string]reply{
		"4xx": {text: "451-4.3.0 first\r\n451 4.3.0 later\r\n"}, "5xx": {text: "550 5.7.1 never\r\n"},
		"drop": {drop: true}, "stall": {stall: true}, "garbage": {text: "HTTP/1.1 400 Bad Request\r\n\r\n"},
	}
	for _, step := range []string{"greeting", "EHLO", "MAIL", "RCPT", "DATA", "."} {
		for name, r := range fault {
			t.Run(strings.TrimPrefix(step, ".")+" "+name, func(t *testing.T) {
				t.Parallel()
				server := serve(t, func(conn, _ int, s string) *reply {
					return at(conn == 1 && (s == step || s == "HELO" && step == "EHLO"), r)
				})
				s := server.sender(nil, mail.Spans{Answer: time.Second, Pause: time.Millisecond, Longest: time.Millisecond})
				err := s.Send(t.Context(), letter(), func() error { t.Error("taken"); return nil })
				early := step == "greeting" || step == "EHLO"
				refused, ok := errors.AsType[*mail.Refused](err)
				if name == "5xx" && !early {
					if !ok || refused.Answer != "550 5.7.1 never" {
						t.Errorf("%v", err)
					}
				} else if !temporary(err) {
					t.Errorf("%v", err)
				}
				if name == "4xx" && err != nil && !strings.HasSuffix(err.Error(), "451 4.3.0 first 4.3.0 later") {
					t.Errorf("the answer is not told: %v", err)
				}
				again := s.Send(t.Context(), letter(), nothing)
				if answered := (name == "4xx" || name == "5xx") && !early; answered && again != nil {
					// the same connection goes on, and with it the script
					if conns, _ := server.counted(); conns != 1 {
						t.Errorf("%d connections", conns)
					}
				} else if again != nil {
					t.Errorf("the next mail: %v", again)
				}
			})
		}
	}
}

// TestDroppedAfterTheMessage: nobody can know that the server has the mail, so
// it is sent again, as the same mail.
func TestDroppedAfterTheMessage(t *testing.T) {
	server := serve(t, func(conn, _ int, step string) *reply {
		return at(conn == 1 && step == ".", reply{drop: true, keep: true})
	})
	s := server.sender(nil, mail.Spans{})
	m := letter()
	if err := s.Send(t.Context(), m, func() error { t.Error("taken"); return nil }); !temporary(err) {
		t.Errorf("%v", err)
	}
	if err := s.Send(t.Context(), m, nothing); err != nil {
		t.Error(err)
	}
	server.want(t, 2, 2)
	var ids [2]string
	for i, raw := range server.mails {
		m, err := mailtest.Parse([]byte(raw))
		if err != nil {
			t.Fatal(err)
		}
		ids[i] = m.MessageID
	}
	if ids[0] == "" || ids[0] != ids[1] {
		t.Errorf("Message-IDs %q", ids)
	}
}

// TestClosedAfterTheAnswer: the mail was taken, whatever happens then.
func TestClosedAfterTheAnswer(t *testing.T) {
	server := serve(t, func(conn, _ int, step string) *reply {
		return at(step == ".", reply{text: "250 taken\r\n", drop: true, keep: true})
	})
	s := server.sender(nil, mail.Spans{})
	send(t, s)
	send(t, s)
	server.want(t, 2, 2)
}

// TestRefusedGoesOn: after a refusal the same connection takes the next mail.
func TestRefusedGoesOn(t *testing.T) {
	server := serve(t, func(_, n int, step string) *reply {
		return at(n == 1 && step == "RCPT", reply{text: "550 5.1.1 nobody\r\n"})
	})
	s := server.sender(nil, mail.Spans{})
	if _, ok := errors.AsType[*mail.Refused](s.Send(t.Context(), letter(), nothing)); !ok {
		t.Error("not refused")
	}
	send(t, s)
	server.want(t, 1, 1)
	if !strings.Contains(server.transcript(), "RSET") {
		t.Errorf("no RSET in\n%s", server.transcript())
	}
}

// TestNoTurn: while the server hangs for one, the others are told to come back.
func TestNoTurn(t *testing.T) {
	server := serve(t, func(_, _ int, step string) *reply { return at(step == "MAIL", reply{stall: true}) })
	s := server.sender(nil, mail.Spans{Turn: 50 * time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	first := make(chan error)
	go func() { first <- s.Send(ctx, letter(), nothing) }()
	server.until("MAIL")
	if err := s.Send(t.Context(), letter(), nothing); !errors.Is(err, mail.ErrNoTurn) {
		t.Errorf("%v", err)
	}
	waiting, stop := context.WithCancel(t.Context())
	stop()
	if err := s.Send(waiting, letter(), nothing); !errors.Is(err, mail.ErrNoTurn) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	began := time.Now()
	cancel() // cuts the conversation off at once
	if err := <-first; !temporary(err) || !errors.Is(err, context.Canceled) || time.Since(began) > 5*time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
	server.want(t, 1, 0)
}

func TestPauses(t *testing.T) {
	seconds := func(n ...int) (all []time.Duration) {
		for _, n := range n {
			all = append(all, time.Duration(n)*time.Second)
		}
		return all
	}
	got, want := mail.Pauses(2*time.Second, time.Minute, 8), seconds(2, 4, 8, 16, 32, 60, 60, 60, 0)
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%v, want %v", got, want)
		}
	}
	if long := mail.Pauses(2*time.Second, time.Minute, 100); long[99] != time.Minute {
		t.Errorf("the hundredth is %s", long[99])
	}
}

// TestOutage: while the server is away only one mail finds out; the others wait,
// and those who cannot wait have used up nothing. The first after the pause goes.
func TestOutage(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	away := &scripted{t: t, ln: ln}
	s := away.sender(nil, mail.Spans{Turn: 10 * time.Millisecond, Pause: time.Hour, Longest: time.Hour})
	later := s.Clock()
	if err := s.Send(t.Context(), letter(), nothing); !temporary(err) || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("%v", err)
	}
	var all sync.WaitGroup
	for range 5 {
		all.Go(func() {
			if err := s.Send(t.Context(), letter(), nothing); !errors.Is(err, mail.ErrNoTurn) {
				t.Errorf("in the pause: %v", err)
			}
		})
	}
	all.Wait()
	later(time.Hour)
	s.Quicken(mail.Spans{Turn: patience, Pause: 20 * time.Millisecond, Longest: 20 * time.Millisecond})
	if err := s.Send(t.Context(), letter(), nothing); !temporary(err) {
		t.Errorf("after the pause nobody looked: %v", err)
	}
	server := scriptedAt(t, addr).start()
	send(t, s) // waits for the end of the short pause
	server.want(t, 1, 1)
}

// TestHungServer: a server that says nothing is away too; a connection that is
// cut off by the caller says nothing about it.
func TestHungServer(t *testing.T) {
	server := serve(t, func(conn, _ int, step string) *reply { return at(conn == 1 && step == "greeting", reply{stall: true}) })
	s := server.sender(nil, mail.Spans{Answer: 50 * time.Millisecond, Turn: 10 * time.Millisecond, Pause: time.Hour, Longest: time.Hour})
	if err := s.Send(t.Context(), letter(), nothing); !temporary(err) || !strings.Contains(err.Error(), "does not answer") {
		t.Errorf("%v", err)
	}
	if err := s.Send(t.Context(), letter(), nothing); !errors.Is(err, mail.ErrNoTurn) {
		t.Errorf("%v", err)
	}
	server.want(t, 1, 0)
}

func TestClose(t *testing.T) {
	server := serve(t, nil)
	s := server.sender(nil, mail.Spans{})
	send(t, s)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if !strings.HasSuffix(server.transcript(), "QUIT") {
		t.Errorf("no QUIT in\n%s", server.transcript())
	}
	if err := s.Send(t.Context(), letter(), nothing); !errors.Is(err, mail.ErrNoTurn) {
		t.Errorf("after Close: %v", err)
	}
}

// TestLongAnswers: what a server says is told on one line, and not without end.
func TestLongAnswers(t *testing.T) {
	server := serve(t, func(_, n int, step string) *reply {
		return at(n == 1 && step == "RCPT", reply{text: "550 no\x1b[31m\x00" + strings.Repeat("č", 2000) + "\r\n"})
	})
	err := server.sender(nil, mail.Spans{}).Send(t.Context(), letter(), nothing)
	refused, ok := errors.AsType[*mail.Refused](err)
	if !ok || len([]rune(refused.Answer)) != 500 || strings.ContainsAny(refused.Answer, "\x1b\x00\n") {
		t.Errorf("%d characters: %v", len(err.Error()), err)
	}
	endless := serve(t, func(_, _ int, step string) *reply {
		return at(step == "MAIL", reply{text: strings.Repeat("250-"+strings.Repeat("x", 1000)+"\r\n", 1000)})
	})
	if err := endless.sender(nil, mail.Spans{}).Send(t.Context(), letter(), nothing); !temporary(err) || !strings.Contains(err.Error(), "too much") {
		t.Errorf("%v", err)
	}
}

func TestUTF8Address(t *testing.T) {
	m := letter()
	m.To.Email = "šarić@bücher.example"
	server := scriptedAt(t, "127.0.0.1:0")
	server.start()
	refused, ok := errors.AsType[*mail.Refused](server.sender(nil, mail.Spans{}).Send(t.Context(), m, nothing))
	if !ok || !strings.Contains(refused.Answer, "SMTPUTF8") {
		t.Errorf("%v", refused)
	}
	knows := scriptedAt(t, "127.0.0.1:0")
	knows.extensions = []string{"SMTPUTF8"}
	knows.start()
	s := knows.sender(nil, mail.Spans{})
	if err := s.Send(t.Context(), m, nothing); err != nil {
		t.Fatal(err)
	}
	send(t, s)
	said := knows.transcript()
	if !strings.Contains(said, "RCPT TO:<šarić@xn--bcher-kva.example>") || strings.Count(said, "SMTPUTF8") != 1 {
		t.Errorf("the conversation was\n%s", said)
	}
}
