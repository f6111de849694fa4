// Package mailtest starts an SMTP server of its own for a test: smtp-sink of
// Postfix, which keeps what it is given in a folder and can be told to fail.
package mailtest

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cartracker/internal/machinetest"
)

const patience = 20 * time.Second

// A Server is an SMTP server on 127.0.0.1. It is stopped when its test ends. One
// goroutine uses it at a time.
type Server struct {
	t    testing.TB
	path string // of the program
	dir  string // of the mails
	port int
	runs int
	now  *process // nil while it is down
	hung bool

	read map[string]Mail // by file
}

// Start starts a Server. Where there is no smtp-sink the test is skipped, or
// fails if TEST_REQUIRE_SMTP is set.
func Start(t testing.TB) *Server {
	t.Helper()
	s := &Server{t: t, path: sink(t), dir: t.TempDir(), read: map[string]Mail{}}
	t.Cleanup(s.Down)
	for range 10 {
		s.port = machinetest.FreePort(t)
		p, err := s.launch()
		if err == nil {
			s.now = p
			return s
		}
		if !strings.Contains(err.Error(), "in use") {
			t.Fatal(err)
		}
	}
	t.Fatal("found no free port")
	return nil
}

// Host returns the host of the server.
func (s *Server) Host() string { return "127.0.0.1" }

// Port returns the port of the server, which it keeps while it is down.
func (s *Server) Port() int { return s.port }

// Addr returns host and port of the server.
func (s *Server) Addr() string { return net.JoinHostPort(s.Host(), strconv.Itoa(s.port)) }

// Up makes the server do its work again, whatever was wrong with it.
func (s *Server) Up() {
	s.t.Helper()
	if s.hung {
		s.hung = false
		s.signal(syscall.SIGCONT)
		return
	}
	s.restart()
}

// Down ends the server at once: connections are refused, those that are open are cut.
func (s *Server) Down() {
	s.t.Helper()
	if s.now == nil {
		return
	}
	_ = s.now.cmd.Process.Kill()
	select {
	case <-s.now.ended:
	case <-time.After(patience):
		s.t.Errorf("smtp-sink did not end")
	}
	s.now, s.hung = nil, false
}

// Hang makes the server do nothing from now on, while it still can be connected to.
func (s *Server) Hang() {
	s.t.Helper()
	if s.now == nil {
		s.restart()
	}
	s.hung = true
	s.signal(syscall.SIGSTOP)
}

// Answer4xx makes the server answer 450 to each recipient.
func (s *Server) Answer4xx() { s.restart("-r", "RCPT") }

// Answer5xx makes the server answer 500 to each recipient.
func (s *Server) Answer5xx() { s.restart("-f", "RCPT") }

// DropAfterData makes the server take each mail, and then close the connection
// without saying so.
func (s *Server) DropAfterData() { s.restart("-q", ".") }

// Slow makes the server wait before it answers to each of some commands, such as
// RCPT. At "." it has kept the mail before it waits.
func (s *Server) Slow(by time.Duration, commands ...string) {
	s.t.Helper()
	var args []string
	for _, c := range commands {
		args = append(args, "-W", c+":"+strconv.Itoa(int(by/time.Second)))
	}
	s.restart(args...)
}

func (s *Server) restart(args ...string) {
	s.t.Helper()
	s.Down()
	p, err := s.launch(args...)
	if err != nil {
		s.t.Fatal(err)
	}
	s.now = p
}

func (s *Server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.now.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// Mails returns the mails that have arrived whole, in no certain order.
func (s *Server) Mails() []Mail {
	s.t.Helper()
	files, err := filepath.Glob(filepath.Join(s.dir, "*"))
	if err != nil {
		s.t.Fatal(err)
	}
	var all []Mail
	for _, f := range files {
		if m, ok := s.open(f); ok {
			all = append(all, m)
		}
	}
	return all
}

// open reads a file once it is whole.
func (s *Server) open(file string) (Mail, bool) {
	s.t.Helper()
	if m, ok := s.read[file]; ok {
		return m, true
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		s.t.Fatal(err)
	}
	m, err := Parse(raw)
	if err != nil { // it is still being written, or the line was cut
		return Mail{}, false
	}
	s.read[file] = m
	return m, true
}

// Wait waits until at least n mails have arrived, and returns them all.
func (s *Server) Wait(n int, within time.Duration) []Mail {
	s.t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(within); ; <-again.C {
		if all := s.Mails(); len(all) >= n {
			return all
		} else if time.Now().After(end) {
			s.t.Fatalf("%d mails within %s, not %d", len(all), within, n)
		}
	}
}

// IDs returns the Message-IDs of mails, each once, in order.
func IDs(mails []Mail) []string {
	var ids []string
	for _, m := range mails {
		ids = append(ids, m.MessageID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
