package realtime

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"cartracker/internal/date"
	"cartracker/internal/identity"
	"cartracker/internal/record"
)

// lapseEvery is how often it is looked whether a session's time has come.
const lapseEvery = time.Second

// lapses knows until when the sessions last that have sockets here.
type lapses struct {
	mu    sync.Mutex
	until map[string]date.Moment
}

func newLapses() lapses { return lapses{until: map[string]date.Moment{}} }

// watch notes until when a session lasts, unless it is refreshed.
func (l *lapses) watch(session string, until date.Moment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.until[session] = until
}

// forget forgets a session that was due at a moment, unless a socket has come
// since that knows better.
func (l *lapses) forget(session string, due date.Moment) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.until[session].After(due) {
		delete(l.until, session)
	}
}

// due returns the sessions whose time has come.
func (l *lapses) due(now date.Moment) (out []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for session, until := range l.until {
		if !until.After(now) {
			out = append(out, session)
		}
	}
	return out
}

// watchSessions ends the sockets of sessions that ended by time, until ctx is done.
func (h *Hub) watchSessions(ctx context.Context) {
	t := time.NewTicker(lapseEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
		case <-ctx.Done():
			return
		}
		if err := h.lookAtDue(ctx, h.Identity.Now()); err != nil && ctx.Err() == nil {
			slog.WarnContext(ctx, "it is not known whether a session has ended; it is looked again", "err", err)
		}
	}
}

// lookAtDue looks at the sessions whose time has come, until that fails.
func (h *Hub) lookAtDue(ctx context.Context, now date.Moment) error {
	for _, session := range h.lapses.due(now) {
		if err := h.look(ctx, session, now); err != nil {
			return err
		}
	}
	return nil
}

// look asks whether a session was refreshed. If not, its sockets end.
func (h *Hub) look(ctx context.Context, session string, now date.Moment) error {
	if len(h.all.SocketsIn(sessionRoom(session))) == 0 {
		h.lapses.forget(session, now)
		return nil
	}
	owner, err := h.Identity.Owner(ctx, identity.SessionID(session))
	if errors.Is(err, record.ErrSignIn) {
		h.lapses.forget(session, now)
		return h.all.To(sessionRoom(session)).Local().Disconnect()
	}
	if err == nil {
		h.lapses.watch(session, owner.Until)
	}
	return err
}
