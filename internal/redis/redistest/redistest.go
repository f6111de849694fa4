// Package redistest starts a Redis server of its own for a test.
package redistest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cartracker/internal/machinetest"
)

const patience = 20 * time.Second

// Options say what is special about a Server.
type Options struct {
	Password  string
	MaxMemory string   // such as 1mb: what does not fit is refused
	More      []string // of the command line
}

// A Server is a Redis server on 127.0.0.1 that keeps nothing on disk. It is
// stopped when its test ends. One goroutine uses it at a time.
type Server struct {
	t    testing.TB
	opts Options
	dir  string
	port int
	user *url.Userinfo
	now  *process // nil while it is stopped
}

// New starts a Server. Where there is no redis-server the test is skipped, or
// fails if TEST_REQUIRE_REDIS is set.
func New(t testing.TB, opts Options) *Server {
	t.Helper()
	s := Stopped(t, opts)
	for range 10 {
		p, err := s.launch()
		if err == nil {
			s.now = p
			return s
		}
		if !strings.Contains(err.Error(), "in use") {
			t.Fatal(err)
		}
		s.port = machinetest.FreePort(t)
	}
	t.Fatal("found no free port")
	return nil
}

// Stopped returns a Server that has an address but has not been started.
func Stopped(t testing.TB, opts Options) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("TEST_REQUIRE_REDIS") != "" {
			t.Fatal("there is no redis-server, and TEST_REQUIRE_REDIS says that there must be: run scripts/need.sh")
		}
		t.Skip("there is no redis-server: run scripts/need.sh")
	}
	s := &Server{t: t, opts: opts, dir: t.TempDir(), port: machinetest.FreePort(t)}
	if opts.Password != "" {
		s.user = url.UserPassword("", opts.Password)
	}
	t.Cleanup(func() {
		if s.now != nil {
			s.Kill()
		}
	})
	return s
}

// Addr returns the host and port of the server.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL returns the address of the server, with the password it began with.
func (s *Server) URL() string {
	return (&url.URL{Scheme: "redis", User: s.user, Host: s.Addr()}).String()
}

// Start starts the server again on its port.
func (s *Server) Start() {
	s.t.Helper()
	p, err := s.launch()
	if err != nil {
		s.t.Fatal(err)
	}
	s.now = p
}

// Stop lets the server end by itself.
func (s *Server) Stop() { s.end(syscall.SIGTERM) }

// Kill ends the server at once, also if it hangs.
func (s *Server) Kill() { s.end(syscall.SIGKILL) }

func (s *Server) end(signal syscall.Signal) {
	s.t.Helper()
	p := s.now
	s.now = nil
	_ = p.cmd.Process.Signal(signal)
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.ended
		s.t.Errorf("redis-server did not end by %s:\n%s", signal, p.output.String())
	}
}

// Hang makes the server do nothing from now on, while its connections stay open.
func (s *Server) Hang() {
	s.t.Helper()
	s.signal(syscall.SIGSTOP)
	s.untilState('T')
}

// Resume lets a server that hangs go on.
func (s *Server) Resume() {
	s.t.Helper()
	s.signal(syscall.SIGCONT)
}

func (s *Server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.now.cmd.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

// untilState waits for what the system says of the process.
func (s *Server) untilState(want byte) {
	s.t.Helper()
	file := fmt.Sprintf("/proc/%d/stat", s.now.cmd.Process.Pid)
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-again.C {
		stat, err := os.ReadFile(file)
		if err != nil {
			s.t.Fatal(err)
		}
		if _, rest, _ := bytes.Cut(stat, []byte(") ")); rest[0] == want {
			return
		}
	}
	s.t.Fatalf("redis-server did not come to the state %c", want)
}

// Do sends a command past the program and returns its answer, as Redis writes
// it: "+OK", ":7", or the text of a text.
func (s *Server) Do(words ...string) string {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	answers := bufio.NewReader(conn)
	if s.opts.Password != "" {
		s.ask(conn, answers, []string{"AUTH", s.opts.Password})
	}
	return s.ask(conn, answers, words)
}

// SetPassword gives the server another password and ends every connection. Its
// URL stays as it was.
func (s *Server) SetPassword(password string) {
	s.t.Helper()
	if answer := s.Do("CONFIG", "SET", "requirepass", password); answer != "+OK" {
		s.t.Fatal(answer)
	}
	s.opts.Password = password
	s.Do("CLIENT", "KILL", "TYPE", "normal")
}

func (s *Server) ask(conn net.Conn, answers *bufio.Reader, words []string) string {
	s.t.Helper()
	command := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		command = fmt.Appendf(command, "$%d\r\n%s\r\n", len(w), w)
	}
	_, err := conn.Write(command)
	if err != nil {
		s.t.Fatal(err)
	}
	line, err := answers.ReadString('\n')
	line = strings.TrimSpace(line)
	if n, bad := strconv.Atoi(strings.TrimPrefix(line, "$")); err == nil && bad == nil && line[0] == '$' && n >= 0 {
		text := make([]byte, n)
		_, err = io.ReadFull(answers, text)
		line = string(text)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return line
}

// Calls returns how often a command was called since the server started, or
// since CONFIG RESETSTAT.
func (s *Server) Calls(command string) int {
	s.t.Helper()
	_, rest, _ := strings.Cut(s.Do("INFO", "commandstats"), "cmdstat_"+command+":calls=")
	number, _, _ := strings.Cut(rest, ",")
	n, _ := strconv.Atoi(number)
	return n
}
