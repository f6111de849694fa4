package engine

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A Conn is one client.
type Conn struct {
	server  *Server
	id      string
	handler Handler
	gone    func() // tells who let it arrive that it is closed

	receiving sync.Mutex // held while the handler is called

	mu      sync.Mutex
	state   state
	reason  string   // why it is closing
	queue   []*Frame // what waits
	waiting int      // bytes of the queue, and of what is being written

	socket  *socket // nil as long as the client polls
	writing bool    // somebody writes to the socket, or is going to
	after   *Conn   // the next of the errands
	via     *http.Request

	poll     *poll   // the poll that waits or is answered
	post     *post   // the POST that is being taken
	probe    *socket // the websocket that may take over
	upgrades bool    // a websocket is on its way to take over
	probed   bool    // it has been answered: polls shall end
	goodbye  *Frame  // what ends the last poll

	timer   *time.Timer
	due     time.Time // of what the timer is for
	pinged  bool      // a ping was sent and not answered
	excused bool      // it has more time to answer, since it said something else
}

type state byte

const (
	isOpen    state = iota
	isClosing       // what waits is sent, nothing is added or received
	isClosed
)

// ID is what the client is known by: more than 128 random bits, as letters and digits.
func (c *Conn) ID() string { return c.id }

// Send queues all frames, next to each other, or none. It never blocks. A
// client for whom too much waits with them is dropped as slow; if nothing else
// waits, they are never too much. Its error is ErrClosed.
func (c *Conn) Send(frames ...*Frame) error {
	c.mu.Lock()
	if c.state != isOpen {
		c.mu.Unlock()
		return ErrClosed
	}
	limits := &c.server.config
	if c.waiting > 0 && (c.waiting+size(frames) > limits.MaxWaiting || len(c.queue)+len(frames) > limits.MaxPackets) {
		c.mu.Unlock()
		c.end(reasonSlow)
		return ErrClosed
	}
	c.push(frames...)
	c.mu.Unlock()
	return nil
}

// Close sends what waits, for at most the time of one write, and closes. The
// handler is told when that is done.
func (c *Conn) Close(reason string) { c.finish(reason, c.server.config.WriteTimeout) }

// Drop closes at once.
func (c *Conn) Drop(reason string) { c.end(reason) }

// push queues frames and sees to it that somebody takes them. c.mu is held.
func (c *Conn) push(frames ...*Frame) {
	c.queue = append(c.queue, frames...)
	c.waiting += size(frames)
	c.flush()
}

// flush wakes whoever writes for the client. c.mu is held.
func (c *Conn) flush() {
	switch {
	case c.state == isClosed, c.poll != nil && c.poll.answering:
		// An answer that cannot be written goes back into the queue, so it comes first.
	case c.socket == nil:
		c.poll.nudge()
	case !c.writing && (len(c.queue) > 0 || c.state == isClosing):
		c.writing = true
		c.server.errands.add(c)
	}
}

// finish closes the client when what waits has been sent, or after a while.
func (c *Conn) finish(reason string, within time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state == isOpen {
		c.state, c.reason = isClosing, reason
		c.beat(within)
		c.flush()
	} else if c.state == isClosing && time.Until(c.due) > within {
		c.beat(within)
	}
}

// shutdown closes the client because the server closes. Who polls is not
// waited for: the next poll would be refused. But who upgrades is: the usual
// client that has stopped polling for a websocket does not notice that this ends
// before it has taken over.
func (c *Conn) shutdown() {
	c.mu.Lock()
	polls := c.socket == nil && !c.upgrades
	c.mu.Unlock()
	if polls {
		c.end(reasonShutdown)
		return
	}
	c.finish(reasonShutdown, min(c.server.config.WriteTimeout, patience))
}

// end closes the client now, if it is not closed.
func (c *Conn) end(reason string) {
	c.mu.Lock()
	switch c.state {
	case isClosed:
		c.mu.Unlock()
		return
	case isClosing:
		reason = c.reason
	case isOpen:
		if reason == reasonSlow {
			c.server.count.slow.Add(1)
		}
	}
	c.state = isClosed
	c.timer.Stop()
	c.gauge().Add(-1)
	c.queue, c.waiting = nil, 0
	c.poll.nudge()
	c.post.abort()
	socket, probe := c.socket, c.probe
	c.mu.Unlock()
	socket.cut()
	probe.cut()
	c.server.forget(c)
	c.gone()
	go c.tell(reason)
}

// tell lets the handler know that the client is closed, after what it is being
// told now. The server waits for it.
func (c *Conn) tell(reason string) {
	defer c.server.work.Done()
	c.receiving.Lock()
	defer c.receiving.Unlock()
	defer c.rescue()
	if c.handler != nil { // it is nil if accept has panicked
		c.handler.Closed(reason)
	}
}

// gauge counts the clients that are connected in the same way. c.mu is held.
func (c *Conn) gauge() *atomic.Int64 {
	if c.socket != nil {
		return &c.server.count.websocket
	}
	return &c.server.count.polling
}
