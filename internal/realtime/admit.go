package realtime

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/identity"
	"cartracker/internal/record"
	"cartracker/internal/socketio"
)

// beginTime is how long a client waits for a program that has just started.
const beginTime = 5 * time.Second

var errNotBegun = &fault.Error{
	Kind: fault.Unavailable, Code: "not_ready", Message: "the program is starting; try again", RetryAfter: beginTime,
}

// errFull is told who has too many sockets.
var errFull = &socketio.Refusal{Message: "too_many_sockets", Data: map[string]string{"code": "too_many_sockets"}}

// A client is who is behind a socket.
type client struct {
	record.Caller
	socket *socketio.Socket
	// asOf is the last change in the database before confirm looked, which
	// knows what that one and those before it have ended. 0 if that is not known.
	asOf int64
}

// admit finds out who asks to connect, from nothing but what carried that.
func (h *Hub) admit(ctx context.Context, r *socketio.Request) (socketio.Admission, error) {
	if err := h.untilBegun(ctx); err != nil {
		return socketio.Admission{}, h.refuse(ctx, err)
	}
	c, err := h.identify(h.SignIn(ctx), r)
	if err != nil {
		return socketio.Admission{}, h.refuse(ctx, err)
	}
	asOf, _ := h.Counter(ctx) // while the database is away, confirm lets nobody stay
	return socketio.Admission{
		Owner:      strings.Join([]string{string(c.ID), c.SessionID, string(c.Role)}, " "),
		Rooms:      roomsOf(c),
		Member:     string(c.ID),
		MaxSockets: maxSockets,
		Full:       errFull,
		Data:       &client{Caller: c, asOf: asOf},
	}, nil
}

// untilBegun waits until the feed is followed: who comes before could be
// signed out without anybody here hearing of it.
func (h *Hub) untilBegun(ctx context.Context) error {
	t := time.NewTimer(beginTime)
	defer t.Stop()
	select {
	case <-h.begun:
		return nil
	case <-t.C:
		return errNotBegun
	case <-ctx.Done():
		return ctx.Err()
	}
}

// identify returns who asks: by the access token, if there is one, else by the
// refresh cookie.
func (h *Hub) identify(ctx context.Context, r *socketio.Request) (c record.Caller, err error) {
	var session identity.SessionID
	c = record.CallerOf(r.HTTP.Context())
	ctx = record.As(ctx, c)
	token, err := tokenOf(r.Auth)
	switch {
	case err != nil:
		return c, err
	case token != "":
		c.Person, session, err = h.Identity.Authenticate(ctx, token)
	default:
		c.Person, session, err = h.recognize(ctx, r.HTTP)
	}
	c.SessionID = string(session)
	return c, err
}

// tokenOf returns the access token of a handshake; "" if there is none.
func tokenOf(auth json.RawMessage) (string, error) {
	if auth == nil {
		return "", nil
	}
	var in struct {
		Token *string `json:"token"`
	}
	if err := json.Unmarshal(auth, &in); err != nil {
		return "", record.ErrSignIn.Say("auth.token must be an access token")
	}
	if in.Token == nil {
		return "", nil
	}
	return *in.Token, nil
}

// recognize returns who has the refresh cookie of a request. Browsers send it
// with requests of any page, so it counts only from one that names its page.
func (h *Hub) recognize(ctx context.Context, r *http.Request) (record.Person, identity.SessionID, error) {
	token := h.RefreshToken(r)
	named := r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") == "same-origin"
	if token == "" || !named || h.Foreign(r) {
		return record.Person{}, "", record.ErrSignIn
	}
	if err := h.MayTry(ctx); err != nil {
		return record.Person{}, "", err
	}
	p, session, err := h.Identity.Recognize(ctx, token)
	if errors.Is(err, record.ErrSignIn) {
		h.Tried(ctx)
	}
	return p, session, err
}

// refuse is refusal, and reports what nobody has caused who connects.
func (h *Hub) refuse(ctx context.Context, err error) error {
	if fault.Of(err).Kind == fault.Internal && !errors.Is(err, context.Canceled) {
		h.tell(ctx, "connect", err)
	}
	return refusal(ctx, err)
}

// refusal is err as a client is told of it.
func refusal(ctx context.Context, err error) error {
	f := fault.Of(err)
	message, later := "unavailable", true
	switch f.Kind {
	case fault.Unauthenticated, fault.Forbidden:
		message, later = "unauthorized", false
	case fault.Exhausted:
		later = false // or it would ask again and again
	case fault.Unavailable:
	default:
		if !errors.Is(err, context.Canceled) {
			slog.ErrorContext(ctx, "a socket could not be connected", "err", err)
		}
	}
	return &socketio.Refusal{Message: message, Data: map[string]string{"code": f.Code}, Later: later}
}

// greet makes a socket of an admitted client one that is listened to.
func (h *Hub) greet(s *socketio.Socket) {
	c := s.Data().(*client)
	c.socket = s
	for name, handle := range events {
		s.On(name, func(e *socketio.Event) { h.handle(c, e, handle) })
	}
	h.strangers.add(c.Network(), -1)
	h.mail.open()
	s.OnDisconnect(func(string) {
		h.strangers.add(c.Network(), 1)
		h.mail.close(time.Now())
		h.Note(c.ID)
	})
	h.Note(c.ID)
	h.confirm(c)
}

// confirm asks once more whether the session of a socket lasts, now that the
// socket is in the rooms in which it would hear of the end.
func (h *Hub) confirm(c *client) {
	owner, err := h.Identity.Owner(h.SignIn(c.socket.Context()), identity.SessionID(c.SessionID))
	switch {
	case errors.Is(err, record.ErrSignIn), err == nil && (owner.Person.ID != c.ID || owner.Person.Role != c.Role):
		c.socket.Disconnect()
	case err != nil:
		c.socket.Close(false) // it comes again, and is asked then
	default:
		h.lapses.watch(c.SessionID, owner.Until)
	}
}
