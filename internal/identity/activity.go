package identity

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/record"
)

const (
	// ActivityEvery is how often, at most, it is written of a user that they are active.
	ActivityEvery = time.Minute
	// activityFlush is how long what was noted waits to be written with others.
	activityFlush = 10 * time.Second
	// activityTime is how long it may take to write.
	activityTime = 5 * time.Second
)

// An ActivityStore keeps when users were active last.
type ActivityStore interface {
	// SetActive notes that users were active at a moment, of those of whom it was
	// not noted after since. It changes nothing else of them.
	SetActive(ctx context.Context, users []record.UserID, at, since date.Moment) error
}

// An Activity collects who is active, and writes it now and then. Its first
// three fields are required.
type Activity struct {
	InTx  func(context.Context, func(context.Context) error) error
	Store ActivityStore
	Now   func() date.Moment
	Every time.Duration // between two writes; 10 s if it is 0

	mu      sync.RWMutex
	noted   map[record.UserID]date.Moment // when they were noted last, for a minute
	pending []record.UserID               // noted, and not written yet
}

// Note notes that a user is active now. It waits for nobody who writes.
func (a *Activity) Note(id record.UserID) {
	if now := a.Now(); !a.isNoted(id, now) {
		a.note(id, now)
	}
}

func (a *Activity) isNoted(id record.UserID, now date.Moment) bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	at, ok := a.noted[id]
	return ok && at.Add(ActivityEvery).After(now)
}

func (a *Activity) note(id record.UserID, now date.Moment) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if at, ok := a.noted[id]; ok && at.Add(ActivityEvery).After(now) {
		return // by somebody else meanwhile
	}
	if a.noted == nil {
		a.noted = map[record.UserID]date.Moment{}
	}
	a.noted[id] = now
	a.pending = append(a.pending, id)
}

// Run writes what was noted until ctx is done, and then what is left.
func (a *Activity) Run(ctx context.Context) error {
	every := a.Every
	if every == 0 {
		every = activityFlush
	}
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			a.flush(ctx)
		case <-ctx.Done():
			a.flush(context.WithoutCancel(ctx))
			return nil
		}
	}
}

// flush is Flush for who cannot do anything about an error.
func (a *Activity) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, activityTime)
	defer cancel()
	if err := a.Flush(ctx); err != nil {
		slog.WarnContext(ctx, "it could not be written who is active; it is tried again", "err", err)
	}
}

// activeTogether is how many users one statement writes.
const activeTogether = record.Together

// Flush writes what was noted. What cannot be written waits for the next time.
func (a *Activity) Flush(ctx context.Context) error {
	now, ids := a.Now(), a.take()
	slices.Sort(ids) // instances that write at the same time do so in one order
	for len(ids) > 0 {
		some := ids[:min(len(ids), activeTogether)]
		err := a.InTx(ctx, func(ctx context.Context) error { return a.Store.SetActive(ctx, some, now, now.Add(-ActivityEvery)) })
		if err != nil {
			a.giveBack(ids)
			return err
		}
		ids = ids[len(some):]
	}
	return nil
}

// take returns who has to be written, and forgets who was noted long ago.
func (a *Activity) take() []record.UserID {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.Now().Add(-ActivityEvery)
	for id, at := range a.noted {
		if !at.After(old) {
			delete(a.noted, id)
		}
	}
	ids := a.pending
	a.pending = nil
	return ids
}

func (a *Activity) giveBack(ids []record.UserID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = append(a.pending, ids...)
	slices.Sort(a.pending)
	a.pending = slices.Compact(a.pending) // who is away for long is not noted twice
}
