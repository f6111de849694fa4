package bench

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A request is what a caller sends again and again, and what it expects.
type request struct {
	addr   string // host:port
	text   []byte
	status int
	length int // of the body; -1 if it may be any
}

// get returns the request for a path, with header lines such as "Accept-Encoding: gzip".
func get(url, path string, status, length int, headers ...string) request {
	addr := strings.TrimPrefix(url, "http://")
	text := "GET " + path + " HTTP/1.1\r\nHost: " + addr + "\r\n" + strings.Join(headers, "\r\n")
	if len(headers) > 0 {
		text += "\r\n"
	}
	return request{addr: addr, text: []byte(text + "\r\n"), status: status, length: length}
}

// post returns the request that posts a body.
func post(url, path, body string, status int, headers ...string) request {
	addr := strings.TrimPrefix(url, "http://")
	headers = append(headers, "Content-Type: application/json", "Content-Length: "+strconv.Itoa(len(body)))
	text := "POST " + path + " HTTP/1.1\r\nHost: " + addr + "\r\n" + strings.Join(headers, "\r\n") + "\r\n\r\n" + body
	return request{addr: addr, text: []byte(text), status: status, length: -1}
}

// A caller is one connection that sends one request after the other. It is as
// little work as can be, for it shares the processors with what it measures.
type caller struct {
	conn net.Conn
	in   *bufio.Reader
	seen map[string]int // values of X-Cache
}

func dial(addr string) (*caller, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &caller{conn: conn, in: bufio.NewReaderSize(conn, 64<<10), seen: map[string]int{}}, nil
}

var (
	lengthHeader = []byte("Content-Length: ")
	retryHeader  = []byte("Retry-After: ")
	cacheHeader  = []byte("X-Cache: ")
	errAnswer    = errors.New("not the answer that was expected")
)

// call sends a request and reads the answer, which must be the one that is
// expected.
func (c *caller) call(r request) error {
	retry, err := c.try(r)
	if err == nil && retry > 0 {
		err = fmt.Errorf("%w: 503, to be sent again in %d s", errAnswer, retry)
	}
	return err
}

// try is call for a request that may be refused with 503 too: then it returns
// in how many seconds it may be sent again.
func (c *caller) try(r request) (retry int, err error) {
	if _, err := c.conn.Write(r.text); err != nil {
		return 0, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	refused := len(line) >= 12 && string(line[9:12]) == "503"
	if len(line) < 12 || !refused && string(line[9:12]) != strconv.Itoa(r.status) {
		rest, _ := io.ReadAll(io.LimitReader(c.in, int64(c.in.Buffered())))
		return 0, fmt.Errorf("%w: %s%s", errAnswer, line, rest)
	}
	length := 0
	for {
		if line, err = c.in.ReadSlice('\n'); err != nil {
			return 0, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if v, ok := bytes.CutPrefix(line, lengthHeader); ok {
			if length, err = strconv.Atoi(string(v)); err != nil {
				return 0, err
			}
		}
		if v, ok := bytes.CutPrefix(line, retryHeader); ok {
			if retry, err = strconv.Atoi(string(v)); err != nil {
				return 0, err
			}
		}
		if v, ok := bytes.CutPrefix(line, cacheHeader); ok {
			c.seen[string(v)]++
		}
	}
	if refused && retry < 1 {
		return 0, fmt.Errorf("%w: 503 without Retry-After", errAnswer)
	}
	if !refused && r.length >= 0 && length != r.length {
		return 0, fmt.Errorf("%w: %d bytes instead of %d", errAnswer, length, r.length)
	}
	_, err = c.in.Discard(length)
	return retry, err
}

// A load is what many callers measured together.
type load struct {
	took []time.Duration // sorted
	span time.Duration
	seen map[string]int
}

func (l load) perSecond() float64 { return float64(len(l.took)) / l.span.Seconds() }

// percentile returns the time that a part of the requests, such as 0.99, stayed below.
func (l load) percentile(part float64) time.Duration {
	return l.took[min(int(float64(len(l.took))*part), len(l.took)-1)]
}

// run lets some callers send what next gives each of them for a span; at most
// rate requests a second over all, or as many as they can if that is 0.
func run(b testing.TB, callers int, span time.Duration, rate float64, next func(caller, i int) request) load {
	b.Helper()
	var mu sync.Mutex
	out := load{seen: map[string]int{}}
	var failure error
	var all sync.WaitGroup
	began := time.Now()
	for n := range callers {
		all.Go(func() {
			took, seen, err := send(n, callers, began, span, rate, next)
			mu.Lock()
			defer mu.Unlock()
			out.took = append(out.took, took...)
			for k, v := range seen {
				out.seen[k] += v
			}
			failure = errors.Join(failure, err)
		})
	}
	all.Wait()
	out.span = time.Since(began)
	if failure != nil {
		b.Fatal(failure)
	}
	slices.Sort(out.took)
	return out
}

// send is what one of the callers does. At a rate, times count from when a
// request was due: one that waits for a slow one before it is late itself.
func send(n, callers int, began time.Time, span time.Duration, rate float64, next func(caller, i int) request) (took []time.Duration, seen map[string]int, err error) {
	c, err := dial(next(n, 0).addr)
	if err != nil {
		return nil, nil, err
	}
	defer c.conn.Close()
	for i := 0; time.Since(began) < span; i++ {
		at := time.Now()
		if rate > 0 {
			at = began.Add(time.Duration((float64(i*callers) + float64(n)) / rate * float64(time.Second)))
			time.Sleep(time.Until(at))
		}
		if err := c.call(next(n, i)); err != nil {
			return took, c.seen, err
		}
		took = append(took, time.Since(at))
	}
	return took, c.seen, nil
}

// repeat lets some callers do something again and again for a span.
func repeat(b testing.TB, callers int, span time.Duration, do func() error) load {
	b.Helper()
	took := make([][]time.Duration, callers)
	failed := make([]error, callers)
	var all sync.WaitGroup
	began := time.Now()
	for n := range callers {
		all.Go(func() {
			for time.Since(began) < span && failed[n] == nil {
				at := time.Now()
				failed[n] = do()
				took[n] = append(took[n], time.Since(at))
			}
		})
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		b.Fatal(err)
	}
	out := load{took: slices.Concat(took...), span: time.Since(began)}
	slices.Sort(out.took)
	return out
}
