package httpapi

import (
	"context"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"cartracker/internal/cache"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// CacheStats is how the cache of this instance does.
type CacheStats struct {
	cache.Size
	Trusted bool         `json:"trusted" doc:"The changes of others are known up to now; else nothing that is kept is used."`
	Routes  []RouteCache `json:"routes"`
}

// A RouteCache is how the cache does for one route, since the program began.
type RouteCache struct {
	Route string  `json:"route"`
	Life  float64 `json:"life" doc:"In seconds."`
	Tags  string  `json:"tags" doc:"What has them is forgotten when one is raised."`
	cache.Counts
}

type clearQuery struct {
	Pattern string `query:"pattern" maxLength:"100" doc:"* for everything, or one of the declared prefixes with :*, such as cars:*."`
}

type cleared struct {
	TagsRaised int `json:"tagsRaised"`
}

func (a *API) cacheRoutes() {
	r := route{
		method: http.MethodGet, path: "/api/cache/stats", tag: "Operations", summary: "Tell how the cache of this instance does",
		access: record.AdminOnly, answer: reflect.TypeFor[success[CacheStats]](), idle: true,
	}
	register(a, r, func(context.Context, *struct{}) (reply, error) { return one(a.CacheStats(), nil) })
	r = route{
		method: http.MethodDelete, path: "/api/cache", tag: "Operations", summary: "Forget what the cache of this instance keeps",
		access: record.AdminOnly, answer: reflect.TypeFor[success[cleared]](), idle: true,
	}
	register(a, r, a.clearCache)
}

// CacheStats returns how the cache does. Handler was called before.
func (a *API) CacheStats() CacheStats {
	out := CacheStats{Size: a.Cache.Size(), Trusted: a.Cache.Trusted(), Routes: []RouteCache{}}
	for _, s := range a.shelves {
		k := s.route.keeping
		out.Routes = append(out.Routes, RouteCache{Route: s.route.path, Life: k.life.Seconds(), Tags: strings.Join(k.tags, " "), Counts: s.Counts()})
	}
	return out
}

// clearCache forgets what a pattern names: cars:* what tells of any car, and
// car:* as well.
func (a *API) clearCache(_ context.Context, q *clearQuery) (reply, error) {
	prefixes := a.prefixes()
	if q.Pattern == "" || q.Pattern == "*" {
		a.Cache.Clear("")
		return one(cleared{len(prefixes)}, nil)
	}
	prefix, ok := strings.CutSuffix(q.Pattern, ":*")
	if !ok || !slices.Contains(prefixes, prefix) {
		return reply{}, page.ErrQuery.Say("pattern: must be * or one of " + strings.Join(prefixes, ":*, ") + ":*")
	}
	kind := cache.KindOf(prefix)
	a.Cache.Clear(kind)
	n := 0
	for _, p := range prefixes {
		if cache.KindOf(p) == kind {
			n++
		}
	}
	return one(cleared{n}, nil)
}

// prefixes returns what the tags of the routes begin with.
func (a *API) prefixes() (all []string) {
	for _, s := range a.shelves {
		for _, t := range s.tags {
			if prefix, _, _ := strings.Cut(t, ":"); !slices.Contains(all, prefix) {
				all = append(all, prefix)
			}
		}
	}
	slices.Sort(all)
	return all
}
