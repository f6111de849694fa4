package app

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"cartracker/internal/config"
	"cartracker/internal/redis"
	"cartracker/internal/store"
	"cartracker/internal/store/postgres"
)

// Replicate reads from replicas from now on, if there are some in the settings.
// It is called before Parts. What is changed on the command line needs none.
func (o *Office) Replicate(ctx context.Context, c *config.Config) error {
	if len(c.Replicas.URLs) == 0 {
		return nil
	}
	var urls []string
	for _, u := range c.Replicas.URLs {
		urls = append(urls, u.Reveal())
	}
	r, err := postgres.Replicate(onPostgres(c), urls)
	if err != nil {
		return err
	}
	r.MaxLag, r.Positions = c.Replicas.MaxLag, o.positions(c)
	return o.DB.ReadFrom(ctx, r)
}

// positions returns what knows what callers wrote: this process if it is the
// only one, or Redis; nil if nobody knows what other instances wrote (ADR 15).
func (o *Office) positions(c *config.Config) store.Positions {
	life := store.PositionLife(c.Replicas.MaxLag)
	switch {
	case o.link != nil:
		return sharedPositions{link: o.link, least: life + time.Second}
	case c.Pool.Instances > 1:
		return nil
	}
	return store.NewPositions(life)
}

// sharedPositions are the store.Positions that all instances note in Redis.
type sharedPositions struct {
	link  *redis.Link
	least time.Duration // that a server has to run before it knows all that matters
}

const (
	positionOf = "cartracker:position:" // and who
	// noteLife is longer than anything else is kept in Redis: a server that is
	// full makes room by what would end first.
	noteLife = 25 * time.Hour
)

var (
	// Two instances that write for one caller may tell in the other order. What
	// is known and lies further ends in its own time, but not before the new one
	// is of no use.
	notePosition = redis.NewScript(`
local at, life = ARGV[1], tonumber(ARGV[2])
local known = redis.call('GET', KEYS[1])
if known and tonumber(known) > tonumber(at) then
	at, life = known, math.max(redis.call('PTTL', KEYS[1]), tonumber(ARGV[3]))
end
redis.call('SET', KEYS[1], at, 'PX', life)
return {1}`)
	// A server that began a moment ago may have forgotten what it was told.
	lastPosition = redis.NewScript(`
local up = string.match(redis.call('INFO', 'server'), 'uptime_in_seconds:(%d+)')
return {tonumber(up), tonumber(redis.call('GET', KEYS[1]) or '0')}`)

	errForgot = errors.New("redis began too short a time ago to know")
)

// Note tells the other instances. The farthest is not kept for longer than it
// has to be, for no replica ever comes to it.
func (p sharedPositions) Note(ctx context.Context, who string, at store.Position) error {
	life := noteLife
	if at == store.Farthest {
		life = p.least
	}
	_, err := p.link.Eval(ctx, notePosition, []string{positionOf + who}, number(int64(at)), number(life.Milliseconds()), number(p.least.Milliseconds()))
	return err
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// Last asks what any instance noted.
func (p sharedPositions) Last(ctx context.Context, who string) (store.Position, error) {
	v, err := p.link.Eval(ctx, lastPosition, []string{positionOf + who})
	if err != nil {
		return 0, err
	}
	if len(v) != 2 {
		return 0, fmt.Errorf("redis answers %d numbers", len(v))
	}
	if up := time.Duration(v[0]) * time.Second; up <= p.least {
		return 0, errForgot
	}
	return store.Position(v[1]), nil
}
