package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"cartracker/internal/cache"
	"cartracker/internal/httpapi/middleware"
	"cartracker/internal/ident"
	"cartracker/internal/record"
)

// keeping says how answers of a route are kept.
type keeping struct {
	life time.Duration
	tags []string // "car:{car}" is the tag of the record in the path
}

// kept lets answers of a route be kept for a time, until one of the tags is
// raised. They may depend on the path, the query, the role of the caller, and
// the day; never on anything else of who asks.
func (r route) kept(life time.Duration, tags ...string) route {
	r.keeping = &keeping{life, tags}
	return r
}

func (k *keeping) String() string { return k.life.String() + " " + strings.Join(k.tags, " ") }

// A shelf keeps the answers of one route.
type shelf struct {
	*cache.Shelf[*content]
	route route
	tags  []string
	named bool // some of the tags are of the record in the path
}

// newShelf returns the shelf of a route that keeps its answers.
func (a *API) newShelf(r route) *shelf {
	s := &shelf{route: r, tags: r.keeping.tags, named: strings.Contains(r.keeping.String(), "{")}
	s.Shelf = cache.NewShelf(a.Cache, cache.Spec[*content]{
		Name: r.method + " " + r.path, Life: r.keeping.life, Weight: (*content).weight, Encode: encodeContent, Decode: decodeContent,
	})
	a.shelves = append(a.shelves, s)
	return s
}

// key names the answer to a request.
func (a *API) key(s *shelf, r *http.Request, c record.Caller) cache.Key {
	name := make([]byte, 0, 256)
	name = append(append(name, c.Role...), ' ')
	name = append(a.Today().Append(name), ' ')
	name = append(strconv.AppendInt(name, int64(len(r.URL.Path)), 10), ' ') // it may have a question mark
	name = append(name, r.URL.Path...)
	if r.URL.RawQuery != "" {
		name = append(append(name, '?'), normalQuery(r.URL.RawQuery)...)
	}
	return cache.Key{Name: string(name), Tags: s.tagsOf(r), Owner: string(c.ID)}
}

// normalQuery is the same for queries that name the same parameters, whatever
// their order and however they are escaped.
func normalQuery(raw string) string {
	q, err := url.ParseQuery(raw)
	if err != nil { // was refused before
		return raw
	}
	return q.Encode()
}

// tagsOf returns the tags of the answer to a request. A record that the path
// names otherwise than by its id may be any: then the tag of all of them.
func (s *shelf) tagsOf(r *http.Request) []string {
	if !s.named {
		return s.tags
	}
	tags := make([]string, len(s.tags))
	for i, t := range s.tags {
		kind, param, named := strings.Cut(t, ":")
		tags[i] = t
		if named {
			tags[i] = kind + "s"
			if id := strings.ToLower(r.PathValue(strings.Trim(param, "{}"))); ident.Valid(id) {
				tags[i] = kind + ":" + id
			}
		}
	}
	return tags
}

// keyed is what a request is looked for under.
type keyed struct {
	*shelf
	key cache.Key
}

// look returns what is kept; nil if it has to be made.
func (k keyed) look() *content {
	kept, _ := k.Look(k.key)
	return kept
}

// held reports whether something is kept, though it be made anew soon: that is
// answered until there is something newer.
func (k keyed) held() bool { return k.shelf != nil && k.Holds(k.key) }

// answerKept answers a request with what is kept.
func (a *API) answerKept(w http.ResponseWriter, r *http.Request, k keyed, kept *content, c record.Caller) {
	if slog.Default().Enabled(r.Context(), slog.LevelDebug) {
		k.tell(middleware.As(r, c).Context(), cache.Hit)
	}
	reply{status: http.StatusOK, content: kept, outcome: cache.Hit}.write(w, r)
}

// got returns the answer that is kept, or that make makes.
func (k keyed) got(ctx context.Context, make func(context.Context) (reply, error)) (reply, error) {
	c, outcome, err := k.Get(ctx, k.key, func(ctx context.Context) (*content, error) {
		rep, err := make(record.Fresh(ctx))
		if err != nil {
			return nil, err
		}
		return newContent(rep.body, rep.tag()), nil
	})
	k.tell(ctx, outcome)
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, content: c, outcome: outcome}, nil
}

func (k keyed) tell(ctx context.Context, o cache.Outcome) {
	slog.DebugContext(ctx, "cache", "route", k.route.path, "outcome", string(o))
}
