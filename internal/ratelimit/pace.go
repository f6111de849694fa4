package ratelimit

import (
	"context"
	"strconv"
	"sync"
	"time"

	"cartracker/internal/redis"
)

// A Pace gives out moments that are evenly spaced, so that what is done at them
// is done no faster. It never fails, and is safe for concurrent use.
type Pace interface {
	// Next takes the next moment and returns how long it is until then. If that
	// is longer than patience it takes none, and returns false.
	Next(ctx context.Context, patience time.Duration) (wait time.Duration, ok bool)
}

// A MemoryPace is the pace of this process.
type MemoryPace struct {
	every time.Duration
	now   func() time.Time

	mu   sync.Mutex
	last time.Time
}

// NewMemoryPace returns a pace with so much time between two moments, by the
// clock now.
func NewMemoryPace(every time.Duration, now func() time.Time) *MemoryPace {
	return &MemoryPace{every: every, now: now}
}

// Next takes the next moment, if that comes soon enough.
func (p *MemoryPace) Next(_ context.Context, patience time.Duration) (time.Duration, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	next := p.last.Add(p.every)
	if next.Before(now) {
		next = now
	}
	if next.Sub(now) > patience {
		return 0, false
	}
	p.last = next
	return next.Sub(now), true
}

// A RedisPace is the pace of all instances that share a Redis server, by its
// clock. While it is away each instance keeps a pace of its own.
type RedisPace struct {
	link  *redis.Link
	name  string
	local *MemoryPace
}

// NewRedisPace returns the pace of this name over link, and local meanwhile.
func NewRedisPace(link *redis.Link, name string, local *MemoryPace) *RedisPace {
	return &RedisPace{link, name, local}
}

// Moments are in microseconds of the server's clock.
var nextScript = redis.NewScript(`
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local every = tonumber(ARGV[1])
local at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0) + every, now)
if at - now > tonumber(ARGV[2]) then
	return {-1}
end
redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', math.ceil((at - now + every) / 1000))
return {at - now}`)

// Next takes the next moment, if that comes soon enough.
func (p *RedisPace) Next(ctx context.Context, patience time.Duration) (time.Duration, bool) {
	n, err := p.link.Eval(ctx, nextScript, []string{"cartracker:pace:" + p.name}, micros(p.local.every), micros(patience))
	if err != nil || len(n) != 1 {
		return p.local.Next(ctx, patience) // the line says what is wrong, once
	}
	return time.Duration(n[0]) * time.Microsecond, n[0] >= 0
}

func micros(d time.Duration) string { return strconv.FormatInt(d.Microseconds(), 10) }
