package app

import (
	"net"
	"net/http"
	"testing"
	"time"
)

func TestServerLimits(t *testing.T) {
	t.Parallel()
	srv := newServer(http.NotFoundHandler())
	if srv.ReadHeaderTimeout != 5*time.Second || srv.IdleTimeout != time.Minute || srv.ReadTimeout <= 15*time.Second || srv.WriteTimeout < time.Minute {
		t.Errorf("the server waits %s for headers, %s for a request, %s idle, %s to write", srv.ReadHeaderTimeout, srv.ReadTimeout, srv.IdleTimeout, srv.WriteTimeout)
	}
	if srv.MaxHeaderBytes+4<<10 != 16<<10 {
		t.Errorf("headers may have %d bytes", srv.MaxHeaderBytes+4<<10)
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{"127.0.0.1": true, "localhost": true, "::1": true, net.IPv4zero.String(): false, "10.0.0.1": false, "desk.example.com": false} {
		if isLoopback(host) != want {
			t.Errorf("%s is on this computer only: %t", host, !want)
		}
	}
}
