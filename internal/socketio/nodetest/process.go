package nodetest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long anything may take on a machine that has much else to do.
const patience = 30 * time.Second

// A process is a program of this folder that Node runs. It is told what to do
// by lines of JSON, and tells by lines what happens.
type process struct {
	t     testing.TB
	cmd   *exec.Cmd
	ended chan struct{} // closed once all that it said was heard

	writing sync.Mutex
	in      io.WriteCloser

	mu    sync.Mutex
	said  bytes.Buffer // on stderr
	last  int          // call
	calls map[int]chan answer
}

// A command is a line to a process.
type command struct {
	Do      string   `json:"do"`
	Call    int      `json:"call,omitempty"`
	Client  int      `json:"client,omitempty"`
	URL     string   `json:"url,omitempty"`
	Name    string   `json:"name,omitempty"`
	Args    []any    `json:"args"`
	Options *options `json:"options,omitempty"`
	Auth    any      `json:"auth,omitempty"`
	Timeout int      `json:"timeout,omitempty"` // milliseconds
	Ack     int      `json:"ack,omitempty"`
	Seq     int64    `json:"seq,omitempty"`

	Volatile bool `json:"volatile,omitempty"`
}

// A line is what a process says.
type line struct {
	Call   int             `json:"call"`
	Result json.RawMessage `json:"result"`
	Error  string          `json:"error"`

	URL    string `json:"url"`
	Client int    `json:"client"`
	What   string `json:"what"` // what happened to a socket
	Name   string `json:"name"` // of an event
	Args   Args   `json:"args"`
	Ack    int    `json:"ack"`
}

type answer struct {
	result json.RawMessage
	err    error
}

var errEnded = errors.New("the process of Node ended")

// launch runs a program of this folder until the test ends. Each line that is
// no answer is given to hear.
func launch(t testing.TB, hear func(line), program string, args ...string) *process {
	t.Helper()
	dir := folder(t)
	p := &process{t: t, ended: make(chan struct{}), calls: map[int]chan answer{}}
	p.cmd = exec.Command("node", append([]string{"--expose-gc", filepath.Join(dir, program)}, args...)...)
	p.cmd.Stderr = writer(p.hearErrors)
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		p.read(out, hear)
		_ = p.cmd.Wait()
	}()
	t.Cleanup(p.stop)
	return p
}

type writer func([]byte)

func (w writer) Write(b []byte) (int, error) {
	w(b)
	return len(b), nil
}

func (p *process) hearErrors(b []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said.Write(b)
}

// stderr returns what the process said there.
func (p *process) stderr() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

func (p *process) read(out io.Reader, hear func(line)) {
	for in := bufio.NewReader(out); ; {
		text, err := in.ReadBytes('\n')
		if err != nil {
			return
		}
		var l line
		if err := json.Unmarshal(text, &l); err != nil {
			p.t.Errorf("Node said %.200q: %v", text, err)
			continue
		}
		if l.Call == 0 {
			hear(l)
			continue
		}
		p.answered(l)
	}
}

func (p *process) answered(l line) {
	p.mu.Lock()
	waiting := p.calls[l.Call]
	delete(p.calls, l.Call)
	p.mu.Unlock()
	a := answer{result: l.Result}
	if l.Error != "" {
		a.err = errors.New(l.Error)
	}
	waiting <- a
}

// send tells the process what to do, and waits for no answer.
func (p *process) send(c command) {
	p.t.Helper()
	if err := p.write(c); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) write(c command) error {
	if c.Args == nil {
		c.Args = []any{}
	}
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	p.writing.Lock()
	defer p.writing.Unlock()
	if _, err = p.in.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("%w: %w\n%s", errEnded, err, p.stderr())
	}
	return nil
}

// call tells the process what to do, and waits for its answer. An error of the
// process is returned; that there is no answer ends the test.
func (p *process) call(c command) (json.RawMessage, error) {
	p.t.Helper()
	waiting := make(chan answer, 1)
	p.mu.Lock()
	p.last++
	c.Call = p.last
	p.calls[c.Call] = waiting
	p.mu.Unlock()
	p.send(c)
	late := time.NewTimer(patience + time.Duration(c.Timeout)*time.Millisecond)
	defer late.Stop()
	select {
	case a := <-waiting:
		return a.result, a.err
	case <-p.ended:
		p.t.Fatalf("%v before it answered to %s\n%s", errEnded, c.Do, p.stderr())
	case <-late.C:
		p.t.Fatalf("Node does not answer to %s\n%s", c.Do, p.stderr())
	}
	return nil, nil
}

// must is call where an error is one of the test.
func (p *process) must(c command) json.RawMessage {
	p.t.Helper()
	result, err := p.call(c)
	if err != nil {
		p.t.Fatalf("%s: %v\n%s", c.Do, err, p.stderr())
	}
	return result
}

// stop ends the process by ending its lines, or else at once.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGCONT) // it may be frozen
	_ = p.in.Close()
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-p.ended:
	case <-late.C:
		p.kill()
		p.t.Errorf("Node did not end")
	}
	if said := p.stderr(); said != "" && p.t.Failed() {
		p.t.Logf("Node said:\n%s", said)
	}
}

// kill ends the process at once, as kill -9 does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

func (p *process) signal(signal os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
}

// freeze lets the process do nothing any more, while its connections stay open.
func (p *process) freeze() { p.signal(syscall.SIGSTOP) }

// thaw lets a process that was frozen go on.
func (p *process) thaw() { p.signal(syscall.SIGCONT) }
