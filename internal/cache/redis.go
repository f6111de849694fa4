package cache

import (
	"context"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"
)

const (
	claimLife = 5 * time.Second       // for which others wait for who loads
	waitEvery = 10 * time.Millisecond // they look
	waitMost  = 2 * time.Second       // and then load for themselves

	mostShared = 1 << 19 // bytes: all calls to the server go one after the other
)

// A Line is what Redis needs of a connection to a Redis server. Each call ends
// soon, also if there is no server.
type Line interface {
	Up() bool
	Get(ctx context.Context, key string) (value []byte, found bool, err error)
	Set(ctx context.Context, key string, value []byte, life time.Duration) error
	Claim(ctx context.Context, key, owner string, life time.Duration) (bool, error)
	Release(ctx context.Context, key, owner string) error
}

// Redis is a Cache that shares what it keeps with other processes through a
// Redis server. It keeps a copy of its own, so that the server is asked for
// what is not in this process alone; without the server it is a Memory. What
// the server holds is sealed: nobody there can read it or put something else
// in its place.
type Redis struct {
	*Memory
	line Line
	seal cipher.AEAD
	name string // of this process, for claims

	version string
}

var _ Cache = (*Redis)(nil)

// NewRedis returns a cache that shares what near keeps with others who have
// the same seal, which makes its nonces itself, and run the same version of the
// program.
func NewRedis(near *Memory, line Line, seal cipher.AEAD, version string) *Redis {
	return &Redis{Memory: near, line: line, seal: seal, version: version, name: rand.Text()}
}

// Get returns what is kept under key in this process or at the server, or else
// what load makes.
func (r *Redis) Get(ctx context.Context, key string, p Policy, load Load) (v any, found bool, err error) {
	if p.Encode == nil {
		return r.Memory.Get(ctx, key, p, load)
	}
	return r.get(ctx, key, p, func(ctx context.Context, anew bool) (made, error) {
		return r.shared(ctx, r.place(key), p, load, anew)
	})
}

// place is where the server keeps the value of key. Keys may have names of
// people in them, so it does not tell them.
func (r *Redis) place(key string) string {
	sum := sha256.Sum256([]byte(r.version + "\n" + key))
	return "cartracker:cache:" + hex.EncodeToString(sum[:])
}

// shared returns the value that another process made, unless it is to be made
// anew, or makes it for all.
func (r *Redis) shared(ctx context.Context, place string, p Policy, load Load, anew bool) (made, error) {
	if r.line.Up() && !anew {
		if v, ok := r.fetch(ctx, place, p); ok {
			return v, nil
		}
	}
	mine := r.claim(ctx, place)
	if !mine && !anew {
		if v, ok := r.await(ctx, place, p); ok {
			return v, nil
		}
		mine = r.claim(ctx, place) // who had it has failed, or takes long
	}
	if mine {
		defer func() { _ = r.line.Release(context.WithoutCancel(ctx), place+":load", r.name) }() // it ends by itself
	}
	v, err := load(ctx)
	if err == nil {
		r.offer(ctx, place, p, v)
	}
	return made{value: v}, err
}

// claim reports whether this process is the one to load. Without the server
// each is.
func (r *Redis) claim(ctx context.Context, place string) bool {
	mine, err := r.line.Claim(ctx, place+":load", r.name, claimLife)
	return mine || err != nil
}

// await waits for the value that another process is making, and gives up if
// that one failed or takes long.
func (r *Redis) await(ctx context.Context, place string, p Policy) (made, bool) {
	ctx, cancel := context.WithTimeout(ctx, waitMost)
	defer cancel()
	t := time.NewTicker(waitEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return made{}, false
		}
		if v, ok := r.fetch(ctx, place, p); ok {
			return v, true
		}
		if _, loading, err := r.line.Get(ctx, place+":load"); err != nil || !loading {
			return r.fetch(ctx, place, p) // it may have come in between
		}
	}
}

// stamp is the length of the moment that stands before each value.
const stamp = 8

// fetch returns what the server has, if it is what one of us put there.
func (r *Redis) fetch(ctx context.Context, place string, p Policy) (made, bool) {
	sealed, found, err := r.line.Get(ctx, place)
	if err != nil || !found {
		return made{}, false
	}
	plain, err := r.seal.Open(nil, nil, sealed, []byte(place))
	if err != nil || len(plain) < stamp {
		return made{}, false
	}
	at := time.UnixMilli(int64(binary.BigEndian.Uint64(plain)))
	v, err := p.Decode(plain[stamp:])
	return made{value: v, age: time.Since(at), found: true}, err == nil
}

// offer gives a value to the others. If that fails they make their own.
func (r *Redis) offer(ctx context.Context, place string, p Policy, v any) {
	plain, err := p.Encode(v)
	if err != nil || len(plain) > mostShared {
		return
	}
	plain = append(binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixMilli())), plain...)
	_ = r.line.Set(ctx, place, r.seal.Seal(nil, nil, plain, []byte(place)), p.Life)
}
