package socketio

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// Memory is the Adapter of an instance that is alone.
type Memory struct {
	mu      sync.Mutex
	members map[string]int
}

var _ Adapter = (*Memory)(nil)

// NewMemory makes a Memory.
func NewMemory() *Memory { return &Memory{members: map[string]int{}} }

// Run waits until ctx is done: there is nobody to hear from.
func (m *Memory) Run(ctx context.Context, _ func(Message), _ func([]string, bool)) error {
	<-ctx.Done()
	return nil
}

// Publish does nothing: there is nobody to tell.
func (m *Memory) Publish(context.Context, Message) error { return nil }

// Enter counts one more socket of a member.
func (m *Memory) Enter(_ context.Context, member string, most int) (total int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if most > 0 && m.members[member] >= most {
		return 0, ErrTooMany
	}
	m.members[member]++
	return m.members[member], nil
}

// Leave counts one less.
func (m *Memory) Leave(_ context.Context, member string) (total int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.members[member]--; m.members[member] > 0 {
		return m.members[member], nil
	}
	delete(m.members, member)
	return 0, nil
}

// Members returns who has a socket.
func (m *Memory) Members(context.Context) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Keys(m.members)), nil
}
