package nginxtest

import (
	"bufio"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A process is one run of the server.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}

	mu     sync.Mutex
	output strings.Builder
}

// launch starts the server. It listens before it starts its workers, and tells
// of these.
func (s *Server) launch() error {
	p := &process{cmd: exec.Command(Program(s.t), "-p", s.dir, "-e", "stderr", "-c", s.file()), ended: make(chan struct{})}
	// A group of its own: Ctrl-C is for the test, and its workers can be killed with it.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := p.cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	listens := make(chan struct{})
	go func() {
		defer close(p.ended)
		told := false
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.hear(lines.Text())
			if !told && strings.Contains(lines.Text(), "start worker process ") {
				told = true
				close(listens)
			}
		}
		_ = p.cmd.Wait()
	}()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-listens:
		s.now = p
		return nil
	case <-p.ended:
		return fmt.Errorf("nginx ended: %s", p.said())
	case <-late.C:
		p.kill()
		return fmt.Errorf("nginx did not start: %s", p.said())
	}
}

func (p *process) hear(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.output.WriteString(line + "\n")
}

// said returns what the process wrote to stderr; nothing if there is none.
func (p *process) said() string {
	if p == nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.output.String()
}

// kill ends the process and its workers at once.
func (p *process) kill() {
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.ended
}

func (s *Server) end(signal syscall.Signal) {
	s.t.Helper()
	p := s.now
	s.now = nil
	_ = p.cmd.Process.Signal(signal)
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-p.ended:
	case <-late.C:
		p.kill()
		s.t.Errorf("nginx did not end by %s:\n%s", signal, p.said())
	}
}
