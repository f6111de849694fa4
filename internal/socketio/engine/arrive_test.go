package engine_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"cartracker/internal/socketio/engine"
)

// A server with room for two takes a third once one has gone, however it came.
func TestArrive(t *testing.T) {
	var here atomic.Int64
	left := make(chan struct{}, 10)
	d := open(t, engine.Config{Arrive: func(*http.Request) (func(), bool) {
		if here.Add(1) > 2 {
			here.Add(-1)
			return nil, false
		}
		return func() {
			here.Add(-1)
			left <- struct{}{}
		}, true
	}})
	_, first := d.poll()
	s, second := d.connect()
	full := d.must("GET", "EIO=4&transport=polling", "")
	if full.status != http.StatusServiceUnavailable || full.header.Get("Retry-After") == "" {
		t.Errorf("one more: %+v", full)
	}
	if _, res, err := d.tryDial("EIO=4&transport=websocket"); err == nil || res == nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one more websocket: %v", err)
	}
	if wrong := d.must("GET", "EIO=3&transport=polling", ""); wrong.status != http.StatusBadRequest || here.Load() != 2 {
		t.Errorf("a wrong version: %+v, %d are here", wrong, here.Load())
	}
	first.Drop("forced close")
	after(t, "the end of a client that polls", left)
	d.poll()
	second.Drop("forced close")
	after(t, "the end of a client with a websocket", left)
	s.wantClosed()
	if res, err := d.call(t.Context(), "GET", "EIO=4&transport=websocket", "", "Connection", "Upgrade", "Upgrade", "websocket"); err != nil || res.status < 400 || here.Load() != 1 {
		t.Errorf("a websocket that is none: %+v (%v), %d are here", res, err, here.Load())
	}
}
