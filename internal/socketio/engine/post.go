package engine

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// A post is a POST of a client, while its body is read.
type post struct{ control *http.ResponseController }

// abort ends the reading of the body.
func (p *post) abort() {
	if p != nil && p.control != nil {
		_ = p.control.SetReadDeadline(time.Unix(1, 0))
	}
}

// servePost takes the packets that a client sends.
func (c *Conn) servePost(w http.ResponseWriter, r *http.Request) *failure {
	if f := c.beginPost(w); f != nil {
		if f == &overlap {
			c.end(reasonError)
		}
		return f
	}
	body, f := c.body(w, r)
	if f == nil {
		f = c.takeAll(body, carrier(r))
	}
	c.endPost()
	if f != nil {
		return f
	}
	h := w.Header()
	h.Set("Content-Type", "text/html") // as browsers want it who show what they get
	h.Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "ok") // who is gone needs no answer
	return nil
}

func (c *Conn) beginPost(w http.ResponseWriter) *failure {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.state == isClosed:
		return &unknownSession
	case c.socket != nil:
		return &badRequest
	case c.post != nil:
		return &overlap
	}
	c.post = &post{control: http.NewResponseController(w)}
	return nil
}

func (c *Conn) endPost() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.post = nil
}

// body reads the body of a POST. If that fails, nobody knows what is missing.
func (c *Conn) body(w http.ResponseWriter, r *http.Request) ([]byte, *failure) {
	body, f := readBody(w, r, c.server.config.MaxPayload)
	c.mu.Lock()
	c.post.control = nil // from now on there is nothing to abort
	upgraded := c.socket != nil
	c.mu.Unlock()
	if f != nil {
		c.end(reasonError)
	} else if upgraded {
		f = &badRequest
	}
	return body, f
}

func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, *failure) {
	if r.ContentLength > limit {
		return nil, &tooLarge
	}
	if r.Header.Get("Content-Type") == "application/octet-stream" {
		return nil, &badRequest // that was version 3
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return nil, &tooLarge
	}
	if err != nil {
		return nil, &badRequest
	}
	return body, nil
}

// takeAll takes the packets of a payload one after the other.
func (c *Conn) takeAll(payload []byte, via *http.Request) *failure {
	for p, err := range decodePayload(payload) {
		reason := reasonParse
		if err == nil {
			reason = c.take(p, via)
		}
		switch reason {
		case "":
			continue
		case reasonClosed:
			c.leave()
			return nil
		}
		c.end(reason)
		return &badRequest
	}
	return nil
}

// leave closes who wants to go, whose last poll needs no word about it.
func (c *Conn) leave() {
	c.mu.Lock()
	c.goodbye = noopFrame
	c.mu.Unlock()
	c.end(reasonClosed)
}
