package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// guard runs a server until that ends, or until nobody holds the other end of
// its descriptor 3 any more: a test that is killed leaves no server behind. A
// server that has only begun still ignores the signal.
const guard = `"$0" -D "$1" 3<&- & server=$!
{ cat <&3 >/dev/null; kill -CONT $server; while kill -QUIT $server; do sleep 0.1; done; } 2>/dev/null & watch=$!
wait $server
kill $watch`

// A process is one run of a server.
type process struct {
	cmd   *exec.Cmd
	hold  *os.File // what keeps it running
	ended chan struct{}
}

// Start starts a server that is stopped or was killed, and waits until it answers.
func (s *Server) Start() {
	s.t.Helper()
	s.launch()
	s.until("start", func() bool {
		select {
		case <-s.running.ended: // another one was still ending
			s.launch()
		default:
		}
		pid, err := s.readPID()
		return err == nil && pid != s.killed && s.status() == "ready"
	})
}

// Stop stops the server as an administrator does who does not wait for
// clients: their connections are ended, and what they had not committed is undone.
func (s *Server) Stop() {
	s.t.Helper()
	s.signal(s.pid(), syscall.SIGINT)
	s.await()
}

// Kill ends all processes of the server at once, as kill -9 does.
func (s *Server) Kill() {
	s.t.Helper()
	pid := s.pid()
	children := s.children(pid)
	s.killed = pid // which leaves behind what it said of itself
	s.signal(pid, syscall.SIGKILL)
	for _, child := range children {
		_ = syscall.Kill(child, syscall.SIGKILL) // it may have ended by itself
	}
	s.await()
}

// Hang lets the server do nothing any more. The system still accepts
// connections for it. It goes on when the test ends, before what was opened
// earlier is closed: that may wait for an answer.
func (s *Server) Hang() {
	s.t.Helper()
	pid := s.pid()
	if !s.hung {
		s.hung = true
		s.t.Cleanup(s.Resume)
	}
	s.signal(pid, syscall.SIGSTOP) // first, so that no more children come
	for _, child := range s.children(pid) {
		_ = syscall.Kill(child, syscall.SIGSTOP)
	}
}

// Resume lets a server that hangs go on.
func (s *Server) Resume() {
	s.t.Helper()
	if s.running == nil { // it was killed meanwhile
		return
	}
	pid := s.pid()
	for _, child := range s.children(pid) {
		_ = syscall.Kill(child, syscall.SIGCONT)
	}
	s.signal(pid, syscall.SIGCONT)
}

// Promote lets a replica become a primary, and waits until it is one.
func (s *Server) Promote() {
	s.t.Helper()
	s.run("pg_ctl", "promote", "-D", s.data(), "-w", "-t", strconv.Itoa(int(patience.Seconds())))
}

// launch starts the server without waiting for it.
func (s *Server) launch() {
	s.t.Helper()
	log, err := os.OpenFile(s.log(), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	watched, hold, err := os.Pipe()
	if err != nil {
		s.t.Fatal(err)
	}
	defer watched.Close()
	cmd := exec.Command("sh", "-c", guard, filepath.Join(s.programs, "postgres"), s.data())
	s.own(cmd)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{watched}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true // what ends the group of the test would end the guard, and not the server
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	p := &process{cmd: cmd, hold: hold, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait()
		hold.Close()
	}()
	s.running = p
}

// await waits until the server has ended.
func (s *Server) await() {
	s.t.Helper()
	select {
	case <-s.running.ended:
		s.running = nil
	case <-time.After(patience):
		s.t.Fatalf("the server did not end within %s:\n%s", patience, s.Log())
	}
}

// clear ends the server, if it runs, and removes what it wrote.
func (s *Server) clear() {
	if p := s.running; p != nil {
		if pid, err := s.readPID(); err == nil {
			for _, child := range s.children(pid) {
				_ = syscall.Kill(child, syscall.SIGCONT)
			}
		}
		p.hold.Close()
		<-p.ended
	}
	s.until("end of its last children", func() bool { return os.RemoveAll(s.folder) == nil })
}

// until calls done again and again until it returns true: a server tells
// nobody when its state changes.
func (s *Server) until(what string, done func() bool) {
	s.t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for began := time.Now(); !done(); <-again.C {
		if time.Since(began) > patience {
			s.t.Fatalf("the server's %s did not come within %s:\n%s", what, patience, s.Log())
		}
	}
}

// lines returns what the server says of itself.
func (s *Server) lines() []string {
	text, _ := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	return strings.Split(string(text), "\n")
}

func (s *Server) status() string {
	if all := s.lines(); len(all) > 7 {
		return strings.TrimSpace(all[7])
	}
	return ""
}

func (s *Server) readPID() (int, error) { return strconv.Atoi(s.lines()[0]) }

func (s *Server) pid() int {
	s.t.Helper()
	pid, err := s.readPID()
	if err != nil || s.running == nil {
		s.t.Fatal("the server does not run")
	}
	return pid
}

func (s *Server) signal(pid int, sig syscall.Signal) {
	s.t.Helper()
	if err := syscall.Kill(pid, sig); err != nil {
		s.t.Fatalf("%s to the server: %v", sig, err)
	}
}

// children returns the processes that the server has started.
func (s *Server) children(pid int) (all []int) {
	s.t.Helper()
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		s.t.Errorf("ps: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		var child, parent int
		if _, err := fmt.Sscan(line, &child, &parent); err == nil && parent == pid {
			all = append(all, child)
		}
	}
	return all
}

// own lets cmd run as the user who may run the server, which refuses root.
func (s *Server) own(cmd *exec.Cmd) {
	s.t.Helper()
	cmd.Dir = s.folder
	cmd.Env = append(os.Environ(), "HOME="+s.folder)
	if os.Getuid() == 0 {
		uid, gid := s.user()
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
}

// give makes a file the server's.
func (s *Server) give(path string) {
	s.t.Helper()
	if os.Getuid() != 0 {
		return
	}
	uid, gid := s.user()
	if err := os.Chown(path, uid, gid); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Server) user() (uid, gid int) {
	s.t.Helper()
	u, err := user.Lookup(os.Getenv("TEST_POSTGRES_USER"))
	if err != nil {
		s.t.Fatal(err)
	}
	uid, err = strconv.Atoi(u.Uid)
	if err == nil {
		gid, err = strconv.Atoi(u.Gid)
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return uid, gid
}
