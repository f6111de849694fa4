package deploy_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/nginxtest"
)

// What `make cluster` prints is true: one signs in by its address, an instance that
// ends is missed by nobody and comes back, and a signal leaves nothing behind.
func TestCluster(t *testing.T) {
	t.Parallel()
	c := cluster(t, apptest.Program(t))
	url := c.hear(t, `address +(http://[^/]+)/sign-in`)
	boss := apptest.At(t, url)
	in := boss.Do("POST", "/api/auth/login", apptest.JSON{"username": c.hear(t, `user +(\S+)`), "password": c.hear(t, `password +(\S+)`)})
	if boss.Token = in.Text("accessToken"); boss.Token == "" {
		t.Fatalf("sign-in with what it printed: %s", in)
	}
	one := c.hear(t, `one +http://\S+, process (\d+)`)
	if n := len(c.processes(t)); n < 6 { // with what PostgreSQL and nginx start
		t.Errorf("only %d processes are seen", n)
	}
	send(t, one, syscall.SIGTERM)
	car := 0
	apptest.Until(t, "the return of an instance", func() bool {
		car++
		boss.Make("/api/cars", apptest.Car(fmt.Sprintf("A%05d", car)))
		if res := boss.Do("GET", "/api/cars", nil); res.Status != 200 {
			t.Fatal(res)
		}
		return strings.Contains(c.said.String(), "one is back: process ")
	})
	send(t, strconv.Itoa(c.cmd.Process.Pid), syscall.SIGTERM)
	c.ended(t, 0)
}

// What `make observe` prints is true: Prometheus scrapes both instances by our rules,
// and a signal leaves nothing behind.
func TestClusterObserved(t *testing.T) {
	t.Parallel()
	need(t, "../scripts/prometheus.sh", "TEST_REQUIRE_PROMETHEUS")
	c := cluster(t, "--observe", apptest.Program(t))
	at := c.hear(t, `Prometheus +(http://[^,]+),`)
	for _, page := range []string{c.hear(t, `alarms +(http://[^;]+);`), c.hear(t, `targets +(\S+)`)} {
		if res := apptest.At(t, "").Do("GET", page, nil); res.Status != 200 {
			t.Errorf("%s: %s", page, res)
		}
	}
	if _, err := os.Stat("../" + c.hear(t, `dashboard +([^,]+),`)); err != nil {
		t.Error(err)
	}
	prometheus := apptest.At(t, at)
	if n := prometheus.Do("GET", "/api/v1/rules", nil).Len("data.groups.0.rules"); n != len(ruled(t)) {
		t.Errorf("Prometheus has %d alarms", n)
	}
	apptest.Until(t, "a scrape of both instances", func() bool {
		return prometheus.Do("GET", `/api/v1/query?query=cartracker_db_up%7Bjob="cartracker"%7D==1`, nil).Len("data.result") == 2
	})
	send(t, strconv.Itoa(c.cmd.Process.Pid), syscall.SIGTERM)
	c.ended(t, 0)
}

// A program that does not start is told with what it said, and nothing goes on.
func TestClusterFails(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "cartracker")
	write(t, program, "#!/bin/sh\necho no desk is free\nexit 1\n")
	if err := os.Chmod(program, 0o700); err != nil {
		t.Fatal(err)
	}
	c := cluster(t, program)
	c.ended(t, 1)
	if said := c.said.String(); !strings.Contains(said, "one did not start. The end of its log:\nno desk is free\n") {
		t.Errorf("it says %q", said)
	}
}

// When a part is killed the rest ends, with what that part had started.
func TestClusterLosesPart(t *testing.T) {
	t.Parallel()
	c := cluster(t, apptest.Program(t))
	send(t, c.hear(t, `nginx +process (\d+)`), syscall.SIGKILL)
	c.ended(t, 1)
	if said := c.said.String(); !strings.Contains(said, "nginx ended. The end of its log:\n") {
		t.Errorf("it says %q", said)
	}
}

// A running is scripts/cluster.sh while it runs.
type running struct {
	cmd  *exec.Cmd
	temp string
	said words
	gone chan struct{} // closed once it has ended
}

// cluster starts the script with a program, and what stands before it.
func cluster(t *testing.T, args ...string) *running {
	t.Helper()
	nginxtest.Program(t)
	need(t, "redis-server", "TEST_REQUIRE_REDIS")
	need(t, "../scripts/postgres-bin.sh", "TEST_REQUIRE_POSTGRES")
	c := &running{cmd: exec.Command("../scripts/cluster.sh", args...), temp: t.TempDir(), gone: make(chan struct{})}
	if err := os.Chmod(filepath.Dir(c.temp), 0o755); err != nil { // root's PostgreSQL is run by another user
		t.Fatal(err)
	}
	if err := os.Chmod(c.temp, 0o755); err != nil {
		t.Fatal(err)
	}
	c.cmd.Env = append(os.Environ(), "TMPDIR="+c.temp, "RATE_LIMIT_READ=off", "RATE_LIMIT_WRITE=off")
	c.cmd.Stdout, c.cmd.Stderr = &c.said, &c.said
	c.cmd.WaitDelay = 10 * time.Second // should a part that goes on hold its output open
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(c.gone)
		_ = c.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = c.cmd.Process.Signal(syscall.SIGTERM)
		<-c.gone
	})
	return c
}

// need skips a test that lacks a program, or fails it if a variable is set.
func need(t *testing.T, program, variable string) {
	t.Helper()
	switch err := exec.Command(program, "--version").Run(); {
	case err == nil:
	case os.Getenv(variable) != "":
		t.Fatalf("%s says that there must be one: %v", variable, err)
	default:
		t.Skipf("%v: run scripts/need.sh", err)
	}
}

// hear waits until the script has said something, and returns the part in brackets.
func (c *running) hear(t *testing.T, pattern string) (part string) {
	t.Helper()
	apptest.Until(t, pattern, func() bool {
		if m := regexp.MustCompile(pattern).FindStringSubmatch(c.said.String()); m != nil {
			part = m[1]
			return true
		}
		select {
		case <-c.gone:
			t.Fatalf("the cluster ended:\n%s", c.said.String())
		default:
		}
		return false
	})
	return part
}

// ended waits until the script has, and checks how, and that it left nothing.
func (c *running) ended(t *testing.T, code int) {
	t.Helper()
	select {
	case <-c.gone:
	case <-time.After(90 * time.Second):
		t.Fatalf("the cluster goes on:\n%s", c.said.String())
	}
	if got := c.cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("it ended with %d, not %d:\n%s", got, code, c.said.String())
	}
	if left := c.processes(t); len(left) > 0 {
		t.Errorf("there still is %q", left)
	}
	left, err := os.ReadDir(c.temp)
	if err != nil || len(left) > 0 {
		t.Errorf("there still is %v (%v)", left, err)
	}
}

// processes returns the command lines of all that the script started.
func (c *running) processes(t *testing.T) (all []string) {
	t.Helper()
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range folders {
		line, err := os.ReadFile(f + "/cmdline")
		environ, _ := os.ReadFile(f + "/environ") // of others it cannot be read
		if err == nil && strings.Contains(string(line)+string(environ), c.temp) {
			all = append(all, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return all
}

func send(t *testing.T, pid string, signal syscall.Signal) {
	t.Helper()
	number, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(number, signal); err != nil {
		t.Fatal(err)
	}
}

// Words are what a program has said so far.
type words struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *words) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(b)
}

func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}
