package cache

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxTags is how many tags are remembered one by one. An import may concern
// more: then all tags of its kind count as concerned.
const maxTags = 100_000

// generations holds the generation of each tag that something concerned within
// the time that is remembered. Any other has generation 0: what was kept before
// is gone by itself.
type generations struct {
	mu    sync.RWMutex
	tags  map[string]raised
	kinds map[string]raised // of all tags of a kind
	salts map[string]salt   // by kind; "" is everything
	swept time.Time
}

// raised is when a tag was concerned last.
type raised struct {
	seq int64
	at  time.Time
}

// A salt sets the keys of this process apart for as long as others may still
// keep what it was told to forget.
type salt struct {
	text string
	at   time.Time
}

func newGenerations() *generations {
	return &generations{tags: map[string]raised{}, kinds: map[string]raised{}, salts: map[string]salt{}, swept: time.Now()}
}

// KindOf returns the kind of a tag: what stands before its colon, in the
// singular.
func KindOf(tag string) string {
	k, _, _ := strings.Cut(tag, ":")
	return strings.TrimSuffix(k, "s")
}

func (g *generations) raise(seq int64, tags []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for _, t := range tags {
		if seq > g.tags[t].seq {
			g.tags[t] = raised{seq, now}
		}
	}
	g.sweep(now)
}

func (g *generations) raiseKind(seq int64, kind string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if seq > g.kinds[kind].seq {
		g.kinds[kind] = raised{seq, time.Now()}
	}
}

// clear sets the keys of a kind apart.
func (g *generations) clear(kind string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.salts[kind] = newSalt()
}

// forget sets all keys apart, and takes numbers that are lower than before.
func (g *generations) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.tags)
	clear(g.kinds)
	g.salts[""] = newSalt()
}

func newSalt() salt { return salt{strconv.FormatUint(rand.Uint64(), 36), time.Now()} }

// sweep forgets what is too long ago to matter, now and then, or when there is
// too much.
func (g *generations) sweep(now time.Time) {
	if now.Sub(g.swept) < remembered/10 && len(g.tags) <= maxTags {
		return
	}
	g.swept = now
	for _, m := range []map[string]raised{g.tags, g.kinds} {
		for t, r := range m {
			if now.Sub(r.at) > remembered {
				delete(m, t)
			}
		}
	}
	for k, s := range g.salts {
		if now.Sub(s.at) > remembered {
			delete(g.salts, k)
		}
	}
	if len(g.tags) > maxTags {
		g.flatten(now)
	}
}

// flatten remembers of each kind of tag the last generation alone.
func (g *generations) flatten(now time.Time) {
	for t, r := range g.tags {
		if k := KindOf(t); r.seq > g.kinds[k].seq {
			g.kinds[k] = raised{r.seq, now}
		}
	}
	clear(g.tags)
}

// append writes the generations of tags to b.
func (g *generations) append(b []byte, tags []string) []byte {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, t := range tags {
		k := KindOf(t)
		seq := max(g.tags[t].seq, g.kinds[k].seq)
		b = append(append(b, t...), ' ')
		b = append(strconv.AppendInt(b, seq, 36), '\n')
		if len(g.salts) > 0 {
			b = append(b, g.salts[k].text...)
		}
	}
	if len(g.salts) > 0 {
		b = append(b, g.salts[""].text...)
	}
	return b
}

func (g *generations) size() int {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return len(g.tags)
}
