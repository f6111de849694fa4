package main

import (
	"fmt"
	"net"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// hang begins a request that does not end by itself.
func (p *running) hang(t *testing.T) net.Conn {
	t.Helper()
	conn := p.dial(t)
	fmt.Fprint(conn, head+"Expect: 100-continue\r\n\r\n")
	if status, _ := answer(t, conn, 15*time.Second); status != 100 { // the program is reading the body now
		t.Fatalf("no 100 but %d", status)
	}
	return conn
}

func (p *running) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// TestSecondSignal: whoever asks twice is not kept waiting, and told what was
// not finished.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	for name, signals := range map[string][2]syscall.Signal{
		"SIGTERM":                {syscall.SIGTERM, syscall.SIGTERM},
		"SIGINT":                 {syscall.SIGINT, syscall.SIGINT},
		"SIGTERM, then SIGINT":   {syscall.SIGTERM, syscall.SIGINT},
		"SIGINT, once it drains": {syscall.SIGINT, syscall.SIGTERM},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, t.TempDir())
			p.hang(t)
			p.signal(signals[0])
			step := "last connections"
			p.until("stopping: ready")
			if strings.Contains(name, "drains") {
				step = "requests"
				p.until("stopping: sockets")
			}
			p.signal(signals[1])
			if exit := p.ends(); exit != 1 {
				t.Errorf("exit code %d", exit)
			}
			want := regexp.MustCompile(`msg="ended at once, before all had finished" why="told to stop a second time" step="?` + step + `"? .*requests=1 `)
			if said := p.said.String(); !want.MatchString(said) || strings.Contains(said, "stopping: requests") {
				t.Errorf("it does not say that %s was not over:\n%s", step, said)
			}
		})
	}
}

// TestImpatient: a request that hangs keeps the program for as long as it may
// take, and no longer. What goes well ends with 0 in that time.
func TestImpatient(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hangs bool
		exit  int
		said  string
	}{
		"hanging": {true, 1, `why="stopping takes longer than 1s" step=requests .*requests=1 `},
		"in time": {false, 0, `msg=stopped ms=\d`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, t.TempDir(), "AS_CARTRACKER=impatient", "STOP_WINDOW=1ms")
			if c.hangs {
				p.hang(t)
			}
			began := time.Now()
			p.signal(syscall.SIGTERM)
			if exit := p.ends(); exit != c.exit || c.hangs && time.Since(began) < time.Second {
				t.Errorf("exit code %d after %s", exit, time.Since(began))
			}
			if !regexp.MustCompile(c.said).MatchString(p.said.String()) {
				t.Errorf("it does not say %q:\n%s", c.said, p.said)
			}
		})
	}
}
