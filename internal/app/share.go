package app

import (
	"context"
	"log/slog"
	"time"

	"cartracker/internal/cache"
	"cartracker/internal/config"
	"cartracker/internal/httpapi"
	"cartracker/internal/part"
	"cartracker/internal/ratelimit"
	"cartracker/internal/record"
	"cartracker/internal/redis"
	"cartracker/internal/secret"
	"cartracker/internal/store"
)

// newCache returns the cache of this process, or its part of the one that all share.
func newCache(c *config.Config, link *redis.Link, keys secret.Keys, feed *store.Feed, version string) cache.Cache {
	near := cache.NewMemory(c.CacheBytes, func() bool { return feed.Behind() < maxBehind })
	if link == nil {
		return near
	}
	return cache.NewRedis(near, link, keys.Seal(), version)
}

func newLimiter(link *redis.Link) ratelimit.Limiter {
	local := ratelimit.NewMemory(time.Now)
	if link == nil {
		return local
	}
	return ratelimit.NewRedis(link, local)
}

func limits(l config.Limits) httpapi.Limits {
	rule := func(name string, l config.Limit) ratelimit.Rule {
		return ratelimit.Rule{Name: name, Count: l.Count, Window: l.Window}
	}
	return httpapi.Limits{
		API: rule("api", l.API), Auth: rule("auth", l.Auth), Read: rule("read", l.Read), Write: rule("write", l.Write),
		StaffFactor: l.StaffFactor,
	}
}

// changed is the channel on which instances tell each other that they committed
// a change: not which, the feed knows that.
const changed = "cartracker:changed"

// Parts returns what has to run for as long as the office is used: it learns
// what others change, and tells them. It is called once.
func (o *Office) Parts() []part.Part {
	parts := []part.Part{
		{Name: "feed", Run: o.Feed.Run},
		{Name: "pulse", Run: o.DB.Pulse},
		{Name: "pools", Run: o.DB.TellPools},
		{Name: "gate", Run: o.API.Gate.Run},
		{Name: "activity", Run: o.Activity.Run},
	}
	if o.DB.Replicas() != nil {
		parts = append(parts, part.Part{Name: "replicas", Run: o.DB.RunReplicas})
	}
	if o.link == nil {
		return parts
	}
	committed := make(chan struct{}, 1)
	o.DB.OnCommit(func(context.Context, record.Batch) {
		select {
		case committed <- struct{}{}:
		default: // the others will look anyway
		}
	})
	tell := func(ctx context.Context) error {
		for {
			select {
			case <-committed:
				_ = o.link.Publish(ctx, changed, "committed") // without Redis they look by themselves
			case <-ctx.Done():
				return nil
			}
		}
	}
	hear := func(ctx context.Context) error {
		if err := o.link.Subscribe(ctx, changed, func(string) { o.Feed.Wake() }); ctx.Err() == nil {
			return err
		}
		return nil
	}
	return append(parts, part.Part{Name: "Redis", Run: o.link.Run},
		part.Part{Name: "telling others", Run: tell}, part.Part{Name: "hearing others", Run: hear})
}

// openLink connects to Redis, if there is one in the settings.
func openLink(ctx context.Context, c *config.Config) (*redis.Link, error) {
	if !c.Redis.IsSet() {
		return nil, nil
	}
	link, err := redis.Open(ctx, c.Redis.Reveal())
	if err == nil && !link.Up() {
		slog.WarnContext(ctx, "Redis cannot be reached: this instance remembers and counts by itself until it can")
	}
	return link, err
}
