package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"
	"github.com/maypok86/otter/v2/stats"

	"cartracker/internal/fault"
	"cartracker/internal/part"
)

const (
	entryWeight = 250              // bytes that an entry takes besides its key and value, about
	noticed     = 16               // one look of so many counts as use: each would wake a thread now and then
	loadTimeout = 30 * time.Second // for a load that nobody waits for
)

// Memory is a Cache in this process. What is asked for often stays when there
// is not room for all (W-TinyLFU).
type Memory struct {
	kept    *otter.Cache[string, *entry]
	gens    *generations
	shares  *shares
	trusted func() bool
	counter *stats.Counter
	working sync.WaitGroup
}

var _ Cache = (*Memory)(nil)

// An entry is a value that is kept.
type entry struct {
	value   any
	weight  uint32
	life    time.Duration
	booking *booking
}

// NewMemory returns an empty cache of at most size bytes. Trusted reports
// whether all changes are known that were made until a moment ago.
func NewMemory(size int64, trusted func() bool) *Memory {
	m := &Memory{gens: newGenerations(), shares: newShares(size / ownerShare), trusted: trusted, counter: stats.NewCounter()}
	m.kept = otter.Must(&otter.Options[string, *entry]{
		MaximumWeight: uint64(size),
		Weigher:       func(_ string, e *entry) uint32 { return e.weight },
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[string, *entry]) time.Duration {
			return e.Value.life
		}),
		RefreshCalculator: otter.RefreshWritingFunc(func(e otter.Entry[string, *entry]) time.Duration {
			return e.Value.life * 4 / 5
		}),
		OnAtomicDeletion: func(e otter.DeletionEvent[string, *entry]) { m.shares.give(e.Value.booking) },
		StatsRecorder:    m.counter,
		Executor:         m.background,
		Logger:           &otter.NoopLogger{}, // a load that fails tells who asked for it, or logs it
	})
	return m
}

// background runs what the cache does by itself, until Close waits for it.
func (m *Memory) background(work func()) { m.working.Go(work) }

// Look returns what is kept under key.
func (m *Memory) Look(key string) (v any, due, ok bool) {
	get := m.kept.GetEntryQuietly
	if rand.Uint32()%noticed == 0 {
		get = m.kept.GetEntry
	}
	e, ok := get(key)
	if !ok {
		return nil, false, false
	}
	return e.Value.value, e.RefreshableAtNano <= e.SnapshotAtNano, true
}

// Get returns what is kept under key, or what load makes.
func (m *Memory) Get(ctx context.Context, key string, p Policy, load Load) (v any, found bool, err error) {
	return m.get(ctx, key, p, func(ctx context.Context, _ bool) (made, error) {
		v, err := load(ctx)
		return made{value: v}, err
	})
}

// made is a value with what is known of its making.
type made struct {
	value any
	age   time.Duration
	found bool // elsewhere
}

// A making makes a value, or finds it elsewhere unless it is to be made anew.
type making func(ctx context.Context, anew bool) (made, error)

// get is Get with a load that may find its value elsewhere.
func (m *Memory) get(ctx context.Context, key string, p Policy, load making) (v any, found bool, err error) {
	_, there := m.kept.GetEntryQuietly(key)
	l := &loader{memory: m, policy: p, load: load}
	e, err := m.kept.Get(ctx, key, l)
	if err != nil {
		return nil, false, err
	}
	for _, k := range m.shares.over(p.Owner) {
		m.kept.Invalidate(k)
	}
	return e.value, there || l.found, nil
}

// Key returns the whole key of k. The length of the name keeps one part from
// being taken for another.
func (m *Memory) Key(shelf string, k Key) string {
	var room [512]byte // that most keys have enough with
	b := append(append(room[:0], shelf...), '\n')
	b = append(strconv.AppendInt(b, int64(len(k.Name)), 36), ' ')
	b = append(append(b, k.Name...), '\n')
	return string(m.gens.append(b, k.Tags))
}

// Trusted reports whether the generations are those of a moment ago.
func (m *Memory) Trusted() bool { return m.trusted() }

// Raise says that change number seq concerned the tags.
func (m *Memory) Raise(seq int64, tags ...string) { m.gens.raise(seq, tags) }

// RaiseKind says that the changes up to number seq may have concerned any tag
// of a kind.
func (m *Memory) RaiseKind(seq int64, kind string) { m.gens.raiseKind(seq, kind) }

// Forget says that anything may have changed.
func (m *Memory) Forget() { m.gens.forget() }

// Clear forgets what has a tag of a kind.
func (m *Memory) Clear(kind string) { m.gens.clear(kind) }

// Size returns how much is kept.
func (m *Memory) Size() Size {
	n := m.counter.Snapshot()
	return Size{
		Entries: m.kept.EstimatedSize(), Bytes: int64(m.kept.WeightedSize()), MostBytes: int64(m.kept.GetMaximum()),
		Evictions: int64(n.Evictions), Tags: m.gens.size(), Loads: int64(n.LoadSuccesses), FailedLoads: int64(n.LoadFailures),
	}
}

// Close ends what runs in the background, and waits for it.
func (m *Memory) Close() {
	m.kept.StopAllGoroutines()
	m.working.Wait()
}

// A loader makes one entry, for who waits for it or, before the time of an old
// one is over, for nobody.
type loader struct {
	memory *Memory
	policy Policy
	load   making
	found  bool // elsewhere
}

// Load makes an entry for the one who asks.
func (l *loader) Load(ctx context.Context, key string) (*entry, error) {
	v, err := l.safely(ctx, false)
	if err != nil {
		return nil, err
	}
	l.found = v.found
	return l.enter(key, v), nil
}

// Reload makes an entry in the background. The one who asked has been answered
// with the old one, and may be gone.
func (l *loader) Reload(ctx context.Context, key string, _ *entry) (*entry, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
	defer cancel()
	v, err := l.safely(ctx, true)
	if err != nil {
		level := slog.LevelWarn
		if fault.Of(err).Kind == fault.Unavailable { // who is overloaded, or away, tells so
			level = slog.LevelDebug
		}
		slog.Log(ctx, level, "what is kept could not be made anew", "err", err)
		return nil, err
	}
	return l.enter(key, v), nil
}

// enter makes the entry, and puts it on its owner's account.
func (l *loader) enter(key string, v made) *entry {
	e := &entry{value: v.value, weight: uint32(l.policy.Weight(v.value) + len(key) + entryWeight)}
	e.life = l.policy.Life - time.Duration(rand.Int64N(int64(l.policy.Life)/10+1)) // not all at the same time
	e.life = max(e.life-max(v.age, 0), time.Millisecond)
	e.booking = l.memory.shares.take(key, l.policy.Owner, e.weight)
	return e
}

// errPanic is what a load that panicked comes to for those who waited for it.
var errPanic = errors.New("cache: a load panicked")

// safely makes a panic of the load an error.
func (l *loader) safely(ctx context.Context, anew bool) (v made, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %w", errPanic, &part.Panic{Value: p, Stack: string(debug.Stack())})
		}
	}()
	return l.load(ctx, anew)
}
