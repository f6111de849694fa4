package engine

import "time"

// beat sets when tick is called next. c.mu is held.
func (c *Conn) beat(in time.Duration) {
	c.due = time.Now().Add(in)
	if c.timer == nil {
		c.timer = time.AfterFunc(in, c.tick)
		return
	}
	c.timer.Reset(in)
}

// tick sends a ping, or closes who has not answered the last one or has not
// taken what was sent before the end.
func (c *Conn) tick() {
	if reason := c.tock(); reason != "" {
		c.end(reason)
	}
}

func (c *Conn) tock() (reason string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := time.Until(c.due)
	switch {
	case c.state == isClosed:
	case left > 0: // the timer was set anew while it rang
		c.timer.Reset(left)
	case c.state == isClosing:
		return c.reason
	case c.pinged:
		return reasonSilent
	default:
		c.pinged, c.excused = true, false
		c.beat(c.server.config.PingTimeout)
		c.push(pingFrame)
	}
	return ""
}

// pong notes that a ping was answered.
func (c *Conn) pong() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == isOpen && c.pinged {
		c.pinged = false
		c.beat(c.server.config.PingInterval)
	}
}

// excuse gives a client that says something else more time to answer a ping,
// once: what it sends may be long, and its pong behind it.
func (c *Conn) excuse() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == isOpen && c.pinged && !c.excused {
		c.excused = true
		c.beat(c.server.config.PingTimeout)
	}
}
