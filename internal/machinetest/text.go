package machinetest

import (
	"strings"
	"sync"
)

// A Text can be read while several write it, such as a log.
type Text struct {
	mu  sync.Mutex
	all strings.Builder
}

// Write adds to the text.
func (t *Text) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all.Write(b)
}

// String returns the text so far.
func (t *Text) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.all.String()
}
