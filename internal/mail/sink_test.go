package mail_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"cartracker/internal/mail"
	"cartracker/internal/mail/mailtest"
)

func to(server *mailtest.Server) *mail.SMTP {
	return mail.NewSMTP(mail.SMTPConfig{Host: server.Host(), Port: server.Port(), From: mail.Address{Name: "Car Tracker", Email: "desk@rent.example.com"}, TLS: mail.TLSAuto})
}

// TestFaultsAtSink sends to the server of Postfix, with all that can go wrong there.
func TestFaultsAtSink(t *testing.T) {
	server := mailtest.Start(t)
	s := to(server)
	s.Quicken(mail.Spans{Answer: 2 * time.Second, Pause: time.Millisecond, Longest: time.Millisecond})
	defer s.Close()
	first := send(t, s)
	got := server.Wait(1, patience)[0]
	if got.MessageID != "<"+first.ID+"@rent.example.com>" || got.Subject != first.Subject || got.Text != first.Text || got.HTML != first.HTML || !slices.Equal(got.Rcpt, []string{"<amra@example.com>"}) {
		t.Errorf("it arrived as %+v", got)
	}
	for name, break_ := range map[string]func(){"down": server.Down, "4xx": server.Answer4xx, "hang": server.Hang} {
		break_()
		if err := s.Send(t.Context(), letter(), func() error { t.Error("taken"); return nil }); !temporary(err) {
			t.Errorf("%s: %v", name, err)
		}
		server.Up()
		send(t, s)
	}
	server.Answer5xx()
	if _, ok := errors.AsType[*mail.Refused](s.Send(t.Context(), letter(), nothing)); !ok {
		t.Error("not refused")
	}
	server.DropAfterData()
	m := letter()
	if err := s.Send(t.Context(), m, nothing); !temporary(err) {
		t.Errorf("%v", err)
	}
	server.Up()
	if err := s.Send(t.Context(), m, nothing); err != nil {
		t.Error(err)
	}
	// One was taken twice, and it can be told that it is the same.
	if all := server.Wait(6, patience); len(all) != 6 || len(mailtest.IDs(all)) != 5 {
		t.Errorf("%d mails, of which %d differ", len(all), len(mailtest.IDs(all)))
	}
}

// BenchmarkSink hands mails to the server of Postfix over one connection.
func BenchmarkSink(b *testing.B) {
	server := mailtest.Start(b)
	s := to(server)
	defer s.Close()
	for b.Loop() {
		if err := s.Send(b.Context(), letter(), nothing); err != nil {
			b.Fatal(err)
		}
	}
}
