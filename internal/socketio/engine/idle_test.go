package engine_test

import (
	"runtime"
	"testing"

	"cartracker/internal/socketio/engine"
)

// TestIdle looks at what idle websockets cost: one goroutine each, and little
// memory, in which both ends of the connection are counted. What the race
// detector needs is not looked at: make test runs this without it too.
func TestIdle(t *testing.T) {
	d := open(t, engine.Config{})
	d.came, d.left = make(chan *engine.Conn, 1000), make(chan string, 1000)
	measure := func() (bytes uint64, goroutines int) {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // what finalizers kept
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse, runtime.NumGoroutine()
	}
	const clients = 500
	bytes, goroutines := measure()
	for range clients {
		d.dialRaw()
		engine.WaitForIdle(t, <-d.came)
	}
	bytes2, goroutines2 := measure()
	if n := goroutines2 - goroutines; n > clients+10 {
		t.Errorf("%d clients have %d goroutines", clients, n)
	}
	if each := (bytes2 - bytes) / clients; bytes2 > bytes && each > 12<<10 && !raceEnabled {
		t.Errorf("a client needs %d bytes", each)
	} else {
		t.Logf("%d bytes each", each)
	}
}
