// Package pgtest runs PostgreSQL servers of a test's own, which can be stopped,
// killed, hung and replicated.
package pgtest

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cartracker/internal/machinetest"
)

const (
	owner    = "cartracker" // who may do everything in the databases
	patience = 60 * time.Second
)

// A Server is a PostgreSQL server on 127.0.0.1. It is gone when the test ends.
// Its commits do not wait for the disk, but survive all that this package does to it.
type Server struct {
	t        testing.TB
	programs string // their folder
	folder   string
	port     int
	password string
	running  *process // nil once it was stopped or killed
	killed   int      // the process that was killed last
	hung     bool     // once it did
}

// New starts a server with the empty databases postgres and cartracker. The
// settings are lines of postgresql.conf, such as "max_connections = 20".
// Without the programs of PostgreSQL the test is skipped, or fails if
// TEST_REQUIRE_POSTGRES is set.
func New(t testing.TB, settings ...string) *Server {
	t.Helper()
	s := prepare(t, rand.Text())
	file := filepath.Join(s.folder, "password")
	s.write(file, s.password)
	s.run("initdb", "-D", s.data(), "-U", owner, "--pwfile", file, "--auth", "scram-sha-256", "-E", "UTF8", "--locale", "C.UTF-8", "--no-sync")
	s.include()
	s.configure(settings)
	s.Start()
	s.run("createdb", "-h", "127.0.0.1", "-p", strconv.Itoa(s.port), "-U", owner, owner)
	return s
}

// Replica starts a server that streams from s, which must be running, and
// answers reads. Settings are added to those of s.
func (s *Server) Replica(settings ...string) *Server {
	s.t.Helper()
	r := prepare(s.t, s.password)
	r.run("pg_basebackup", "-D", r.data(), "-d", s.URL("postgres"), "-R", "-X", "stream", "-c", "fast", "--no-sync")
	inherited, err := os.ReadFile(filepath.Join(s.data(), "test.conf"))
	if err != nil {
		s.t.Fatal(err)
	}
	r.configure(append(strings.Split(strings.TrimSpace(string(inherited)), "\n"), settings...))
	r.Start()
	return r
}

// URL returns the address of a database of s.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(owner, s.password), Host: s.Addr(),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Addr returns the host and the port of s.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Password returns the password that is part of URL.
func (s *Server) Password() string { return s.password }

// prepare makes a folder for a server that is not there yet.
func prepare(t testing.TB, password string) *Server {
	t.Helper()
	programs := os.Getenv("TEST_POSTGRES_BIN")
	if programs == "" {
		if os.Getenv("TEST_REQUIRE_POSTGRES") != "" {
			t.Fatal("TEST_POSTGRES_BIN is not set, and TEST_REQUIRE_POSTGRES says that PostgreSQL must be there")
		}
		t.Skip("TEST_POSTGRES_BIN is not set; see scripts/with-postgres.sh")
	}
	// Not t.TempDir: its parent is closed to the user who runs the server.
	folder, err := os.MkdirTemp("", "cartracker-pg-*")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{t: t, programs: programs, folder: folder, password: password, port: machinetest.FreePort(t)}
	t.Cleanup(s.clear)
	s.give(folder)
	return s
}

func (s *Server) data() string { return filepath.Join(s.folder, "data") }
func (s *Server) log() string  { return filepath.Join(s.folder, "log") }

// Log returns what the server has logged.
func (s *Server) Log() string {
	text, _ := os.ReadFile(s.log())
	return string(text)
}

// include lets the server read a file of ours behind its own settings.
func (s *Server) include() {
	s.t.Helper()
	f, err := os.OpenFile(filepath.Join(s.data(), "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = f.WriteString("include 'test.conf'\n")
	if closed := f.Close(); err != nil || closed != nil {
		s.t.Fatal(err, closed)
	}
}

// configure writes the settings. Of two for the same the last one counts.
func (s *Server) configure(settings []string) {
	s.t.Helper()
	all := []string{
		"max_connections = 100", "fsync = off", "full_page_writes = off", "synchronous_commit = on", "jit = off",
		"timezone = 'UTC'", "lc_messages = 'C'", "wal_keep_size = '256MB'",
	}
	all = append(append(all, settings...),
		"listen_addresses = '127.0.0.1'", fmt.Sprintf("port = %d", s.port), "unix_socket_directories = ''")
	s.write(filepath.Join(s.data(), "test.conf"), strings.Join(all, "\n")+"\n")
}

// write writes a file that the server's user can read.
func (s *Server) write(path, text string) {
	s.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.give(path)
}

// run runs one of PostgreSQL's programs to its end.
func (s *Server) run(program string, args ...string) {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(s.programs, program), args...)
	s.own(cmd)
	cmd.Env = append(cmd.Env, "PGPASSWORD="+s.password)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", program, err, out)
	}
}
