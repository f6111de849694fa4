package redis

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// Get returns what is under key.
func (l *Link) Get(ctx context.Context, key string) (value []byte, found bool, err error) {
	value, err = ask(ctx, l, "GET", func(ctx context.Context, c rueidis.Client) ([]byte, error) {
		value, err := c.Do(ctx, c.B().Get().Key(key).Build()).AsBytes()
		found, err = absent(err)
		return value, err
	})
	return value, found && err == nil, err
}

// Set puts value under key for life, at least a millisecond.
func (l *Link) Set(ctx context.Context, key string, value []byte, life time.Duration) error {
	_, err := ask(ctx, l, "SET", func(ctx context.Context, c rueidis.Client) (bool, error) {
		set := c.B().Set().Key(key).Value(string(value)).PxMilliseconds(millis(life))
		return true, c.Do(ctx, set.Build()).Error()
	})
	return err
}

// Claim makes key owner's for life, unless it is somebody's already, and reports
// whether it did. After an error it may have.
func (l *Link) Claim(ctx context.Context, key, owner string, life time.Duration) (bool, error) {
	return ask(ctx, l, "SET", func(ctx context.Context, c rueidis.Client) (bool, error) {
		set := c.B().Set().Key(key).Value(owner).Nx().PxMilliseconds(millis(life))
		return absent(c.Do(ctx, set.Build()).Error())
	})
}

// Release gives key up, unless it is no longer owner's.
func (l *Link) Release(ctx context.Context, key, owner string) error {
	_, err := l.Eval(ctx, release, []string{key}, owner)
	return err
}

var release = NewScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then
	return {redis.call('DEL', KEYS[1])}
end
return {0}`)

// Publish sends message to all who are subscribed to channel at this moment.
func (l *Link) Publish(ctx context.Context, channel, message string) error {
	_, err := ask(ctx, l, "PUBLISH", func(ctx context.Context, c rueidis.Client) (bool, error) {
		return true, c.Do(ctx, c.B().Publish().Channel(channel).Message(message).Build()).Error()
	})
	return err
}

// A Script is a program in Lua that Redis runs as one step. It returns an array
// of integers.
type Script struct{ lua, sha string }

// NewScript makes a Script of its text.
func NewScript(lua string) *Script {
	sum := sha1.Sum([]byte(lua)) // Redis names scripts so
	return &Script{lua: lua, sha: hex.EncodeToString(sum[:])}
}

// Eval runs s and returns what it returns. The text of s travels only when the
// server does not know it.
func (l *Link) Eval(ctx context.Context, s *Script, keys []string, args ...string) ([]int64, error) {
	return ask(ctx, l, "EVALSHA", func(ctx context.Context, c rueidis.Client) ([]int64, error) {
		numbers, err := c.Do(ctx, script(c, "EVALSHA", s.sha, keys, args)).AsIntSlice()
		if isNoScript(err) {
			numbers, err = c.Do(ctx, script(c, "EVAL", s.lua, keys, args)).AsIntSlice()
		}
		return numbers, err
	})
}

// Texts runs a script that returns an array of texts, and returns that. Its text
// travels only when the server does not know it.
func (l *Link) Texts(ctx context.Context, lua string, keys []string, args ...string) ([]string, error) {
	s := NewScript(lua)
	return ask(ctx, l, "EVALSHA", func(ctx context.Context, c rueidis.Client) ([]string, error) {
		texts, err := c.Do(ctx, script(c, "EVALSHA", s.sha, keys, args)).AsStrSlice()
		if isNoScript(err) {
			texts, err = c.Do(ctx, script(c, "EVAL", s.lua, keys, args)).AsStrSlice()
		}
		return texts, err
	})
}

func script(c rueidis.Client, command, text string, keys, args []string) rueidis.Completed {
	return c.B().Arbitrary(command).Args(text, strconv.Itoa(len(keys))).Keys(keys...).Args(args...).Build()
}
