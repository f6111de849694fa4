package apptest

import (
	"bufio"
	"bytes"
	"database/sql"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A Postgres is a server of a test's own, which can be killed and started
// anew. Its commits wait for the disk.
type Postgres struct {
	URL string // of an empty database

	env   map[string]string
	child *exec.Cmd     // the server, once it was started anew
	ended chan struct{} // closed when child ended
}

// NewPostgres starts a server that is gone when the test ends.
func NewPostgres(t testing.TB) *Postgres {
	t.Helper()
	cmd := exec.Command(filepath.Join(root(t), "scripts/with-postgres.sh"), "sh", "-c", "env | grep ^TEST_POSTGRES_; echo; exec cat")
	cmd.Env = append(os.Environ(), "PG_FSYNC=on")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &Postgres{env: map[string]string{}}
	t.Cleanup(func() {
		s.stop()
		in.Close() // ends the cat, and so the script, which cleans up
		_ = cmd.Wait()
	})
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != ""; {
		name, value, _ := strings.Cut(lines.Text(), "=")
		s.env[name] = value
	}
	if s.URL = s.env["TEST_POSTGRES_URL"]; s.URL == "" {
		t.Fatal("there is no PostgreSQL of this test's own")
	}
	return s
}

// root returns the folder of the repository.
func root(t testing.TB) string {
	t.Helper()
	mod, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Dir(string(bytes.TrimSpace(mod)))
}

// Kill ends the server at once, as kill -9 does.
func (s *Postgres) Kill(t testing.TB) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.env["TEST_POSTGRES_DATA"], "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if s.child != nil {
		<-s.ended
	}
}

// Start starts the server anew and waits until it answers. Until the last
// process of the killed one is gone, it refuses to start.
func (s *Postgres) Start(t testing.TB) {
	t.Helper()
	db, err := sql.Open("pgx", s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	Until(t, "the start of PostgreSQL", func() bool {
		if s.child == nil || ended(s.ended) {
			s.launch(t)
		}
		return db.PingContext(t.Context()) == nil
	})
}

func (s *Postgres) launch(t testing.TB) {
	t.Helper()
	log, err := os.OpenFile(s.env["TEST_POSTGRES_LOG"], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(s.env["TEST_POSTGRES_BIN"], "postgres"), "-D", s.env["TEST_POSTGRES_DATA"])
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, s.env["TEST_POSTGRES_DATA"]
	if os.Getuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential(t, s.env["TEST_POSTGRES_USER"])}
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	end := make(chan struct{})
	go func() {
		defer close(end)
		_ = cmd.Wait()
	}()
	s.child, s.ended = cmd, end
}

func credential(t testing.TB, name string) *syscall.Credential {
	t.Helper()
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func ended(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// stop ends a server that was started anew; the first one is the script's.
func (s *Postgres) stop() {
	if s.child != nil {
		_ = s.child.Process.Signal(syscall.SIGQUIT) // at once, without a checkpoint
		<-s.ended
	}
}
