package app

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"cartracker/internal/part"
)

// A crew are parts that run, each in a goroutine of its own.
type crew struct {
	failed func(context.Context, error) // told of each that fails
	ended  sync.WaitGroup

	mu    sync.Mutex
	alive []string
}

// start runs a part until ctx is done.
func (c *crew) start(ctx context.Context, p part.Part) {
	c.mu.Lock()
	c.alive = append(c.alive, p.Name)
	c.mu.Unlock()
	c.ended.Go(func() {
		if err := part.Guard(func() error { return p.Run(ctx) }); err != nil {
			c.failed(ctx, fmt.Errorf("%s: %w", p.Name, err))
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.alive = slices.DeleteFunc(c.alive, func(name string) bool { return name == p.Name })
	})
}

// names returns those that have not ended.
func (c *crew) names() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.alive)
}
