package apptest

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"cartracker/internal/record"
	"cartracker/internal/store/testdb"
)

// startTimeout is how long a program may take to listen, or to end once it is
// told to, on a machine that has much else to do.
const startTimeout = 90 * time.Second

// A program is the program of this package's tests, built once.
type program struct {
	once sync.Once
	dir  string
	err  error
}

// served has the race detector if the test has it. ran, for commands that do
// one thing after the other, has not: with it they take five times as long.
var served, ran program

func (p *program) build(t testing.TB, race bool) string {
	t.Helper()
	p.once.Do(func() {
		if p.dir, p.err = os.MkdirTemp("", "cartracker-test-*"); p.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-o", p.dir+"/cartracker", "-race", "-ldflags=-w", "cartracker/cmd/cartracker")
		if !race { // as the Makefile does; GOFLAGS may have what is for the race detector
			cmd = exec.Command("go", "build", "-o", p.dir+"/cartracker", "-trimpath", "-buildvcs=false", "-gcflags=all=", "-ldflags", "-s -w", "cartracker/cmd/cartracker")
			cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			p.err = errors.New(string(out))
		}
	})
	if p.err != nil {
		t.Fatal(p.err)
	}
	return filepath.Join(p.dir, "cartracker")
}

// Program returns the path of the program, built as make build does.
func Program(t testing.TB) string {
	t.Helper()
	return ran.build(t, false)
}

// Raced reports whether the test was built with the race detector.
func Raced() bool {
	info, _ := debug.ReadBuildInfo()
	for _, s := range info.Settings {
		if s.Key == "-race" {
			return s.Value == "true"
		}
	}
	return false
}

// A Site is where the real program runs: its folder, its database and its settings.
type Site struct {
	Dir string

	url  string
	env  []string
	open func() (*sql.DB, error)
}

// NewSite returns a site in an empty folder dir. The database is in the file
// cartracker.db there, or at the address of a PostgreSQL server if there is one.
func NewSite(t testing.TB, dir, postgres string, settings ...string) *Site {
	t.Helper()
	s := &Site{Dir: dir, url: postgres}
	s.open = func() (*sql.DB, error) { return sql.Open("pgx", postgres) }
	if postgres == "" {
		file := filepath.Join(dir, "cartracker.db")
		s.url = "sqlite:" + file
		s.open = func() (*sql.DB, error) { return sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)") }
	}
	s.env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GORACE=" + os.Getenv("GORACE"), "DATA_DIR=" + dir, "DATABASE_URL=" + s.url, "PORT=0",
		"DB_POOL_MIN=2", "DB_POOL_SIZE=8", "DB_POOL_MAX=16", "ACCESS_TOKEN_DURATION=24h",
		"ACCESS_TOKEN_SECRET=" + strings.Repeat("s", 32),
		"STOP_WINDOW=0s", // nothing stands in front
		"METRICS_ADDR=127.0.0.1:0",
		"RATE_LIMIT_API=off", "RATE_LIMIT_AUTH=off", "RATE_LIMIT_READ=off", "RATE_LIMIT_WRITE=off",
	}, settings...)
	return s
}

// EachSite runs a test at a site on SQLite and at one on PostgreSQL, whose
// databases are empty but migrated.
func EachSite(t *testing.T, test func(*testing.T, *Site), settings ...string) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, fileSite(t, settings))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, NewSite(t, t.TempDir(), testdb.EmptyPostgres(t).URL, settings...))
	})
}

// EachSiteUnlessRaced is EachSite for a test that takes most of a minute and runs
// commands only, which never have the race detector: with it, it runs on SQLite
// only. `make test-faults` runs it on both, without.
func EachSiteUnlessRaced(t *testing.T, test func(*testing.T, *Site), settings ...string) {
	if !Raced() {
		EachSite(t, test, settings...)
		return
	}
	test(t, fileSite(t, settings))
}

// fileSite returns a site on SQLite whose database was migrated.
func fileSite(t *testing.T, settings []string) *Site {
	t.Helper()
	s := NewSite(t, t.TempDir(), "", settings...)
	testdb.MigratedSQLite(t, filepath.Join(s.Dir, "cartracker.db"))
	return s
}

// Look calls look with the database, past the program, and closes it.
func (s *Site) Look(t testing.TB, look func(raw *sql.DB)) {
	t.Helper()
	raw, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	look(raw)
}

func (s *Site) command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	path := ""
	if args[0] == "serve" || args[0] == "worker" {
		path = served.build(t, Raced())
	} else {
		path = Program(t)
	}
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Dir = s.env, s.Dir
	return cmd
}

// Run runs a command of the program to its end and returns what it printed.
func (s *Site) Run(t testing.TB, in string, args ...string) (out string, err error) {
	t.Helper()
	cmd := s.command(t, args...)
	cmd.Stdin = strings.NewReader(in)
	b, err := cmd.CombinedOutput()
	return string(b), err
}

// AddUser adds a user by the command line.
func (s *Site) AddUser(t testing.TB, name string, role record.Role) {
	t.Helper()
	out, err := s.Run(t, Password+"\n", "user", "add", "--username", name, "--email", name+"@example.com", "--role", string(role))
	if err != nil {
		t.Fatalf("user add %s: %v\n%s", name, err, out)
	}
}

// A Process is the real program while it serves, or works jobs.
type Process struct {
	Nobody *Client // nil if it does not serve

	cmd    *exec.Cmd
	output *output
	gone   chan struct{} // closed once it ended
}

// An output keeps what a program prints and tells where it listens; "" if it
// only works jobs.
type output struct {
	mu     sync.Mutex
	text   bytes.Buffer
	listen chan string
}

var listens = regexp.MustCompile(`listens on (http://\S+)|works jobs`)

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n, err := o.text.Write(b)
	if m := listens.FindSubmatch(o.text.Bytes()); m != nil && o.listen != nil {
		o.listen <- string(m[1])
		o.listen = nil
	}
	return n, err
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// Launch starts the program without waiting for it, with flags of serve. It is
// killed when the test ends.
func (s *Site) Launch(t testing.TB, flags ...string) (p *Process, wait func()) {
	t.Helper()
	return s.launch(t, append([]string{"serve"}, flags...))
}

func (s *Site) launch(t testing.TB, args []string) (p *Process, wait func()) {
	t.Helper()
	listen := make(chan string, 1)
	p = &Process{cmd: s.command(t, args...), output: &output{listen: listen}, gone: make(chan struct{})}
	p.cmd.Stderr = p.output
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.gone)
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		p.Kill()
		if strings.Contains(p.Output(), "DATA RACE") {
			t.Errorf("the program has a data race:\n%s", p.Output())
		}
	})
	return p, func() {
		t.Helper()
		select {
		case url := <-listen:
			if url != "" {
				p.Nobody = At(t, url)
			}
		case <-p.gone:
			t.Fatalf("the program ended with %d:\n%s", p.cmd.ProcessState.ExitCode(), p.Output())
		case <-time.After(startTimeout):
			t.Fatalf("the program does not listen after %s:\n%s", startTimeout, p.Output())
		}
	}
}

// Serve starts the program with flags of serve and waits until it listens.
func (s *Site) Serve(t testing.TB, flags ...string) *Process {
	t.Helper()
	p, wait := s.Launch(t, flags...)
	wait()
	return p
}

// Work starts the program as one that only works jobs, and waits until it does.
func (s *Site) Work(t testing.TB) *Process {
	t.Helper()
	p, wait := s.launch(t, []string{"worker"})
	wait()
	return p
}

// As returns a client of p with the token and the cookie of another, who may
// have signed in before the program was started anew.
func (p *Process) As(c *Client) *Client {
	out := *p.Nobody
	out.ID, out.Token, out.Cookie = c.ID, c.Token, c.Cookie
	return &out
}

// Output returns what the program logged.
func (p *Process) Output() string { return p.output.String() }

// Stop lets the program do nothing any more until it is told to go on, or killed.
func (p *Process) Stop(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

// Continue lets a program that was stopped go on.
func (p *Process) Continue(t testing.TB) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// Kill ends the program at once, as kill -9 does.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.gone
}

// Terminate asks the program to end, and returns what waits for that and
// returns its exit code.
func (p *Process) Terminate(t testing.TB) (wait func() int) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	return func() int {
		t.Helper()
		select {
		case <-p.gone:
			return p.cmd.ProcessState.ExitCode()
		case <-time.After(startTimeout):
			t.Fatalf("the program goes on after %s:\n%s", startTimeout, p.Output())
			return -1
		}
	}
}

// Until calls done again and again until it returns true. It is for what tells
// nobody when it happens, outside of this process.
func Until(t testing.TB, what string, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	for pause := 5 * time.Millisecond; !done(); pause = min(pause*5/4, 50*time.Millisecond) {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			t.Fatalf("%s did not happen within %s", what, startTimeout)
		}
	}
}
