package socketio

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

const (
	leaseOfInstance = 30 * time.Second
	beatsOfLease    = 3 // signs of life that an instance gives in the time of its lease
)

// A Line is what Redis needs of a connection to a Redis server. Each call ends
// soon, also if there is no server.
type Line interface {
	Publish(ctx context.Context, channel, message string) error
	// Subscribe calls got with each message, and with "" whenever some may have
	// been missed, until ctx is done.
	Subscribe(ctx context.Context, channel string, got func(message string)) error
	// Texts runs a script in Lua, which returns an array of texts.
	Texts(ctx context.Context, lua string, keys []string, args ...string) ([]string, error)
}

// Redis is the Adapter of instances that share a Redis server. There each has
// its sockets by member in a hash, which counts as long as it holds its lease. A
// count is always told as a whole, so that telling it twice does no harm.
type Redis struct {
	// Lease is after which time without a sign of life an instance is taken for
	// dead, by the clock of the server: 30 s. It is found out up to a third later.
	Lease time.Duration

	line     Line
	name     string // begins all keys
	instance string
	wake     chan struct{}
	heard    string // "heard" once what the server said last was; Run's

	all   sync.RWMutex // held by who tells of all members, and read by who tells of one
	turns tally        // so that of one member is told one after the other
	known known
}

var _ Adapter = (*Redis)(nil)

// NewRedis makes a Redis whose keys begin with name, which is that of the
// namespace in all instances.
func NewRedis(line Line, name string) *Redis {
	return &Redis{
		Lease: leaseOfInstance, line: line, name: name,
		instance: rand.Text(), wake: make(chan struct{}, 1), turns: newTally(),
		known: known{counts: map[string]int{}},
	}
}

// letter is a Message on its way.
type letter struct {
	From    string  `json:"from"`
	Message Message `json:"message"`
}

// Run hears from the others and gives signs of life, until ctx is done. Then it
// leaves nothing of this instance behind.
func (r *Redis) Run(ctx context.Context, hear func(Message), presence func(members []string, present bool)) error {
	var listening sync.WaitGroup
	listening.Go(func() {
		_ = r.line.Subscribe(ctx, r.channel(), func(m string) { r.got(m, hear) }) // ends with ctx
	})
	t := time.NewTicker(r.Lease / beatsOfLease)
	defer t.Stop()
	for ctx.Err() == nil {
		r.beat(ctx, presence)
		select {
		case <-t.C:
		case <-r.wake:
		case <-ctx.Done():
		}
	}
	listening.Wait()
	r.goodbye(ctx)
	return nil
}

// got takes what came over the channel. When the line is back, a sign of life
// is due at once.
func (r *Redis) got(text string, hear func(Message)) {
	if text == "" {
		r.soon()
		return
	}
	var l letter
	if json.Unmarshal([]byte(text), &l) == nil && l.From != r.instance {
		hear(l.Message)
	}
}

// Publish tells the other instances. While Redis is away they are not told.
func (r *Redis) Publish(ctx context.Context, m Message) error {
	text, err := json.Marshal(letter{From: r.instance, Message: m})
	if err != nil {
		return err
	}
	_ = r.line.Publish(context.WithoutCancel(ctx), r.channel(), string(text))
	return nil
}

// Enter counts one more socket of a member.
func (r *Redis) Enter(ctx context.Context, member string, most int) (total int, err error) {
	return r.count(ctx, member, 1, most)
}

// Leave counts one less.
func (r *Redis) Leave(ctx context.Context, member string) (total int, err error) {
	return r.count(ctx, member, -1, 0)
}

// count changes the count of a member here, and at the server if that is there.
func (r *Redis) count(ctx context.Context, member string, by, most int) (total int, err error) {
	ctx = context.WithoutCancel(ctx) // who leaves half-way is still to be counted
	for range 2 {
		total, told, err := r.tryCount(ctx, member, by, most)
		if told || err != nil {
			return total, err
		}
		r.tellAll(ctx)
	}
	return r.known.add(member, by, most) // it forgets us all the time
}

// tryCount reports false if the server does not know this instance, which then
// has to tell of everybody first.
func (r *Redis) tryCount(ctx context.Context, member string, by, most int) (total int, told bool, err error) {
	r.all.RLock()
	defer r.all.RUnlock()
	defer r.turns.release(member, r.turns.hold(member))
	if r.known.isEnded() {
		total, err = r.known.add(member, by, most)
		return total, true, err
	}
	n := strconv.Itoa(max(r.known.of(member)+by, 0))
	answer, err := r.line.Texts(ctx, countScript, r.keys(), r.instance, member, n, strconv.Itoa(most))
	switch {
	case err != nil || len(answer) != 1:
		r.known.setUntold(true)
		total, err = r.known.add(member, by, most)
		return total, true, err
	case answer[0] == "unknown":
		return 0, false, nil
	case answer[0] == "many":
		return 0, true, ErrTooMany
	}
	if _, err = r.known.add(member, by, 0); err == nil {
		total, err = strconv.Atoi(answer[0])
	}
	return total, true, err
}

// Members returns who has a socket on any instance that gives signs of life, or
// on this one.
func (r *Redis) Members(ctx context.Context) ([]string, error) {
	all := r.known.all()
	others, err := r.line.Texts(ctx, membersScript, r.keys())
	if err != nil {
		others = nil // it is away: then it is those here
	}
	for _, m := range others {
		all[m] = 1
	}
	return slices.Collect(maps.Keys(all)), nil
}
