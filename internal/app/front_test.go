package app_test

import (
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"cartracker/internal/app"
)

// A request that is cut off is waited for until it has noticed: it may have to
// take back what it began.
func TestCutOff(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	came, noticed, end := make(chan struct{}), make(chan struct{}), make(chan struct{})
	refuse, drain := app.Drain(ln, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(came)
		<-r.Context().Done()
		close(noticed)
		<-end
	}))
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, get, "/")
	<-came
	if err := refuse(); err != nil {
		t.Error(err)
	}
	drained := make(chan error, 1)
	go func() { drained <- drain(time.Millisecond) }()
	<-noticed
	select {
	case <-drained:
		t.Error("it was not waited for")
		close(end)
		return
	case <-time.After(100 * time.Millisecond):
	}
	close(end)
	if err := <-drained; err == nil || err.Error() != "requests did not finish in 1ms" {
		t.Errorf("it was cut off with %v", err)
	}
}
