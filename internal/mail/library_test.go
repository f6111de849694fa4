package mail_test

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"cartracker/internal/mail"
	"cartracker/internal/mail/mailtest"
)

// A library server is one that others wrote, in this process.
type library struct {
	mu    sync.Mutex
	mails []string
}

// NewSession takes a connection.
func (l *library) NewSession(*smtp.Conn) (smtp.Session, error) { return &session{l: l}, nil }

type session struct{ l *library }

// Mail takes any sender.
func (*session) Mail(string, *smtp.MailOptions) error { return nil }

// Rcpt takes anybody but nobody.
func (*session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	return nil
}

// Data keeps the mail.
func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.l.mails = append(s.l.mails, string(b))
	return err
}

// Reset forgets nothing: there is nothing to forget.
func (*session) Reset() {}

// Logout ends the connection.
func (*session) Logout() error { return nil }

func TestLibrary(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	kept := &library{}
	server := smtp.NewServer(kept)
	good, roots := certificate(t)
	server.TLSConfig = good
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	t.Cleanup(func() {
		server.Close()
		<-ended
	})
	s := (&scripted{t: t, ln: ln}).sender(func(c *mail.SMTPConfig) { c.TLS, c.Roots = mail.TLSRequired, roots }, mail.Spans{})
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if err := s.Send(t.Context(), letter(), nothing); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	m := letter()
	m.To.Email = "nobody@example.com"
	if err := s.Send(t.Context(), m, nothing); err == nil || err.Error() != "the mail is refused: 550 5.1.1 no such mailbox" {
		t.Errorf("%v", err)
	}
	if len(kept.mails) != 100 {
		t.Errorf("%d mails", len(kept.mails))
	}
	for _, raw := range kept.mails {
		if m, err := mailtest.Parse([]byte(raw)); err != nil || m.Text != letter().Text {
			t.Fatalf("%v %+v", err, m)
		}
	}
}
