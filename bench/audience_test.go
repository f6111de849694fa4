package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"
)

// audienceVariable tells the test program to be many clients.
const audienceVariable = "BENCH_AUDIENCE"

// An order is a line to a process of the test program.
type order struct {
	Do     string
	Addr   string
	Count  int
	Within time.Duration
	Text   string
}

// A report is its answer.
type report struct {
	Error    string
	Addr     string
	Text     string
	Count    int
	P50, P99 time.Duration
	Last     time.Duration
}

// A helper is a process that answers each order with a report.
type helper struct {
	*process
	in  *json.Encoder
	out *json.Decoder
}

// startAudience runs the test program as an audience.
func startAudience(b *testing.B) *helper {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), audienceVariable+"=1")
	return startHelper(b, cmd)
}

// startHelper runs a helper until the benchmark ends.
func startHelper(b *testing.B, cmd *exec.Cmd) *helper {
	b.Helper()
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close() // which ends it
		_ = cmd.Wait()
	})
	return &helper{process: &process{Cmd: cmd}, in: json.NewEncoder(in), out: json.NewDecoder(out)}
}

func (h *helper) ask(b *testing.B, o order) report {
	b.Helper()
	var r report
	if err := h.in.Encode(o); err != nil {
		b.Fatal(err)
	}
	if err := h.out.Decode(&r); err != nil {
		b.Fatal(err)
	}
	if r.Error != "" {
		b.Fatalf("%s: %s", o.Do, r.Error)
	}
	return r
}

// obey answers orders until there are no more.
func obey(do func(order) (report, error)) error {
	out := json.NewEncoder(os.Stdout)
	for in := json.NewDecoder(os.Stdin); ; {
		var o order
		if err := in.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		r, err := do(o)
		if err != nil {
			r.Error = err.Error()
		}
		if err := out.Encode(r); err != nil {
			return err
		}
	}
}

// An audience is many listeners, which measure how long broadcasts take to arrive.
type audience struct {
	clients sync.WaitGroup
	open    []*listener

	mu   sync.Mutex
	took []time.Duration
	due  int
	all  chan struct{} // closed when as many came as are due
	lost error
}

// beAudience is the process.
func beAudience() error {
	c := &audience{}
	defer c.clients.Wait()
	defer func() {
		for _, l := range c.open {
			l.conn.Close()
		}
	}()
	return obey(func(o order) (report, error) {
		switch o.Do {
		case "connect":
			return c.connect(o.Addr, o.Count)
		case "expect":
			c.expect(o.Count)
			return report{}, nil
		case "arrived":
			return c.arrived(o.Within)
		}
		return report{}, fmt.Errorf("an audience cannot %s", o.Do)
	})
}

// connect connects so many listeners, 50 at a time.
func (c *audience) connect(addr string, count int) (report, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var failed error
	var working sync.WaitGroup
	places := make(chan struct{}, 50)
	for range count {
		places <- struct{}{}
		working.Go(func() {
			defer func() { <-places }()
			l, err := listen(ctx, addr, "")
			c.mu.Lock()
			defer c.mu.Unlock()
			if err != nil {
				failed = err
				return
			}
			c.open = append(c.open, l)
			c.clients.Go(func() { c.hear(l) })
		})
	}
	working.Wait()
	return report{Count: len(c.open)}, failed
}

// hear notes when each broadcast arrives.
func (c *audience) hear(l *listener) {
	for {
		packet, err := l.packet()
		if err != nil {
			c.mu.Lock()
			c.lost = err
			c.mu.Unlock()
			return
		}
		if sent, ok := sentAt(packet); ok {
			c.note(time.Duration(float64(time.Now().UnixNano()) - sent*1e6))
		}
	}
}

// sentAt returns the first argument of an event, which is the time in
// milliseconds at which it was sent.
func sentAt(packet []byte) (float64, bool) {
	_, rest, found := bytes.Cut(packet, []byte(`["news",`))
	number, _, _ := bytes.Cut(rest, []byte(","))
	at, err := strconv.ParseFloat(string(number), 64)
	return at, found && err == nil
}

func (c *audience) note(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.took = append(c.took, took); len(c.took) == c.due {
		close(c.all)
	}
}

func (c *audience) expect(count int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took, c.due, c.all = make([]time.Duration, 0, count), count, make(chan struct{})
}

// arrived waits until as many events came as were expected.
func (c *audience) arrived(within time.Duration) (report, error) {
	late := time.NewTimer(within)
	defer late.Stop()
	var err error
	select {
	case <-c.all:
	case <-late.C:
		err = fmt.Errorf("not all arrived within %s", within)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		return report{}, fmt.Errorf("%w: %d of %d (%v)", err, len(c.took), c.due, c.lost)
	}
	slices.Sort(c.took)
	n := len(c.took)
	return report{Count: n, P50: c.took[n/2], P99: c.took[n*99/100], Last: c.took[n-1]}, nil
}
