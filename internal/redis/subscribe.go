package redis

import (
	"context"
	"errors"
	"time"

	"github.com/redis/rueidis"
)

const mostWaiting = 64 // messages that nobody has taken yet

// Subscribe calls got with each message that is sent to channel, one after the
// other, until ctx is done, and returns its error. It subscribes again after
// each break. Whenever it has subscribed it calls got with "", since messages
// may have been missed before. Empty messages are not passed on.
func (l *Link) Subscribe(ctx context.Context, channel string, got func(message string)) error {
	wait := firstWait
	for ctx.Err() == nil {
		up := l.await(ctx)
		if up == nil {
			break
		}
		if l.listen(ctx, up, channel, got) {
			wait = firstWait
		}
		pause(ctx, wait)
		wait = min(2*wait, longestWait)
	}
	return ctx.Err()
}

// listen subscribes on a connection of its own, until that or the line breaks,
// and reports whether it had come to that.
func (l *Link) listen(ctx context.Context, up *line, channel string, got func(string)) (subscribed bool) {
	c, err := connect(ctx, l.at, true)
	if err != nil {
		return false // whatever it is, the line has it too and tells of it
	}
	messages := make(chan string, mostWaiting)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := c.receive(channel, messages); isRefused(err) {
			l.events.complain(err)
		}
	}()
	subscribed = pass(ctx, up, messages, ended, got)
	c.hangUp()
	for {
		select {
		case <-messages: // which it may be waiting to pass on
		case <-ended:
			return subscribed
		}
	}
}

// pass calls got with messages until there can be no more, and reports whether
// there were any. The first has to come soon.
func pass(ctx context.Context, up *line, messages <-chan string, ended <-chan struct{}, got func(string)) (some bool) {
	soon := time.NewTimer(connectLimit)
	defer soon.Stop()
	for {
		select {
		case m := <-messages:
			some = true
			soon.Stop()
			got(m)
		case <-soon.C:
			return some
		case <-ended:
			return some
		case <-up.gone:
			return some
		case <-ctx.Done():
			return some
		}
	}
}

// receive passes on an empty message once it is subscribed, and then what comes,
// until the connection is over.
func (c *line) receive(channel string, messages chan<- string) error {
	ctx := rueidis.WithOnSubscriptionHook(context.Background(), func(s rueidis.PubSubSubscription) {
		if s.Kind == "subscribe" {
			messages <- "" // there is room: nothing comes before it
		}
	})
	return c.client.Receive(ctx, c.client.B().Subscribe().Channel(channel).Build(), func(m rueidis.PubSubMessage) {
		if m.Message != "" {
			messages <- m.Message
		}
	})
}

func isRefused(err error) bool {
	_, ok := errors.AsType[*rueidis.RedisError](err)
	return ok
}
