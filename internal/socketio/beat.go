package socketio

import (
	"context"
	"strconv"
	"time"
)

const (
	goodbyes     = 4 // attempts
	goodbyeEvery = 100 * time.Millisecond
)

// kept is for how many milliseconds members of a dead instance wait to be told of.
const kept = "3600000"

// beat gives a sign of life, and tells of those who were on instances that gave
// none. If the server does not know this instance, or misses something of it,
// it is told everything.
func (r *Redis) beat(ctx context.Context, presence func([]string, bool)) {
	if gone, ok := r.live(ctx); !ok {
		r.tellAll(ctx)
	} else if len(gone) > 0 {
		presence(gone, false)
	}
	if back := r.known.takeBack(); len(back) > 0 {
		presence(back, true)
	}
}

func (r *Redis) live(ctx context.Context) (gone []string, ok bool) {
	if r.known.isUntold() {
		return nil, false
	}
	n := strconv.Itoa(len(r.known.all()))
	answer, err := r.line.Texts(ctx, beatScript, r.keys(), r.instance, r.millis(), kept, n, r.heard)
	if err != nil || len(answer) == 0 || answer[0] != "known" {
		if err != nil {
			r.heard = "" // what it may have said
		}
		return nil, false
	}
	r.heard = "heard"
	return answer[1:], true
}

// tellAll tells the server of all members. If others took this instance for dead
// in the meantime, its members are back.
func (r *Redis) tellAll(ctx context.Context) {
	r.all.Lock()
	defer r.all.Unlock()
	if r.known.isEnded() {
		return
	}
	args := []string{r.instance, r.millis(), kept}
	for member, n := range r.known.all() {
		args = append(args, member, strconv.Itoa(n))
	}
	back, err := r.line.Texts(ctx, replaceScript, r.keys(), args...)
	r.known.setUntold(err != nil)
	if len(back) > 0 {
		r.known.addBack(back)
		r.soon() // who counts a member must not tell of others
	}
}

// goodbye takes this instance off the server, which is told of nothing from then on.
func (r *Redis) goodbye(ctx context.Context) {
	r.all.Lock()
	defer r.all.Unlock()
	r.known.end()
	t := time.NewTicker(goodbyeEvery)
	defer t.Stop()
	for range goodbyes {
		if _, err := r.line.Texts(context.WithoutCancel(ctx), goodbyeScript, r.keys(), r.instance); err == nil {
			return
		}
		<-t.C // if it stays away, this instance is forgotten with its lease
	}
}

// soon has a sign of life given now.
func (r *Redis) soon() {
	select {
	case r.wake <- struct{}{}:
	default: // it is about to
	}
}

func (r *Redis) channel() string { return r.name + ":messages" }

// keys are what every script is given: the instances by the end of their lease,
// and what the key of each instance begins with.
func (r *Redis) keys() []string { return []string{r.name + ":instances", r.name + ":at:"} }

func (r *Redis) millis() string { return strconv.FormatInt(r.Lease.Milliseconds(), 10) }
