package socketio_test

import (
	"bufio"
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cartracker/internal/machinetest"
	"cartracker/internal/redis"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/socketio"
	"cartracker/internal/socketio/socketiotest"
)

// leaseOfTests is long enough that nobody loses it on a busy machine.
const leaseOfTests = 1500 * time.Millisecond

func TestMemory(t *testing.T) {
	socketiotest.Conform(t, func(*testing.T) func() socketio.Adapter {
		return func() socketio.Adapter { return socketio.NewMemory() }
	}, true)
}

func TestRedis(t *testing.T) {
	socketiotest.Conform(t, func(t *testing.T) func() socketio.Adapter {
		s := redistest.New(t, redistest.Options{})
		t.Cleanup(func() {
			if left := s.Do("DBSIZE"); left != ":0" {
				t.Errorf("%s keys are left", left)
			}
		})
		return func() socketio.Adapter { return socketio.NewRedis(patientLine{redistest.Open(t, s.URL())}, "test") }
	}, false)
}

// A patientLine asks again when a busy machine made Redis late. All that the
// adapter asks for may be asked twice.
type patientLine struct{ *redis.Link }

func (p patientLine) Texts(ctx context.Context, lua string, keys []string, args ...string) (got []string, err error) {
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for end := time.Now().Add(patience); time.Now().Before(end); <-again.C {
		if got, err = p.Link.Texts(ctx, lua, keys, args...); !errors.Is(err, redis.ErrDown) {
			break
		}
	}
	return got, err
}

// TestRedisThatIsAway runs the suite without a server: each goes by what it knows.
func TestRedisThatIsAway(t *testing.T) {
	socketiotest.Conform(t, func(t *testing.T) func() socketio.Adapter {
		s := redistest.Stopped(t, redistest.Options{})
		return func() socketio.Adapter { return socketio.NewRedis(redistest.Open(t, s.URL()), "test") }
	}, true)
}

// A cutLine is a line that can be cut, as if the process were killed, or lose
// some answers that tell who has gone.
type cutLine struct {
	*redis.Link
	cut   atomic.Bool
	loses atomic.Int32
}

func (c *cutLine) Texts(ctx context.Context, lua string, keys []string, args ...string) ([]string, error) {
	if c.cut.Load() {
		return nil, redis.ErrDown
	}
	got, err := c.Link.Texts(ctx, lua, keys, args...)
	if len(got) > 1 && got[0] == "known" && c.loses.Add(-1) >= 0 {
		return nil, redis.ErrDown
	}
	return got, err
}

func open(t *testing.T, s *redistest.Server) (*socketiotest.Instance, *cutLine) {
	line := &cutLine{Link: redistest.Open(t, s.URL())}
	a := socketio.NewRedis(line, "test")
	a.Lease = leaseOfTests
	return socketiotest.Run(t, a), line
}

func gone(member string) socketiotest.Told { return socketiotest.Told{Member: member} }

// quiet fails if an instance told more than it should have, once it has stopped.
func quiet(t *testing.T, all ...*socketiotest.Instance) {
	t.Helper()
	for _, i := range all {
		i.Stop()
		if len(i.Presence) > 0 {
			t.Errorf("it told %v", <-i.Presence)
		}
	}
}

func TestInstanceThatIsCutOff(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	one, _ := open(t, s)
	two, _ := open(t, s)
	dead, line := open(t, s)
	one.Enters("both")
	dead.Enters("ana", "emir", "emir", "both")
	one.Knows("ana", "both", "emir")
	began := time.Now()
	line.cut.Store(true)
	dead.Stop()
	both := make(chan socketiotest.Told, 10)
	for range 2 {
		select {
		case told := <-one.Presence:
			both <- told
		case told := <-two.Presence:
			both <- told
		case <-time.After(patience):
			t.Fatal("nobody told that they have gone")
		}
	}
	if got := []socketiotest.Told{<-both, <-both}; !slices.Contains(got, gone("ana")) || !slices.Contains(got, gone("emir")) {
		t.Errorf("%v", got)
	}
	if took := time.Since(began); took > 3*leaseOfTests {
		t.Errorf("it took %s", took)
	}
	two.Knows("both")
	quiet(t, one, two)
}

// TestLostAnswers has the one that finds an instance dead not hear of it at first.
func TestLostAnswers(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	one, line := open(t, s)
	line.loses.Store(2)
	dead, cut := open(t, s)
	dead.Enters("ana", "emir")
	cut.cut.Store(true)
	dead.Stop()
	one.Tells(gone("ana"), gone("emir"))
	socketiotest.Eventually(t, "it is noted as heard", func() bool {
		return s.Do("EVAL", "return #redis.call('KEYS', '*:gone')", "0") == ":0"
	})
	quiet(t, one)
}

// another starts a process that is an instance of its own.
func another(t *testing.T, s *redistest.Server) (p *exec.Cmd, says <-chan string, end func()) {
	t.Helper()
	p = exec.Command(os.Args[0])
	p.Env = append(os.Environ(), "SOCKETIO_TEST_REDIS="+s.URL())
	p.Stderr = os.Stderr
	in, _ := p.StdinPipe()
	out, _ := p.StdoutPipe()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for l := bufio.NewScanner(out); l.Scan(); {
			lines <- l.Text()
		}
		_ = p.Wait()
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		for range lines {
		}
	})
	expect(t, lines, "ready")
	return p, lines, func() {
		in.Close()
		for range lines {
		}
	}
}

func expect(t *testing.T, lines <-chan string, want string) {
	t.Helper()
	select {
	case got := <-lines:
		if got != want {
			t.Fatalf("%q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("it never said %q", want)
	}
}

func TestProcessThatIsKilled(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	one, _ := open(t, s)
	p, _, _ := another(t, s)
	one.Knows("ana", "emir")
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	one.Tells(gone("ana"), gone("emir"))
	one.Knows()
	quiet(t, one)
}

func TestProcessThatWasAsleep(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	one, _ := open(t, s)
	one.Enters("emir")
	p, says, end := another(t, s)
	one.Knows("ana", "emir")
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	one.Tells(gone("ana"))
	one.Knows("emir")
	if err := p.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	expect(t, says, "[ana] true") // emir was never away
	one.Knows("ana", "emir")
	end()
	one.Knows("emir")
	quiet(t, one)
	if left := s.Do("DBSIZE"); left != ":0" {
		t.Errorf("%s keys are left", left)
	}
}

func TestRedisAwayAndBack(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	one, _ := open(t, s)
	two, _ := open(t, s)
	one.Enters("ana")
	two.Enters("emir", "emir")
	one.Knows("ana", "emir")
	s.Kill()
	one.Knows("ana")
	began := time.Now()
	if total, err := one.Enter(t.Context(), "emir", 2); total != 1 || err != nil {
		t.Errorf("%d %v", total, err)
	}
	if total, err := one.Enter(t.Context(), "ana", 1); err != socketio.ErrTooMany {
		t.Errorf("%d %v", total, err)
	}
	if err := one.Publish(t.Context(), socketio.Message{Do: "emit"}); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > machinetest.Timely(time.Second) {
		t.Errorf("it took %s", took)
	}
	if total, err := two.Leave(t.Context(), "emir"); total != 1 || err != nil {
		t.Errorf("%d %v", total, err)
	}
	s.Start()
	two.Knows("ana", "emir")
	one.Knows("ana", "emir")
	socketiotest.Eventually(t, "all are counted", func() bool {
		_, err := two.Enter(t.Context(), "emir", 2) // one here, one there
		if err == nil {
			_, _ = two.Leave(t.Context(), "emir")
		}
		return err == socketio.ErrTooMany
	})
	quiet(t, one, two)
}

func TestRedisThatHangs(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	one, _ := open(t, s)
	one.Enters("ana")
	s.Hang()
	began := time.Now()
	if total, err := one.Enter(t.Context(), "ana", 0); total != 2 || err != nil {
		t.Errorf("%d %v", total, err)
	}
	if total, err := one.Leave(t.Context(), "ana"); total != 1 || err != nil {
		t.Errorf("%d %v", total, err)
	}
	if took := time.Since(began); took > machinetest.Timely(time.Second) {
		t.Errorf("it took %s", took)
	}
	s.Resume()
	two, _ := open(t, s)
	socketiotest.Eventually(t, "the server is told", func() bool {
		total, err := two.Enter(t.Context(), "ana", 0)
		_, _ = two.Leave(t.Context(), "ana")
		return total == 2 && err == nil
	})
	quiet(t, one, two)
}

func TestRedisThatForgets(t *testing.T) {
	s := redistest.New(t, redistest.Options{})
	one, _ := open(t, s)
	two, _ := open(t, s)
	one.Enters("ana")
	two.Enters("emir")
	two.Knows("ana", "emir")
	s.Do("FLUSHALL")
	two.Knows("ana", "emir") // within a beat
	one.Knows("ana", "emir")
	s.Do("FLUSHALL")
	if total, err := one.Enter(t.Context(), "ana", 0); total != 2 || err != nil { // at once
		t.Errorf("%d %v", total, err)
	}
	for _, key := range strings.Fields(s.Do("EVAL", "return table.concat(redis.call('KEYS', '*:at:*'), ' ')", "0")) {
		s.Do("DEL", key)
	}
	two.Knows("ana", "emir")
	one.Knows("ana", "emir")
	quiet(t, one, two)
}
