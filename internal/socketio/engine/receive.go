package engine

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
)

// take does what a packet asks for. It returns why the client has to be closed,
// or nothing.
func (c *Conn) take(p packet, via *http.Request) (reason string) {
	if p.kind != kindPong {
		c.excuse()
	}
	switch p.kind {
	case kindMessage:
		c.deliver(p, via)
	case kindPong:
		c.pong()
	case kindNoop:
	case kindClose:
		return reasonClosed
	case kindPing:
		return reasonError // since version 4 the server pings
	default:
		return reasonParse
	}
	return ""
}

func (c *Conn) deliver(p packet, via *http.Request) {
	c.receiving.Lock()
	defer c.receiving.Unlock()
	defer c.rescue()
	if c.listens() {
		c.handler.Message(p.data, p.binary, via)
	}
}

// listens reports whether messages still matter.
func (c *Conn) listens() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state == isOpen
}

// rescue closes only this client when its handler panics.
func (c *Conn) rescue() {
	if v := recover(); v != nil {
		slog.Error("panic", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
		c.end(reasonError)
	}
}
