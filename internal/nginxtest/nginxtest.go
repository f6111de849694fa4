// Package nginxtest starts an nginx of its own for a test, with what
// deploy/nginx/cartracker.conf says.
package nginxtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cartracker/internal/machinetest"
)

const patience = 20 * time.Second

// An HTTP is what stands in the block http of a server that listens at addr, a
// host and a port, and writes its files into dir.
type HTTP func(addr, dir string) string

// A Server is nginx on 127.0.0.1, in a folder of its own. It is stopped when its
// test ends.
type Server struct {
	t    testing.TB
	dir  string
	port int
	http HTTP
	now  *process // nil while it is stopped
}

// Start starts a Server and waits until it listens. Where there is no nginx the
// test is skipped, or fails if TEST_REQUIRE_NGINX is set.
func Start(t testing.TB, http HTTP) *Server {
	t.Helper()
	Program(t)
	s := &Server{t: t, dir: t.TempDir(), http: http}
	t.Cleanup(func() {
		if s.now != nil {
			s.end(syscall.SIGTERM)
		}
	})
	for range 10 {
		s.port = machinetest.FreePort(t)
		s.write()
		if err := s.launch(); err == nil {
			return s
		} else if !strings.Contains(err.Error(), "Address already in use") {
			t.Fatal(err)
		}
	}
	t.Fatal("found no free port")
	return nil
}

// Program returns the path of nginx. Where there is none the test is skipped,
// or fails if TEST_REQUIRE_NGINX is set.
func Program(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"nginx", "/usr/sbin/nginx"} { // the latter is not in the PATH of all users
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("TEST_REQUIRE_NGINX") != "" {
		t.Fatal("there is no nginx, and TEST_REQUIRE_NGINX says that there must be: run scripts/need.sh")
	}
	t.Skip("there is no nginx: run scripts/need.sh")
	return ""
}

// Addr returns the host and port of the server.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL returns the address of the server, by http.
func (s *Server) URL() string { return "http://" + s.Addr() }

// Log returns what was logged of requests so far: of each a moment after it has
// ended, and of all once the server was stopped.
func (s *Server) Log() string {
	s.t.Helper()
	return read(s.t, filepath.Join(s.dir, "access.log"))
}

// Errors returns what was logged beside requests, by the server and about it.
func (s *Server) Errors() string {
	s.t.Helper()
	return read(s.t, filepath.Join(s.dir, "error.log")) + s.now.said()
}

func read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	return string(text)
}

// Stop ends the server at once, with the requests that are under way.
func (s *Server) Stop() {
	s.t.Helper()
	s.end(syscall.SIGTERM)
}

// Again starts a server that was stopped, at the same address.
func (s *Server) Again() {
	s.t.Helper()
	if err := s.launch(); err != nil {
		s.t.Fatal(err)
	}
}

// write writes what the server is to do.
func (s *Server) write() {
	s.t.Helper()
	if err := os.WriteFile(s.file(), []byte(frame(s.http(s.Addr(), s.dir), s.dir)), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) file() string { return filepath.Join(s.dir, "nginx.conf") }

// frame returns the whole configuration around a block http. The workers of root
// are root, since the folders of tests are for nobody else.
func frame(http, dir string) string {
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	temp := ""
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		temp += fmt.Sprintf("%s_temp_path %s/%s;\n", kind, dir, kind)
	}
	return user + "daemon off;\nworker_processes 2;\nworker_rlimit_nofile 8192;\npid " + dir + "/pid;\nerror_log stderr notice;\nevents { worker_connections 4096; }\n" +
		"http {\n" + temp + "gzip on;\n" + http + "}\n" // Debian switches gzip on
}

// Check lets nginx read a block http without running it, and returns what it
// finds wrong.
func Check(t testing.TB, http HTTP) error {
	t.Helper()
	program, dir := Program(t), t.TempDir()
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(frame(http("127.0.0.1:"+strconv.Itoa(machinetest.FreePort(t)), dir), dir)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "-t", "-q", "-p", dir, "-e", "stderr", "-c", file).CombinedOutput()
	if err != nil || len(out) > 0 {
		return fmt.Errorf("%s (%w)", out, err)
	}
	return nil
}
