package ratelimit

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"

	"cartracker/internal/redis"
)

// A Redis counts for all instances that share a Redis server, by its clock. Each
// call is counted in this process too, and the stricter count decides: so a
// server that is away, full, or was emptied never lets more through than one
// instance alone would.
type Redis struct {
	link  *redis.Link
	local *Memory
}

// NewRedis returns a Redis that counts over link, and in local.
func NewRedis(link *redis.Link, local *Memory) *Redis { return &Redis{link, local} }

// A window that lost its end, or has one that is too late because the rule was
// changed, gets one. So no caller is ever locked out for good.
var (
	takeScript = redis.NewScript(`
local used = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
local window = tonumber(ARGV[1])
if left < 0 or left > window then
	redis.call('PEXPIRE', KEYS[1], window)
	left = window
end
return {used, left}`)
	// Failures are counted before the turn is given back, so that their sum is
	// never too small. Turns of an instance that died end by themselves.
	enterScript = redis.NewScript(`
local used = tonumber(redis.call('GET', KEYS[1]) or 0)
local running = tonumber(redis.call('GET', KEYS[2]) or 0)
if used + running >= tonumber(ARGV[1]) then
	return {0}
end
redis.call('SET', KEYS[2], running + 1, 'PX', ARGV[2])
return {1}`)
	leaveScript = redis.NewScript(`
local running = tonumber(redis.call('GET', KEYS[1]) or 0)
if running > 1 then
	redis.call('DECR', KEYS[1])
else
	redis.call('DEL', KEYS[1])
end
return {running}`)
	peekScript = redis.NewScript(`
return {tonumber(redis.call('GET', KEYS[1]) or 0), redis.call('PTTL', KEYS[1])}`)
)

// Take counts a call of who, and tells whether it may go on. It takes one round
// trip and never longer than 100 ms.
func (l *Redis) Take(ctx context.Context, r Rule, who string) State {
	own := l.local.Take(ctx, r, who)
	if r.Off() || !own.OK {
		return own // nobody can allow it any more
	}
	used, left, ok := l.eval(ctx, takeScript, r, who)
	if !ok {
		return own
	}
	return shared(stricter(own, took(r, used, left)))
}

// Peek tells how who stands, and counts nothing.
func (l *Redis) Peek(ctx context.Context, r Rule, who string) State {
	own := l.local.Peek(ctx, r, who)
	if r.Off() || !own.OK {
		return own
	}
	used, left, ok := l.eval(ctx, peekScript, r, who)
	if !ok {
		return own
	}
	return shared(stricter(own, peeked(r, used, left)))
}

func shared(s State) State {
	s.Shared = true
	return s
}

// eval counts even if the caller has left meanwhile: who always leaves at once
// would never be counted.
func (l *Redis) eval(ctx context.Context, s *redis.Script, r Rule, who string) (used int, left time.Duration, ok bool) {
	window := strconv.FormatInt(max(r.Window.Milliseconds(), 1), 10)
	n, err := l.link.Eval(context.WithoutCancel(ctx), s, []string{key(r, who)}, window)
	if err != nil || len(n) != 2 {
		return 0, 0, false // the line says what is wrong, once
	}
	return int(n[0]), time.Duration(n[1]) * time.Millisecond, true
}

// turnLife is after how long without a new one the turns of attempts count as over.
const turnLife = 30 * time.Second

// enter takes a turn of a key, if all instances together have one left. Without
// the server each has its own.
func (l *Redis) enter(ctx context.Context, k Key) bool {
	n, err := l.link.Eval(context.WithoutCancel(ctx), enterScript, []string{key(k.Rule, k.Who), turnsKey(k)},
		strconv.Itoa(k.Rule.Count), strconv.FormatInt(turnLife.Milliseconds(), 10))
	return err != nil || len(n) != 1 || n[0] == 1
}

// leave gives a turn back.
func (l *Redis) leave(ctx context.Context, k Key) {
	_, _ = l.link.Eval(context.WithoutCancel(ctx), leaveScript, []string{turnsKey(k)}) // it ends by itself
}

func turnsKey(k Key) string { return key(k.Rule, k.Who) + ":turns" }

// key is where calls are counted. Callers are addresses and names of people,
// which Redis need not know.
func key(r Rule, who string) string { return "cartracker:limit:" + r.Name + ":" + digest(who) }

func digest(who string) string {
	sum := sha256.Sum256([]byte(who))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
