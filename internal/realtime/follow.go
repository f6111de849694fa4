package realtime

import (
	"context"
	"log/slog"

	"cartracker/internal/date"
	"cartracker/internal/record"
)

// A changed tells that a record changed, never what is in it.
type changed struct {
	Topic   record.Topic `json:"topic"`
	ID      string       `json:"id"`
	Kind    record.Kind  `json:"kind"`
	Version int          `json:"version"`
	At      date.Moment  `json:"at"`
	Seq     int64        `json:"seq"`
}

func changedOf(e record.Event) changed {
	return changed{Topic: e.Topic, ID: e.ID, Kind: e.Kind, Version: e.Version, At: e.At, Seq: e.Seq}
}

// Follow takes what the feed of changes tells: it ends sockets of sessions that
// ended, then tells the others. Whoever follows before has forgotten what they
// knew of those sessions.
func (h *Hub) Follow(_ context.Context, b record.Batch) {
	told := true
	if !b.Past {
		h.revoke(b.Events)
		told = h.mail.add(b.Events)
	}
	h.pass(b)
	if b.Missed || !told { // whoever comes back is asked who they are, and looks again
		slog.Warn("some changes cannot be told: all sockets of this instance are closed, and come back", "through", b.Through)
		_ = h.all.To().Local().Close(false)
	}
}

// revoke ends the sockets of sessions, or of users, that were signed out. Who
// has signed in again since, before the feed told of it, stays.
func (h *Hub) revoke(events []record.Event) {
	for _, e := range events {
		if e.Topic != record.Sessions || e.Kind != record.Deleted {
			continue
		}
		_ = h.all.To(sessionRoom(e.ID)).Local().Disconnect()
		for _, s := range h.all.SocketsIn(userRoom(e.ID)) {
			if s.Data().(*client).asOf < e.Seq {
				s.Disconnect()
			}
		}
	}
}

// pass tells those who subscribed what has changed. Each instance follows the
// feed by itself.
func (h *Hub) pass(b record.Batch) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.history.learn(b)
	close(h.moved)
	h.moved = make(chan struct{})
	if b.Past {
		if len(b.Events) == 0 { // the last of the past
			close(h.begun)
		}
		return
	}
	for _, e := range b.Events {
		if _, ok := topics[e.Topic]; ok {
			tell(h.all.To(topicRoom(e.Topic)).Local(), "changed", changedOf(e))
		}
	}
}
