package redis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"cartracker/internal/observe"
)

// ask makes a call. It ends within callLimit whatever happens, by a timer of its
// own: a caller who leaves says nothing about Redis.
func ask[T any](ctx context.Context, l *Link, command string, do func(context.Context, rueidis.Client) (T, error)) (answer T, err error) {
	if err := ctx.Err(); err != nil {
		return answer, err
	}
	c := l.line.Load()
	if c == nil {
		return answer, ErrDown
	}
	if l.timed != nil {
		defer func(began time.Time) { l.timed(time.Since(began)) }(time.Now())
	}
	ctx, span := observe.Start(ctx, observe.Client, command)
	span.Text("db.system.name", "redis")
	defer func() { span.End(err) }()
	own, cancel := context.WithTimeout(context.WithoutCancel(ctx), callLimit)
	defer cancel()
	select {
	case l.slots <- struct{}{}:
		answer, err = do(own, c.client)
		<-l.slots
	case <-c.gone:
		return answer, ErrDown
	case <-own.Done():
		return answer, ErrDown // all who came before had no answer either, and say so
	}
	if err = l.judge(c, err); err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return answer, err
}

// judge tells apart what is wrong with a command and what is wrong with the
// line, which it takes out of use.
func (l *Link) judge(c *line, err error) error {
	if err == nil {
		return nil
	}
	said, ok := errors.AsType[*rueidis.RedisError](err)
	if ok && !said.IsLoading() {
		err = fmt.Errorf("redis: %s", l.at.tidy(said.Error()))
		l.events.complain(err)
		return err
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		err = fmt.Errorf("no answer within %s", callLimit)
	case rueidis.IsParseErr(err):
		err = errGarbage
	default:
		err = c.conn.reason(err)
	}
	l.fail(c, err)
	return fmt.Errorf("%w: %s", ErrDown, l.at.tidy(err.Error()))
}

// absent turns the error for what is not there into a false.
func absent(err error) (found bool, _ error) {
	if err != nil && rueidis.IsRedisNil(err) {
		return false, nil
	}
	return err == nil, err
}

// millis is what Redis takes for the life of a key: at least a millisecond.
func millis(life time.Duration) int64 { return max(life.Milliseconds(), 1) }

// isNoScript reports whether the server does not know a script yet.
func isNoScript(err error) bool {
	said, ok := errors.AsType[*rueidis.RedisError](err)
	return ok && strings.HasPrefix(said.Error(), "NOSCRIPT")
}
