package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cartracker/internal/app"
	"cartracker/internal/app/apptest"
)

func TestMain(m *testing.M) {
	switch os.Getenv("AS_CARTRACKER") {
	case "1":
		main()
	case "impatient":
		run(app.Program{Version: version, Patience: app.Patience{All: time.Second}})
	}
	os.Exit(apptest.Main(m))
}

// TestCommands runs each script in testdata in a folder of its own. The program
// there is without the race detector: it starts seventy times, for which it would
// take half a second each.
func TestCommands(t *testing.T) {
	t.Parallel()
	programs := filepath.Dir(apptest.Program(t))
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", programs+string(filepath.ListSeparator)+env.Getenv("PATH"))
			env.Setenv("METRICS_ADDR", "off")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"mode": mode, // mode PERMISSIONS FILE
			"port": freePort,
		},
	})
}

func mode(ts *testscript.TestScript, _ bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := info.Mode().Perm().String(); got != args[0] {
		ts.Fatalf("%s is %s, want %s", args[1], got, args[0])
	}
}

// freePort sets PORT to one that nobody listens on.
func freePort(ts *testscript.TestScript, _ bool, _ []string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	_, port, err := net.SplitHostPort(ln.Addr().String())
	ts.Check(err)
	ts.Check(ln.Close())
	ts.Setenv("PORT", port)
}

// A running is the program as a process of its own.
type running struct {
	t    *testing.T
	cmd  *exec.Cmd
	dir  string
	url  string
	said *output
	done chan error
}

// An output keeps what a process writes, while it is read.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
	new chan struct{} // gets a token for each write
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.new <- struct{}{}:
	default:
	}
	return o.buf.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

var listening = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// command returns the program with these arguments in a folder.
func command(dir string, env []string, args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"AS_CARTRACKER=1", "PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GORACE=" + os.Getenv("GORACE")}, env...)
	return cmd
}

// start serves in a folder until the test ends.
func start(t *testing.T, dir string, env ...string) *running {
	t.Helper()
	p := &running{t: t, dir: dir, said: &output{new: make(chan struct{}, 1)}, done: make(chan error, 1)}
	p.cmd = command(dir, append([]string{"PORT=0", "METRICS_ADDR=off", "LOG_FORMAT=text"}, env...), "serve")
	p.cmd.Stderr, p.cmd.Stdout = p.said, p.said
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.done
	})
	for p.url == "" {
		select {
		case <-p.said.new:
			p.url = listening.FindString(p.said.String())
		case err := <-p.done:
			p.done <- err
			t.Fatalf("the program ended: %v\n%s", err, p.said)
		case <-time.After(30 * time.Second):
			t.Fatalf("the program does not start:\n%s", p.said)
		}
	}
	return p
}

// ends waits for the program to end and returns its exit code.
func (p *running) ends() int {
	p.t.Helper()
	select {
	case err := <-p.done:
		p.done <- err
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			return e.ExitCode()
		}
		return 0
	case <-time.After(30 * time.Second):
		p.t.Fatalf("the program does not end:\n%s", p.said)
		return -1
	}
}

func (p *running) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatal(err)
	}
}

// call sends a request and returns the answer with its body.
func (p *running) call(method, path, body string, headers ...string) (*http.Response, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, p.url+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 30 * time.Second}
	res, err := client.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return res, string(answer)
}

// TestSetupCode: the first admin is made with the code in a file that only the
// owner can read, and that is gone once it was used.
func TestSetupCode(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := start(t, dir)
	file := filepath.Join(dir, "data", "setup-code")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file of the code: %v %v", info, err)
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	code := strings.TrimSpace(string(raw))
	if len(code) < 26 || strings.Contains(p.said.String(), code) {
		t.Errorf("the code %q was said although nobody sits there:\n%s", code, p.said)
	}
	p.stop()
	if exit := p.ends(); exit != 0 {
		t.Errorf("exit code %d", exit)
	}
	p = start(t, dir) // the same code goes on
	res, body := p.call("POST", "/api/auth/setup", `{"code":"`+code+`","username":"admin","email":"admin@example.com","password":"desk-lamp-Vrbas-77"}`)
	if res.StatusCode != 201 {
		t.Fatalf("set-up: %d %s", res.StatusCode, body)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("the used code stays in its file: %v", err)
	}
	if res, body := p.call("POST", "/api/auth/setup", `{"code":"`+code+`","username":"two","email":"two@example.com","password":"desk-lamp-Vrbas-77"}`); res.StatusCode != 404 {
		t.Errorf("set-up once more: %d %s", res.StatusCode, body)
	}
}
