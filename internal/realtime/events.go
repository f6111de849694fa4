package realtime

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/ident"
	"cartracker/internal/notifications"
	"cartracker/internal/record"
	"cartracker/internal/socketio"
)

// eventTime is how long it may take to do what an event asks for.
const eventTime = 30 * time.Second

// events are those that clients may send, and what they do. What has been done
// is answered there, since for some it matters what is told before and after.
var events = map[string]func(*Hub, context.Context, *client, *socketio.Event) error{
	"user:online":      (*Hub).accept,
	"join":             (*Hub).accept,
	"markAsRead":       (*Hub).markAsRead,
	"markAllAsRead":    (*Hub).markAllAsRead,
	"sendNotification": (*Hub).sendNotification,
	"subscribe":        (*Hub).subscribe,
	"unsubscribe":      (*Hub).unsubscribe,
}

// done answers an event that did what it asks for.
type done struct {
	OK       bool `json:"ok"`
	Affected *int `json:"affected,omitempty"`
	Sent     *int `json:"sent,omitempty"`
}

// failed answers an event that did not.
type failed struct {
	OK         bool          `json:"ok"`
	Code       string        `json:"code"`
	Message    string        `json:"message"`
	Errors     []fault.Field `json:"errors,omitempty"`
	RetryAfter int           `json:"retryAfter,omitempty"`
}

// handle does what an event asks for, as who the socket is.
func (h *Hub) handle(c *client, e *socketio.Event, do func(*Hub, context.Context, *client, *socketio.Event) error) {
	h.Note(c.ID)
	ctx, cancel := context.WithTimeout(record.As(c.socket.Context(), c.Caller), eventTime)
	defer cancel()
	err := do(h, h.Write(ctx), c, e)
	if err == nil || errors.Is(err, socketio.ErrDisconnected) || c.socket.Context().Err() != nil {
		return
	}
	f := fault.Of(err)
	if f.Kind == fault.Internal {
		slog.ErrorContext(ctx, "an event failed", "event", e.Name, "err", err)
		h.tell(ctx, e.Name, err)
	}
	_ = e.Ack(failed{Code: f.Code, Message: f.Message, Errors: f.Fields, RetryAfter: int((f.RetryAfter + time.Second - 1) / time.Second)}) // who has gone needs no answer
}

// accept answers what old clients send to say who they are, which nobody asks them.
func (h *Hub) accept(_ context.Context, _ *client, e *socketio.Event) error {
	return e.Ack(done{OK: true})
}

var errNotificationID = fault.New(fault.Malformed, "bad_request", "the first argument must be the id of a notification")

// notificationOf reads the id of a notification, which stands there by itself
// or in an object.
func notificationOf(e *socketio.Event) (notifications.ID, error) {
	var text string
	if e.Decode(0, &text) != nil {
		var in struct{ ID, NotificationID string }
		if e.Decode(0, &in) != nil {
			return "", errNotificationID
		}
		if text = in.ID; text == "" {
			text = in.NotificationID
		}
	}
	if text = strings.ToLower(text); !ident.Valid(text) {
		return "", errNotificationID
	}
	return notifications.ID(text), nil
}

func (h *Hub) markAsRead(ctx context.Context, _ *client, e *socketio.Event) error {
	id, err := notificationOf(e)
	if err == nil {
		_, err = h.Notifications.Seen(ctx, id)
	}
	if err != nil {
		return err
	}
	return e.Ack(done{OK: true})
}

func (h *Hub) markAllAsRead(ctx context.Context, _ *client, e *socketio.Event) error {
	n, err := h.Notifications.MarkAllSeen(ctx)
	if err != nil {
		return err
	}
	return e.Ack(done{OK: true, Affected: &n})
}

var errDraft = fault.New(fault.Malformed, "bad_request", "the first argument must be an object with a recipientId or a role, and a message, all of them texts")

func (h *Hub) sendNotification(ctx context.Context, _ *client, e *socketio.Event) error {
	n, err := h.Notifications.Send(ctx, func(d *notifications.Draft) error { return fillDraft(d, e) })
	if err != nil {
		return err
	}
	return e.Ack(done{OK: true, Sent: &n})
}

// fillDraft reads a message. Other fields, such as who the client says it is,
// are not looked at.
func fillDraft(d *notifications.Draft, e *socketio.Event) error {
	if err := e.Decode(0, d); err != nil || len(e.Args) == 0 || string(e.Args[0]) == "null" {
		return errDraft
	}
	if strings.ContainsRune(d.Message, 0) {
		return errDraft.Say("the message must not have a NUL")
	}
	return nil
}
