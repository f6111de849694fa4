package redistest

import (
	"bufio"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A process is one run of the server.
type process struct {
	cmd    *exec.Cmd
	output strings.Builder // complete once it has ended
	ended  chan struct{}
}

func (s *Server) launch() (*process, error) {
	args := []string{"--bind", "127.0.0.1", "--port", strconv.Itoa(s.port), "--dir", s.dir, "--save", "", "--appendonly", "no"}
	if s.opts.Password != "" {
		args = append(args, "--requirepass", s.opts.Password)
	}
	if s.opts.MaxMemory != "" {
		args = append(args, "--maxmemory", s.opts.MaxMemory, "--maxmemory-policy", "noeviction")
	}
	p := &process{cmd: exec.Command("redis-server", append(args, s.opts.More...)...), ended: make(chan struct{})}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	accepts := make(chan struct{})
	go func() {
		defer close(p.ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.output.WriteString(lines.Text() + "\n")
			if strings.Contains(lines.Text(), "Ready to accept connections") {
				close(accepts)
			}
		}
		_ = p.cmd.Wait()
	}()
	select {
	case <-accepts:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("redis-server ended: %s", p.output.String())
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.ended
		return nil, fmt.Errorf("redis-server did not start: %s", p.output.String())
	}
}
