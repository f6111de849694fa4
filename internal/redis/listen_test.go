package redis_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// listen serves each connection until the test ends.
func listen(t *testing.T, serve func(net.Conn)) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			all.Go(func() {
				defer c.Close()
				serve(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr().String()
}

// relay copies until one side has enough. A nil writer takes everything.
func relay(to io.Writer, from io.Reader) {
	if to == nil {
		to = io.Discard
	}
	_, _ = io.Copy(to, from)
}

// A tap is a proxy to a real server that can add to what the server says.
type tap struct {
	addr string
	mu   sync.Mutex
	last net.Conn // the client that came last
}

func newTap(t *testing.T, server string) *tap {
	p := &tap{}
	p.addr = listen(t, func(client net.Conn) {
		upstream, err := net.Dial("tcp", server)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.last = client
		p.mu.Unlock()
		var up sync.WaitGroup
		up.Go(func() { relay(upstream, client); upstream.Close() })
		relay(client, upstream)
		client.Close()
		up.Wait()
	})
	return p
}

// add sends text to the client that came last, as if the server had.
func (p *tap) add(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, _ = p.last.Write([]byte(text))
}
