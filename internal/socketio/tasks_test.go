package socketio

import (
	"sync"
	"sync/atomic"
	"testing"
)

// Tasks begin while others wait for the end of those before: all are waited for.
func TestTasks(t *testing.T) {
	t.Parallel()
	var some tasks
	some.wait() // there are none
	for range 200 {
		var begun, ended atomic.Int32
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				some.begin(func() { ended.Add(1) })
				begun.Add(1)
			})
			all.Go(func() {
				before := begun.Load()
				if some.wait(); ended.Load() < before {
					t.Errorf("%d had begun, and only %d have ended", before, ended.Load())
				}
			})
		}
		all.Wait()
		if some.wait(); ended.Load() != 4 {
			t.Fatalf("%d of 4 have ended", ended.Load())
		}
	}
}
