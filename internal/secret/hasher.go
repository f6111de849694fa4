package secret

import (
	"context"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/observe"
)

const (
	maxHashing = 4  // hashes at a time, of 19 MiB each
	maxWaiting = 64 // for their turn
)

// ErrBusy is more passwords to hash than can be hashed soon.
var ErrBusy = &fault.Error{
	Kind:       fault.Unavailable,
	Code:       "overloaded",
	Message:    "too many people are signing in at this moment; try again shortly",
	RetryAfter: time.Second,
}

// A Hasher turns passwords into hashes and checks them. Hashing is slow and
// takes memory on purpose, so it does only a few at a time.
type Hasher struct {
	room  chan struct{} // held while waiting or hashing
	turn  chan struct{} // held while hashing
	dummy argonHash     // of no password

	// Timed, if not nil, is told how long it took to hash a password, without the
	// wait. It is set before the Hasher is used.
	Timed func(time.Duration)
}

// Load returns how many passwords are being hashed, and how many wait for that.
func (h *Hasher) Load() (running, waiting int) {
	running = len(h.turn)
	return running, max(len(h.room)-running, 0)
}

// NewHasher returns a Hasher. One is enough for a process, and two would
// double what hashing may take.
func NewHasher() *Hasher {
	return &Hasher{
		room:  make(chan struct{}, maxHashing+maxWaiting),
		turn:  make(chan struct{}, maxHashing),
		dummy: argonHash{usual, random(saltSize), random(keySize)},
	}
}

// Hash returns a hash of password to be stored. It fails with ErrBusy, or when
// ctx is done before its turn comes.
func (h *Hasher) Hash(ctx context.Context, password string) (hash string, err error) {
	ctx, span := observe.Start(ctx, observe.Internal, "hash password")
	defer func() { span.End(err) }()
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave(time.Now())
	return newArgon(password).String(), nil
}

// Verify reports whether password is the one that hash was made of, and if so
// whether it should be hashed again because hash is not of the kind that Hash
// makes today. An empty hash stands for a user who does not exist: it takes as
// long and is never right. Verify fails as Hash does, and if hash is none.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (ok, outdated bool, err error) {
	ctx, span := observe.Start(ctx, observe.Internal, "verify password")
	defer func() { span.End(err) }()
	if err := h.enter(ctx); err != nil {
		return false, false, err
	}
	defer h.leave(time.Now())
	if isBcrypt(hash) {
		ok, err = matchBcrypt(hash, password)
		return ok, ok, err
	}
	stored := h.dummy
	if hash != "" {
		if stored, err = parseArgon(hash); err != nil {
			return false, false, err
		}
	}
	ok = stored.matches(password) && hash != ""
	return ok, ok && stored.weak(), nil
}

// enter waits for a turn.
func (h *Hasher) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case h.room <- struct{}{}:
	default:
		return ErrBusy
	}
	select {
	case h.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-h.room
		return ctx.Err()
	}
}

// leave gives the turn up that began then.
func (h *Hasher) leave(began time.Time) {
	<-h.turn
	<-h.room
	if h.Timed != nil {
		h.Timed(time.Since(began))
	}
}
