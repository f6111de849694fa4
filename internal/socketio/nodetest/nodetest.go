// Package nodetest drives the reference client and the reference server of
// Socket.IO, which Node runs, from a test.
package nodetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"cartracker/internal/machinetest"
)

// folder returns that of the programs. Where there is no Node, or the client is
// not installed, the test is skipped, or fails if TEST_REQUIRE_NODE is set.
func folder(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(machinetest.Root(t), "internal", "socketio", "nodetest")
	_, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(filepath.Join(dir, "node_modules", "socket.io-client"))
	}
	if err == nil {
		return dir
	}
	if os.Getenv("TEST_REQUIRE_NODE") != "" {
		t.Fatalf("there is no Node with socket.io-client, and TEST_REQUIRE_NODE says that there must be: run scripts/need.sh (%v)", err)
	}
	t.Skipf("there is no Node with socket.io-client: run scripts/need.sh (%v)", err)
	return ""
}
