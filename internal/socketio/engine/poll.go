package engine

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"
)

const (
	longest = 30 * time.Second       // that a poll waits, so that no server or proxy gives it up
	hurried = 100 * time.Millisecond // that a poll waits while the client upgrades
)

// A poll is a GET that takes what waits for a client.
type poll struct {
	wake      chan struct{} // something may wait now
	done      chan struct{} // closed when it is over
	hurried   bool          // it began after the probe of an upgrade
	answering bool
	taken     []*Frame // of the queue
	last      bool     // nothing comes after it
}

// nudge lets the poll look again.
func (p *poll) nudge() {
	if p == nil {
		return
	}
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// servePoll answers with what waits, as soon as there is something.
func (c *Conn) servePoll(w http.ResponseWriter, r *http.Request) *failure {
	if r.ContentLength != 0 {
		return &badRequest // a body that nobody reads would be waited for without a deadline
	}
	p, f := c.beginPoll(r.Context())
	if f != nil {
		return f
	}
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // else that of the request ends the wait
	frames := c.await(r.Context(), p)
	var err error
	if frames != nil {
		_ = control.SetWriteDeadline(time.Now().Add(c.server.config.WriteTimeout))
		err = answerPoll(w, encodePayload(frames))
		_ = control.SetWriteDeadline(time.Time{})
	}
	c.endPoll(p, err)
	return nil
}

// beginPoll makes a poll the client's. A second one while the first waits ends
// the session; while the first is answered, it is only early: the client may
// have the answer before the server knows.
func (c *Conn) beginPoll(ctx context.Context) (*poll, *failure) {
	for {
		p, before, f := c.tryPoll()
		if f == &overlap {
			c.end(reasonError)
		}
		if before == nil {
			return p, f
		}
		select {
		case <-before.done:
		case <-ctx.Done():
			return nil, &badRequest
		}
	}
}

// tryPoll returns the poll, or one that has to be waited for, or why there is none.
func (c *Conn) tryPoll() (p, before *poll, _ *failure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.state == isClosed:
		return nil, nil, &unknownSession
	case c.socket != nil:
		return nil, nil, &badRequest
	case c.poll == nil:
		c.poll = &poll{wake: make(chan struct{}, 1), done: make(chan struct{}), hurried: c.probed}
		return c.poll, nil, nil
	case c.poll.answering:
		return nil, c.poll, nil
	}
	return nil, nil, &overlap
}

// await returns what to answer, or nothing if the client has left.
func (c *Conn) await(ctx context.Context, p *poll) []*Frame {
	limit := longest
	if p.hurried {
		limit = hurried
	}
	end := time.NewTimer(limit)
	defer end.Stop()
	for late := false; ctx.Err() == nil; {
		if frames := c.takeFor(p, late); frames != nil {
			return frames
		}
		select {
		case <-p.wake:
		case <-end.C:
			late = true
		case <-ctx.Done():
		}
	}
	return nil
}

// takeFor returns what a poll answers now, if anything.
func (c *Conn) takeFor(p *poll, late bool) []*Frame {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.state == isClosed:
		return []*Frame{c.goodbye}
	case c.socket != nil:
		return []*Frame{noopFrame}
	case len(c.queue) > 0:
		n := fit(c.queue, c.server.config.MaxPayload)
		p.taken, c.queue = c.queue[:n:n], c.queue[n:]
	case c.state != isClosing && (late || c.probed && !p.hurried):
		p.answering = true
		return []*Frame{noopFrame}
	case c.state != isClosing:
		return nil
	}
	p.answering = true
	if p.last = c.state == isClosing && len(c.queue) == 0; p.last {
		return append(p.taken, closeFrame)
	}
	return p.taken
}

// endPoll is told how the answer went. What could not be written waits again.
// What was written and lost on its way, nobody can know of.
func (c *Conn) endPoll(p *poll, err error) {
	c.mu.Lock()
	c.poll = nil
	close(p.done)
	if err != nil {
		c.queue = slices.Concat(p.taken, c.queue)
	} else {
		c.waiting -= size(p.taken)
	}
	if len(c.queue) == 0 {
		c.queue = nil // and what it was a part of
	}
	c.flush()
	c.mu.Unlock()
	if p.last && err == nil {
		c.end("")
	}
}

// answerPoll writes an answer whole.
func answerPoll(w http.ResponseWriter, payload []byte) error {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(len(payload)))
	h.Set("Cache-Control", "no-store")
	if _, err := w.Write(payload); err != nil {
		return err
	}
	err := http.NewResponseController(w).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil // it is written when the handler returns, and nobody says how that went
	}
	return err
}
