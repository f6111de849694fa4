package metrics

import (
	"maps"
	"sync"
	"sync/atomic"
)

// A known finds what is counted under a key, which is looked up for each request
// and made once: there are few keys, so a copy of all is soon the last. The
// library does the same with a lock and a hash of all texts, at twice the cost.
type known[K comparable, V any] struct {
	make func(K) V
	all  atomic.Pointer[map[K]V]
	mu   sync.Mutex // of who adds to all
}

func newKnown[K comparable, V any](find func(K) V) *known[K, V] {
	k := &known[K, V]{make: find}
	k.all.Store(&map[K]V{})
	return k
}

func (k *known[K, V]) get(key K) V {
	if v, ok := (*k.all.Load())[key]; ok {
		return v
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	more := maps.Clone(*k.all.Load())
	more[key] = k.make(key)
	k.all.Store(&more)
	return more[key]
}
