package engine

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

// The transports, as clients call them.
const (
	polls   = "polling"
	sockets = "websocket"
)

// ServeHTTP answers a handshake, a poll, a POST or a websocket, whatever the
// path is. It sets no CORS headers.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if !s.enter() {
		w.Header().Set("Connection", "close")
		shuttingDown.answer(w)
		return
	}
	defer s.work.Done()
	if f := s.route(w, r); f != nil {
		f.answer(w)
	}
}

// route answers a request, or returns why it does not.
func (s *Server) route(w http.ResponseWriter, r *http.Request) *failure {
	q := r.URL.Query()
	transport, id := q.Get("transport"), q.Get("sid")
	switch {
	case transport != polls && transport != sockets:
		return &unknownTransport
	case !s.config.Allow(r):
		return &forbidden
	case q.Has("j"), transport == sockets && !wantsWebsocket(r): // JSONP is not part of version 4
		return &badRequest
	case id == "":
		return s.handshake(w, r, transport, q.Get("EIO"))
	}
	c := s.find(id)
	switch {
	case c == nil:
		return &unknownSession
	case transport == sockets:
		return c.upgrade(w, r)
	case r.Method == http.MethodGet:
		return c.servePoll(w, r)
	case r.Method == http.MethodPost:
		return c.servePost(w, r)
	}
	return &badRequest
}

func wantsWebsocket(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), sockets)
}

// carrier returns what a handler may know of a request, also after it was
// answered: everything but its body.
func carrier(r *http.Request) *http.Request {
	r = r.WithContext(context.WithoutCancel(r.Context()))
	r.Body = http.NoBody
	return r
}

// passing are headers of a websocket's request that say nothing about who sent it.
var passing = []string{
	"Connection", "Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Version", "Sec-Websocket-Extensions",
	"Accept-Encoding", "Cache-Control", "Pragma",
}

// lasting returns a carrier that is kept for as long as a websocket.
func lasting(r *http.Request) *http.Request {
	r = carrier(r)
	kept := http.Header{}
	for name, values := range r.Header {
		if !slices.Contains(passing, name) {
			kept[name] = values
		}
	}
	r.Header = kept
	return r
}
