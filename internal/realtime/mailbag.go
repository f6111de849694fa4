package realtime

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"cartracker/internal/notifications"
	"cartracker/internal/record"
)

const (
	maxMail      = 20_000          // changes of inboxes that wait to be told
	mailTogether = 500             // notifications that are read at a time
	mailTime     = 5 * time.Second // for reading them
	mailPause    = time.Second     // before they are read again
)

// A mailbag holds the changes of inboxes of which nobody here was told yet. The
// notifications have to be read first, for which the feed does not wait.
type mailbag struct {
	filled chan struct{} // has a place for one

	mu      sync.Mutex
	waiting []record.Event
	sockets int       // that are connected
	empty   time.Time // since when none is
}

func newMailbag() mailbag { return mailbag{filled: make(chan struct{}, 1)} }

// open counts a socket that came, and close one that has gone.
func (m *mailbag) open() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sockets++
}

func (m *mailbag) close(now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sockets--; m.sockets == 0 {
		m.empty = now
	}
}

// add takes what concerns inboxes, if there may be somebody to tell. Sockets
// that are lost and may be recovered count: they are told later. When more waits
// than can be told, it forgets all of it and returns false.
func (m *mailbag) add(events []record.Event) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sockets == 0 && time.Since(m.empty) > 2*recovery {
		return true
	}
	for _, e := range events {
		if e.Topic == record.Inboxes || e.Topic == record.Notifications && e.Kind != record.Deleted {
			m.waiting = append(m.waiting, e)
		}
	}
	if len(m.waiting) > maxMail {
		m.waiting = nil
		return false
	}
	if len(m.waiting) > 0 {
		select {
		case m.filled <- struct{}{}:
		default:
		}
	}
	return true
}

func (m *mailbag) take() []record.Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	some := m.waiting[:min(len(m.waiting), mailTogether)]
	if m.waiting = m.waiting[len(some):]; len(m.waiting) == 0 {
		m.waiting = nil
	}
	return some
}

// deliver tells people of their inboxes until ctx is done.
func (h *Hub) deliver(ctx context.Context) {
	for {
		select {
		case <-h.mail.filled:
		case <-ctx.Done():
			return
		}
		for some := h.mail.take(); len(some) > 0 && ctx.Err() == nil; some = h.mail.take() {
			h.tellOwners(ctx, some)
		}
	}
}

// allSeen tells how many notifications were marked as seen at once.
type allSeen struct {
	Affected int `json:"affected"`
}

// tellOwners tells each owner of an inbox what has changed in it.
func (h *Hub) tellOwners(ctx context.Context, changes []record.Event) {
	read := h.read(ctx, changes)
	for _, e := range changes {
		if e.Topic == record.Inboxes {
			tell(h.all.To(userRoom(e.ID)).Local(), "allNotificationsUpdated", allSeen{e.Version})
			continue
		}
		n, ok := read[e.ID]
		if !ok {
			continue // it was deleted meanwhile
		}
		name := "notificationUpdated"
		if e.Kind == record.Created {
			name = "receiveNotification"
		}
		tell(h.all.To(userRoom(n.RecipientID)).Local(), name, n)
	}
}

// read returns the notifications that changes are about, as they are now. What
// cannot be read is read again until ctx is done: nobody would miss what they
// were not told of.
func (h *Hub) read(ctx context.Context, changes []record.Event) map[string]notifications.Notification {
	out := map[string]notifications.Notification{}
	var ids []string
	for _, e := range changes {
		if e.Topic == record.Notifications {
			ids = append(ids, e.ID)
		}
	}
	if ids == nil {
		return out
	}
	all, err := h.byIDs(ctx, ids)
	if err != nil && ctx.Err() == nil {
		slog.WarnContext(ctx, "notifications cannot be read; it is tried again", "notifications", len(ids), "err", err)
	}
	for err != nil && ctx.Err() == nil {
		select {
		case <-time.After(mailPause):
			all, err = h.byIDs(ctx, ids)
		case <-ctx.Done():
		}
	}
	for _, n := range all {
		out[string(n.ID)] = n
	}
	return out
}

func (h *Hub) byIDs(ctx context.Context, ids []string) ([]notifications.Notification, error) {
	ctx, cancel := context.WithTimeout(ctx, mailTime)
	defer cancel()
	return h.Notifications.ByIDs(ctx, ids)
}
