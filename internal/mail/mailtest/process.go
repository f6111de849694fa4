package mailtest

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"cartracker/internal/machinetest"
)

// sink returns the path of smtp-sink. Where there is none the test is skipped, or
// fails if TEST_REQUIRE_SMTP is set.
func sink(t testing.TB) string {
	t.Helper()
	var said bytes.Buffer
	cmd := exec.Command(filepath.Join(machinetest.Root(t), "scripts", "smtp-sink.sh"))
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err == nil {
		return strings.TrimSpace(string(out))
	}
	if os.Getenv("TEST_REQUIRE_SMTP") != "" {
		t.Fatalf("there is no smtp-sink, and TEST_REQUIRE_SMTP says that there must be: %v\n%s", err, said.String())
	}
	t.Skipf("there is no smtp-sink: run scripts/need.sh (%v)\n%s", err, said.String())
	return ""
}

// A process is one run of the server.
type process struct {
	cmd    *exec.Cmd
	output bytes.Buffer // complete once it has ended
	ended  chan struct{}
}

// launch starts the server and waits until it greets.
func (s *Server) launch(more ...string) (*process, error) {
	s.runs++ // each run has names of its own for its files
	args := []string{"-u", "root"}
	if os.Geteuid() != 0 {
		args = nil
	}
	args = append(args, more...)
	args = append(args, "-d", filepath.Join(s.dir, strconv.Itoa(s.runs)+"."), s.Addr(), "200")
	p := &process{cmd: exec.Command(s.path, args...), ended: make(chan struct{})}
	p.cmd.Stderr = &p.output
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	if err := p.greets(s.Addr()); err != nil {
		_ = p.cmd.Process.Kill()
		<-p.ended
		return nil, fmt.Errorf("%w: %s", err, p.output.String())
	}
	return p, nil
}

// greets waits until the server does, which it has no other way to tell.
func (p *process) greets(addr string) error {
	again := time.NewTicker(2 * time.Millisecond)
	defer again.Stop()
	late := time.After(patience)
	for {
		if conn, err := net.Dial("tcp", addr); err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return errors.New("smtp-sink ended")
		case <-late:
			return errors.New("smtp-sink did not start")
		case <-again.C:
		}
	}
}
