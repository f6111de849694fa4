package engine

import (
	"crypto/rand"
	"fmt"
	"net/http"
)

// handshake makes a client of who asks for the first time.
func (s *Server) handshake(w http.ResponseWriter, r *http.Request, transport, version string) *failure {
	switch {
	case r.Method != http.MethodGet:
		return &badMethod
	case version != "4":
		return &wrongVersion
	}
	leave, ok := s.config.Arrive(r)
	switch {
	case !ok:
		return &crowded
	case transport == polls:
		return s.open(nil, nil, leave).servePoll(w, r)
	}
	socket, err := s.takeSocket(w, r)
	if err != nil {
		leave()
		return nil // who asked was told
	}
	c := s.open(socket, lasting(r), leave)
	s.work.Go(func() { c.read(socket) })
	return nil
}

// open makes a client with this websocket, or one that polls if there is none.
// Nothing is sent or told before the handler is there.
func (s *Server) open(socket *socket, via *http.Request, leave func()) *Conn {
	c := &Conn{server: s, id: rand.Text(), gone: leave, socket: socket, via: via, goodbye: closeFrame, writing: true}
	c.receiving.Lock()
	defer c.receiving.Unlock()
	c.mu.Lock() // so that Close, which may see it at once, finds it whole
	c.push(c.greeting())
	c.beat(s.config.PingInterval)
	late := s.add(c)
	c.mu.Unlock()
	c.handler = s.accept(c)
	c.mu.Lock()
	c.writing = false
	c.flush()
	c.mu.Unlock()
	if late {
		c.shutdown()
	}
	return c
}

// add makes a client known, and reports whether that is too late for Close to
// have seen it. c.mu is held.
func (s *Server) add(c *Conn) (late bool) {
	s.work.Add(1)
	c.gauge().Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clients[c.id] = c
	return s.closed
}

// greeting is the packet that opens a session.
func (c *Conn) greeting() *Frame {
	upgrades, limits := `"websocket"`, c.server.config
	if c.socket != nil {
		upgrades = ""
	}
	return control(kindOpen, fmt.Appendf(nil, `{"sid":%q,"upgrades":[%s],"pingInterval":%d,"pingTimeout":%d,"maxPayload":%d}`,
		c.id, upgrades, limits.PingInterval.Milliseconds(), limits.PingTimeout.Milliseconds(), limits.MaxPayload))
}
