package socketio

import "time"

// A bucket lets so many through in a second, and as many at once. One goroutine
// at a time uses it.
type bucket struct {
	most  float64 // 0: no limit
	level float64
	last  time.Time
}

// take reports whether one more may pass.
func (b *bucket) take(now time.Time) bool {
	if b.most == 0 {
		return true
	}
	b.level = min(b.most, b.level+now.Sub(b.last).Seconds()*b.most)
	b.last = now
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}
