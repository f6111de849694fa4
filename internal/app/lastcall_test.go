package app_test

import (
	"net"
	"slices"
	"testing"

	"cartracker/internal/app"
)

// All who are connected when the last call is made are let in, once, and nobody after them.
func TestLastCall(t *testing.T) {
	t.Parallel()
	for i, callers := range []int{0, 1, 50, 50} {
		at := "127.0.0.1:0"
		if i == 3 && hasIPv6() {
			at = "[::1]:0"
		}
		ln, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		var want, got []string
		for range callers {
			conn, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			want = append(want, conn.LocalAddr().String())
		}
		waiting, err := app.LastCall(ln)
		if err != nil {
			t.Error(err)
		}
		for _, conn := range waiting {
			got = append(got, conn.RemoteAddr().String())
			conn.Close()
		}
		if !slices.Equal(got, want) {
			t.Errorf("%d are let in, want %d: %q and %q", len(got), len(want), got, want)
		}
		if _, err := net.Dial("tcp", ln.Addr().String()); err == nil {
			t.Error("somebody is let in afterwards")
		}
		ln.Close()
		if _, err := app.LastCall(ln); err == nil {
			t.Error("a listener that was closed has a queue")
		}
	}
}

// hasIPv6 reports whether this machine has the newer addresses.
func hasIPv6() bool {
	ln, err := net.Listen("tcp", "[::1]:0")
	return err == nil && ln.Close() == nil
}
