package realtime

import (
	"context"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/record"
	"cartracker/internal/socketio"
)

// reachTime is how long a subscription waits for this instance to read what
// another has told its client of already.
const reachTime = 5 * time.Second

var (
	errTopic = fault.New(fault.Malformed, "bad_request", "topic must be cars, contracts or customers")
	errSince = fault.New(fault.Malformed, "bad_request", "since must be a whole number from 0")
)

// A subscription is a topic that a socket wants to hear of, and the last change
// that its client knows of.
type subscription struct {
	Topic record.Topic `json:"topic"`
	Since *int64       `json:"since"`
}

// subscribed answers that a socket hears of a topic from now on: it knows of
// everything up to Seq, unless it has to Resync.
type subscribed struct {
	OK     bool  `json:"ok"`
	Seq    int64 `json:"seq"`
	Resync bool  `json:"resync,omitempty"`
}

// topicOf reads which topic an event is about, and refuses who may not know of it.
func topicOf(c *client, e *socketio.Event) (in subscription, err error) {
	if err := e.Decode(0, &in); err != nil {
		return in, errTopic.Say("the first argument must be an object with a topic and perhaps since, a whole number")
	}
	access, ok := topics[in.Topic]
	switch {
	case !ok:
		return in, errTopic
	case in.Since != nil && *in.Since < 0:
		return in, errSince
	}
	return in, access.Allow(c.Caller)
}

// subscribe lets a socket hear of a topic. It is told what it has missed, then
// answered, then told of what comes, with nothing missing or twice.
func (h *Hub) subscribe(ctx context.Context, c *client, e *socketio.Event) error {
	in, err := topicOf(c, e)
	if err == nil && in.Since != nil {
		err = h.reach(ctx, *in.Since)
	}
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	out := subscribed{OK: true, Seq: h.history.seq}
	if in.Since != nil {
		missed, known := h.history.since(in.Topic, *in.Since)
		for _, m := range missed {
			if err := c.socket.Emit("changed", changedOf(m)); err != nil {
				return err
			}
		}
		out.Resync = !known
	}
	c.socket.Join(topicRoom(in.Topic))
	return e.Ack(out)
}

// unsubscribe lets a socket hear of a topic no longer.
func (h *Hub) unsubscribe(_ context.Context, c *client, e *socketio.Event) error {
	in, err := topicOf(c, e)
	if err != nil {
		return err
	}
	c.socket.Leave(topicRoom(in.Topic))
	return e.Ack(done{OK: true})
}

// reach waits until this instance knows of a change that a client has been told
// of by another. There may be no such change: then the client is told to look again.
func (h *Hub) reach(ctx context.Context, seq int64) error {
	if _, seen := h.seen(seq); seen {
		return nil
	}
	h.Wake()
	counter, err := h.Counter(ctx)
	if err != nil || counter < seq {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	for {
		moved, seen := h.seen(seq)
		if seen {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return nil // it looks again
		}
	}
}

// seen reports whether this instance knows of a change, and returns what is
// closed when it knows of more.
func (h *Hub) seen(seq int64) (moved <-chan struct{}, seen bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.moved, h.history.seq >= seq
}
