package app_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"cartracker/internal/app"
	"cartracker/internal/app/apptest"
	"cartracker/internal/part"
)

// A lived is a program in the process of the test.
type lived struct {
	log  apptest.Log
	stop context.CancelFunc
	code chan int
}

// live runs a command of p. What it changes for the whole process is as it was
// when the test has ended.
func live(t *testing.T, p app.Program, args ...string) *lived {
	t.Helper()
	return liveIn(t, t.TempDir(), p, args...)
}

// liveIn is live with the data in a folder.
func liveIn(t *testing.T, dir string, p app.Program, args ...string) *lived {
	t.Helper()
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	ctx, stop := context.WithCancel(t.Context())
	l := &lived{stop: stop, code: make(chan int, 1)}
	usual := []string{"--data-dir", dir, "--port", "0", "--log-format", "text", "--stop-window", "10ms", "--metrics-addr", "127.0.0.1:0"}
	args = slices.Concat(args[:1], usual, args[1:]) // which win
	go func() { l.code <- app.Main(ctx, p, args, strings.NewReader(""), io.Discard, &l.log) }()
	return l
}

var serves, works = []string{"serve"}, []string{"worker", "--base-url", "http://127.0.0.1:5000"}

// until waits for words in the log, and returns what they are.
func (l *lived) until(t *testing.T, words string) string {
	t.Helper()
	found := regexp.MustCompile(words)
	apptest.Until(t, words, func() bool { return found.MatchString(l.log.String()) })
	return found.FindString(l.log.String())
}

// end waits for the exit code.
func (l *lived) end(t *testing.T) int {
	t.Helper()
	select {
	case code := <-l.code:
		return code
	case <-time.After(time.Minute):
		t.Fatalf("the program goes on:\n%s", &l.log)
		return -1
	}
}

// A reporter is told of errors.
type reporter struct {
	mu  sync.Mutex
	all []error
}

// report may take time, whatever the program does.
func (r *reporter) report(ctx context.Context, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, errors.Join(err, ctx.Err()))
}

var errBroken = errors.New("zq7 is broken")

// A part that panics or fails ends the program in the usual order: the others
// finish, what was measured is sent off, and the error is told to everybody.
func TestPartEnds(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		how  func() error
		said string // by the command
		log  string // has this in the line of the error
		want []string
	}{
		{"a panic", serves, func() error { panic("zq7 went wrong") }, "cartracker: odd: panic: zq7 went wrong", "life_test.go", ofServing},
		{"an error", serves, func() error { return errBroken }, "cartracker: odd: zq7 is broken", "odd: zq7 is broken", ofServing},
		{"a panic in a worker", works, func() error { panic("zq7 went wrong") }, "cartracker: odd: panic: zq7 went wrong", "life_test.go", ofServing[5:]},
		{"an error in a worker", works, func() error { return errBroken }, "cartracker: odd: zq7 is broken", "odd: zq7 is broken", ofServing[5:]},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			now, finished, flushed := make(chan struct{}), false, ""
			var errs reporter
			var l *lived
			p := app.Program{Version: "test"}.Telling(errs.report)
			p = p.Besides("odd", func(context.Context) error { <-now; return c.how() })
			p = p.Besides("even", func(ctx context.Context) error { <-ctx.Done(); finished = true; return nil })
			p = p.Saying(func(context.Context) error { flushed = l.log.String(); return nil })
			l = live(t, p, c.args...)
			defer l.stop()
			l.until(t, `listens on|works jobs`)
			close(now)
			if code := l.end(t); code != 1 {
				t.Errorf("ended with %d", code)
			}
			if !finished || !strings.Contains(flushed, `msg="stopping: database"`) {
				t.Errorf("the other part finished %t; flushed after:\n%s", finished, flushed)
			}
			_, panicked := errors.AsType[*part.Panic](errors.Join(errs.all...))
			if len(errs.all) != 1 || panicked != strings.Contains(c.name, "panic") {
				t.Errorf("reported: %v", errs.all)
			}
			log := l.log.String()
			if !regexp.MustCompile(`level=ERROR .*`+regexp.QuoteMeta(c.log)).MatchString(log) || !strings.Contains(log, "\n"+c.said+"\n") {
				t.Errorf("the log does not tell of it:\n%s", log)
			}
			checkSteps(t, log, c.want...)
			if err := goleak.Find(before); err != nil {
				t.Error(err)
			}
		})
	}
}

// Who is told to stop while it starts does, and that is no failure.
func TestStopWhileStarting(t *testing.T) {
	for name, args := range map[string][]string{"serve": serves, "worker": works} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			server, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never answers
			if err != nil {
				t.Fatal(err)
			}
			defer server.Close()
			t.Setenv("DATABASE_URL", "postgres://desk:lamp@"+server.Addr().String()+"/cars?sslmode=disable")
			t.Setenv("ACCESS_TOKEN_SECRET", strings.Repeat("s", 32))
			l := live(t, app.Program{Version: "test"}, args...)
			conn, err := server.Accept()
			if err != nil {
				t.Fatal(err)
			}
			l.stop()
			if code := l.end(t); code != 0 {
				t.Errorf("ended with %d", code)
			}
			conn.Close()
			if log := l.log.String(); !strings.Contains(log, `msg="stopped before it had started"`) || strings.Contains(log, "lamp") {
				t.Errorf("the log does not tell of it:\n%s", log)
			}
			if err := goleak.Find(before); err != nil {
				t.Error(err)
			}
		})
	}
}

// Whatever goes wrong in a step is told, and the steps behind it are taken.
func TestStepsFail(t *testing.T) {
	before := goleak.IgnoreCurrent()
	var errs reporter
	p := app.Program{Version: "test"}.Telling(errs.report)
	p = p.Saying(func(context.Context) error { return errBroken }, func(context.Context) error { panic("zq8") })
	p = p.Besides("odd", func(ctx context.Context) error { <-ctx.Done(); panic("zq7") })
	l := live(t, p, serves...)
	l.until(t, `listens on`)
	l.stop()
	if code := l.end(t); code != 1 {
		t.Errorf("ended with %d", code)
	}
	if len(errs.all) != 2 || errs.all[0].Error() != "odd: panic: zq7" || errs.all[1].Error() != "stopping: telemetry: zq7 is broken\npanic: zq8" {
		t.Errorf("reported: %v", errs.all)
	}
	checkSteps(t, l.log.String(), ofServing...)
	if err := goleak.Find(before); err != nil {
		t.Error(err)
	}
}

// What takes longer than the program's patience is named, and ends the process.
// Here it goes on, and so it also shows that nothing is left behind.
func TestStopTooSlow(t *testing.T) {
	for _, c := range []struct {
		name, open string
		patience   app.Patience
		slow       func(t *testing.T, url string) (free func()) // a request
		part       bool                                         // a part that does not end
		code       int
	}{
		{"a request", `step=requests .*requests=1 .*`, app.Patience{All: 500 * time.Millisecond}, hang, false, 0},
		{"a part", `step=parts .*parts=.?\[stubborn\].*requests=0 .*`, app.Patience{All: 500 * time.Millisecond}, nil, true, 0},
		{"a request that is cut off", ``, app.Patience{Requests: 100 * time.Millisecond}, hang, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			exits, free := make(chan int, 1), make(chan struct{})
			p := app.Program{Version: "test", Patience: c.patience, Emergency: &app.Emergency{Exit: func(code int) { exits <- code }}}
			if c.part {
				p = p.Besides("stubborn", func(context.Context) error { <-free; return nil })
			}
			l := live(t, p, serves...)
			url := strings.TrimPrefix(l.until(t, `listens on http://\S+`), "listens on ")
			finish := func() {}
			if c.slow != nil {
				finish = c.slow(t, url)
			}
			l.stop()
			if c.open != "" {
				select {
				case code := <-exits:
					if code != 1 {
						t.Errorf("ended at once with %d", code)
					}
				case <-time.After(time.Minute):
					t.Fatalf("it is waited for ever:\n%s", &l.log)
				}
				if !regexp.MustCompile(`msg="ended at once, before all had finished" why="stopping takes longer than 500ms" ` + c.open).MatchString(l.log.String()) {
					t.Errorf("the log does not say what is open:\n%s", &l.log)
				}
				finish()
			}
			close(free)
			if code := l.end(t); code != c.code {
				t.Errorf("ended with %d, want %d:\n%s", code, c.code, &l.log)
			}
			finish()
			if c.open == "" && !strings.Contains(l.log.String(), "requests did not finish in 100ms") {
				t.Errorf("the log does not say that requests were cut off:\n%s", &l.log)
			}
			checkSteps(t, l.log.String(), ofServing...)
			if err := goleak.Find(before); err != nil {
				t.Error(err)
			}
		})
	}
}

// hang begins a request that is under way until it is freed, which may be done
// more than once.
func hang(t *testing.T, url string) (free func()) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	fmt.Fprint(conn, "POST /api/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 20\r\nExpect: 100-continue\r\n\r\n")
	if res, err := http.ReadResponse(bufio.NewReader(conn), nil); err != nil || res.StatusCode != http.StatusContinue {
		t.Fatalf("the body is not waited for: %v %v", res, err)
	}
	return func() { conn.Close() }
}
