package app

import (
	"net/http"
	"sync/atomic"
)

// A door counts the requests under way. Once it is closing, each answer asks its
// client to come over another connection the next time. Those that are idle are
// left open meanwhile: a proxy that sends a POST over one at the moment in which
// it is closed cannot know whether it was done, and does not send it again.
type door struct {
	inside  atomic.Int64
	closing atomic.Bool
}

// before returns a handler in front of next.
func (d *door) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.inside.Add(1)
		defer d.inside.Add(-1)
		a := &parting{ResponseWriter: w, door: d}
		next.ServeHTTP(a, r)
		a.part() // an answer without a body may not have begun
	})
}

// A parting is an answer that may be the last on its connection. That is decided
// when it begins, since its request may have come before the program was told.
type parting struct {
	http.ResponseWriter
	door *door
}

func (p *parting) part() {
	if p.door.closing.Load() {
		p.Header().Set("Connection", "close")
	}
}

// WriteHeader leaves the connection to a websocket that takes it over.
func (p *parting) WriteHeader(status int) {
	if status >= http.StatusOK {
		p.part()
	}
	p.ResponseWriter.WriteHeader(status)
}

func (p *parting) Write(b []byte) (int, error) {
	p.part() // too late does nothing
	return p.ResponseWriter.Write(b)
}

// Unwrap gives http.ResponseController the connection's own writer.
func (p *parting) Unwrap() http.ResponseWriter { return p.ResponseWriter }
