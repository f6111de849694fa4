package observe

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

const (
	mostLikes = 500         // kinds of lines that are told apart
	tellEvery = time.Second // how often is told what was left out
)

// A Burst bounds how many lines alike are logged in a second: those with the same
// message and level. So errors are not lost among requests, and neither are
// requests that failed. A nil Burst bounds nothing.
type Burst struct {
	most int64 // lines of a kind in a second

	counts atomic.Pointer[map[like]*lines] // read by all, and replaced when a kind is new
	mu     sync.Mutex                      // held by who replaces it
}

// A like is a kind of line.
type like struct {
	level   slog.Level
	message string
}

// lines counts those of one kind.
type lines struct {
	second  atomic.Int64 // since 1970
	written atomic.Int64 // in that second
	left    atomic.Int64 // out, and not told yet
}

// NewBurst returns a Burst of so many lines a second; nil if most is 0.
func NewBurst(most int) *Burst {
	if most == 0 {
		return nil
	}
	b := &Burst{most: int64(most)}
	b.counts.Store(&map[like]*lines{})
	return b
}

// take reports whether a record is written, and counts it.
func (b *Burst) take(r slog.Record) bool {
	if b == nil {
		return true
	}
	l, second := b.of(like{r.Level, r.Message}), r.Time.Unix()
	if before := l.second.Load(); second > before && l.second.CompareAndSwap(before, second) {
		l.written.Store(0)
	}
	if l.written.Add(1) <= b.most {
		return true
	}
	l.left.Add(1)
	return false
}

func (b *Burst) of(k like) *lines {
	if l, known := (*b.counts.Load())[k]; known {
		return l
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	known := *b.counts.Load()
	if len(known) >= mostLikes { // messages that are made of something
		k = like{level: k.level}
	}
	l, there := known[k]
	if !there {
		l = new(lines)
		now := maps.Clone(known)
		now[k] = l
		b.counts.Store(&now)
	}
	return l
}

// Run tells the log now and then how many lines were left out, until ctx is done.
func (b *Burst) Run(ctx context.Context) error {
	t := time.NewTicker(tellEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			b.tell(ctx)
		case <-ctx.Done():
			b.tell(ctx)
			return nil
		}
	}
}

func (b *Burst) tell(ctx context.Context) {
	for k, l := range *b.counts.Load() {
		if n := l.left.Swap(0); n > 0 {
			slog.WarnContext(ctx, "more lines alike were not logged", "lines", n, "like", k.message, "of", k.level.String())
		}
	}
}
