package engine

import (
	"unicode/utf8"

	"github.com/coder/websocket"
)

// read takes what comes over the client's websocket until that ends.
func (c *Conn) read(s *socket) {
	defer s.conn.CloseNow()
	for {
		data, binary, err := s.receive()
		if err != nil {
			c.end(reasonFor(err))
			return
		}
		if reason := c.takeMessage(s, data, binary); reason != "" {
			c.end(reason)
			return
		}
	}
}

func (c *Conn) takeMessage(s *socket, data []byte, binary bool) (reason string) {
	if binary {
		return c.take(packet{kind: kindMessage, binary: true, data: data}, c.via)
	}
	p, err := decode(data)
	if err == nil {
		return c.take(p, c.via)
	}
	code := websocket.StatusProtocolError
	if !utf8.Valid(data) {
		code = websocket.StatusInvalidFramePayloadData
	}
	s.bye(code)
	return reasonParse
}

// write sends what waits over the client's websocket, as far as that needs no
// waiting. What does is left to a goroutine.
func (c *Conn) write() {
	frames := c.next()
	switch {
	case frames == nil: // the client has gone
	case len(frames) == 0: // all is sent
		c.server.work.Go(c.farewell)
	default:
		if left := c.socket.line.try(frames); left != nil {
			c.server.work.Go(func() { c.writeRest(frames, left) })
			return
		}
		c.wrote(frames)
	}
}

// writeRest sends what is left of frames.
func (c *Conn) writeRest(frames, left []*Frame) {
	if err := c.socket.send(left); err != nil {
		c.end(reasonError)
		return
	}
	c.wrote(frames)
}

// farewell closes the websocket, after all that waited.
func (c *Conn) farewell() {
	c.socket.bye(c.code())
	c.end("")
}

// next returns what has to be written, nil if nothing has, and nothing but not
// nil if the websocket is to be closed.
func (c *Conn) next() []*Frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	frames := c.queue
	c.queue = nil
	switch {
	case len(frames) > 0:
		return frames
	case c.state == isClosing:
		return []*Frame{}
	}
	c.writing = false
	return nil
}

// wrote notes what was written. If more waits, others come first.
func (c *Conn) wrote(frames []*Frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting -= size(frames)
	c.writing = false
	c.flush()
}

// code is what tells the client why its websocket is closed.
func (c *Conn) code() websocket.StatusCode {
	if c.reason == reasonShutdown {
		return websocket.StatusGoingAway
	}
	return websocket.StatusNormalClosure
}
