package mail_test

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"cartracker/internal/mail"
)

// TestOutageIsTold: once when the server goes away, and once when it is back.
func TestOutageIsTold(t *testing.T) {
	var log bytes.Buffer // Send writes it, in this goroutine
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	s := (&scripted{t: t, ln: ln}).sender(nil, mail.Spans{Pause: time.Millisecond, Longest: time.Millisecond})
	later := s.Clock()
	for range 3 {
		if err := s.Send(t.Context(), letter(), nothing); !temporary(err) {
			t.Fatal(err)
		}
	}
	later(90 * time.Second)
	scriptedAt(t, addr).start()
	send(t, s)
	send(t, s)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], "mails wait") || !strings.Contains(lines[1], "level=INFO") || !strings.Contains(lines[1], "away=1m3") {
		t.Errorf("the log is\n%s", &log)
	}
}
