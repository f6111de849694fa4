// Package cache keeps what was expensive to make, until its time is over or
// something that it was made of has changed.
//
// What is kept has tags, such as "cars" and "car:ID". Each tag has a
// generation: the number of the last change in the feed that concerned it. The
// generations are part of the key, so that raising one, which takes the same
// time however much is kept, makes everything unreachable that was made before;
// and a load that began before a change can neither be joined nor found by who
// asks after it. Processes that read the same feed have the same generations,
// and can share what they keep.
package cache

import (
	"context"
	"sync/atomic"
	"time"

	"cartracker/internal/observe"
)

const (
	// MaxLife is the longest that anything may be kept. A copy that another
	// process made of it may be as old again.
	MaxLife = 20 * time.Minute

	// remembered is for how long it matters that something concerned a tag:
	// longer than anything from before can still be kept.
	remembered = time.Hour
)

// A Cache keeps values. Memory keeps them in this process, Redis for all of
// them. Programs use it through a Shelf.
type Cache interface {
	// Look returns what is kept under key. Due says that it should be made anew
	// before its time is over, which Get does.
	Look(key string) (v any, due, ok bool)
	// Get returns what is kept under key, or else what load makes, and keeps
	// that. Of several that ask at the same time one loads. A load that fails
	// leaves nothing behind. Found says that it was there, made here or elsewhere.
	Get(ctx context.Context, key string, p Policy, load Load) (v any, found bool, err error)
	// Key returns the whole key of what a shelf keeps under k, with the
	// generations of its tags.
	Key(shelf string, k Key) string
	// Trusted reports whether the generations are those of a moment ago. While
	// they are not, nothing that is kept may be used.
	Trusted() bool

	// Raise says that change number seq concerned the tags.
	Raise(seq int64, tags ...string)
	// RaiseKind says that the changes up to number seq may have concerned any
	// tag of a kind: "car" is the kind of "cars" and of "car:ID".
	RaiseKind(seq int64, kind string)
	// Forget says that anything may have changed, and that the numbers of
	// changes may begin anew.
	Forget()
	// Clear forgets what has a tag of a kind, in this process.
	Clear(kind string)

	// Size returns how much is kept in this process.
	Size() Size
	// Close ends what runs in the background, and waits for it.
	Close()
}

// A Load makes a value.
type Load func(context.Context) (any, error)

// A Policy says how a value is kept.
type Policy struct {
	Life   time.Duration // at most; up to a tenth less
	Owner  string        // who has it kept: nobody may fill more than a share; "" is the program
	Weight func(v any) int
	// Encode and Decode are how processes give it to each other; nil keeps it in this one.
	Encode func(v any) ([]byte, error)
	Decode func([]byte) (any, error)
}

// Size is how much is kept.
type Size struct {
	Entries   int   `json:"entries"`
	Bytes     int64 `json:"bytes"`
	MostBytes int64 `json:"mostBytes"`
	Evictions int64 `json:"evictions" doc:"Left out for others before their time was over."`
	Tags      int   `json:"tags" doc:"Tags that something concerned within the last hour."`

	Loads, FailedLoads int64 `json:"-"` // values that were made, or came from another process
}

// An Outcome is what became of a question.
type Outcome string

// The outcomes.
const (
	Hit    Outcome = "HIT"    // it was kept
	Miss   Outcome = "MISS"   // it was made
	Bypass Outcome = "BYPASS" // it was made and not kept: what is kept could not be trusted
)

// A Spec describes what a Shelf keeps.
type Spec[V any] struct {
	Name   string        // begins its keys; no other shelf of the cache has it
	Life   time.Duration // of each value, at most MaxLife
	Weight func(V) int   // bytes
	// Encode and Decode are how processes give values to each other; nil keeps them in this one.
	Encode func(V) ([]byte, error)
	Decode func([]byte) (V, error)
}

// A Key names a value on a Shelf.
type Key struct {
	Name  string   // what makes it different from others
	Tags  []string // raising one forgets it
	Owner string   // who has it kept; "" is the program
}

// A Shelf is the part of a Cache that keeps values of one kind.
type Shelf[V any] struct {
	name   string
	cache  Cache
	policy Policy
	counts [3]atomic.Int64
}

// NewShelf returns a shelf of c.
func NewShelf[V any](c Cache, s Spec[V]) *Shelf[V] {
	p := Policy{Life: min(s.Life, MaxLife), Weight: func(v any) int { return s.Weight(v.(V)) }}
	if s.Encode != nil {
		p.Encode = func(v any) ([]byte, error) { return s.Encode(v.(V)) }
		p.Decode = func(b []byte) (any, error) { return s.Decode(b) }
	}
	return &Shelf[V]{name: s.Name, cache: c, policy: p}
}

// Look returns what is kept under k, and false if it has to be got: because it
// is not kept, or because it should be made anew soon.
func (s *Shelf[V]) Look(k Key) (v V, ok bool) {
	if !s.cache.Trusted() {
		return v, false
	}
	found, due, ok := s.cache.Look(s.cache.Key(s.name, k))
	if !ok || due {
		return v, false
	}
	s.counts[0].Add(1)
	return found.(V), true
}

// Holds reports whether Get would return what is kept under k, also if it lets
// that be made anew behind it.
func (s *Shelf[V]) Holds(k Key) bool {
	if !s.cache.Trusted() {
		return false
	}
	_, _, ok := s.cache.Look(s.cache.Key(s.name, k))
	return ok
}

// Get returns what is kept under k, or what load makes.
func (s *Shelf[V]) Get(ctx context.Context, k Key, load func(context.Context) (V, error)) (v V, how Outcome, err error) {
	if !s.cache.Trusted() {
		s.counts[2].Add(1)
		v, err = s.load(ctx, load)
		return v, Bypass, err
	}
	p := s.policy
	p.Owner = k.Owner
	got, found, err := s.cache.Get(ctx, s.cache.Key(s.name, k), p, func(ctx context.Context) (any, error) { return s.load(ctx, load) })
	how = Miss
	if found {
		how = Hit
		s.counts[0].Add(1)
	} else {
		s.counts[1].Add(1)
	}
	if err != nil {
		return v, how, err
	}
	return got.(V), how, nil
}

// load makes a value.
func (s *Shelf[V]) load(ctx context.Context, make func(context.Context) (V, error)) (v V, err error) {
	ctx, span := observe.Start(ctx, observe.Internal, "load")
	span.Text("cartracker.shelf", s.name)
	defer func() { span.End(err) }()
	return make(ctx)
}

// Counts is how often a shelf was asked.
type Counts struct {
	Hits     int64 `json:"hits"`
	Misses   int64 `json:"misses"`
	Bypasses int64 `json:"bypasses"`
}

// Counts returns how often the shelf was asked since the program began.
func (s *Shelf[V]) Counts() Counts {
	return Counts{Hits: s.counts[0].Load(), Misses: s.counts[1].Load(), Bypasses: s.counts[2].Load()}
}
