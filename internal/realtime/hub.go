// Package realtime tells browsers at once what changes: who may know of what,
// in which room they hear of it, and what they can ask for over their socket.
package realtime

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"cartracker/internal/identity"
	"cartracker/internal/notifications"
	"cartracker/internal/observe"
	"cartracker/internal/part"
	"cartracker/internal/record"
	"cartracker/internal/socketio"
	"cartracker/internal/socketio/engine"
)

const (
	maxSockets = 20       // of one user, over all instances
	maxMessage = 64 << 10 // bytes
	maxEvents  = 50       // a second, of one socket
	recovery   = 2 * time.Minute
	// patience is how long a client may be connected without saying who it is.
	patience = 20 * time.Second
)

// Config is what a Hub works with. All of its fields are required, except Adapter
// and Report.
type Config struct {
	Identity      *identity.Service
	Notifications *notifications.Service
	Note          func(record.UserID) // notes that somebody is active
	Adapter       socketio.Adapter    // joins the instances; nil for one that is alone

	// Foreign reports whether a request was sent by a page of a site that is not
	// allowed, and RefreshToken returns that of its cookie, "" if it has none.
	Foreign      func(*http.Request) bool
	RefreshToken func(*http.Request) string

	// MayTry refuses who asks if too many from their network are nobody known,
	// and Tried counts one more: a cookie that is made up costs a transaction.
	MayTry func(context.Context) error
	Tried  func(context.Context)

	// SignIn and Write say in the context what is done at the database, for those
	// who decide how much of it is done at a time.
	SignIn, Write func(context.Context) context.Context
	// Wake lets the feed of changes look now, and Counter returns the number of
	// the last change in the database.
	Wake    func()
	Counter func(context.Context) (int64, error)
	Report  observe.Report // told of what goes wrong
}

// A Hub is the part of the program that talks over sockets.
type Hub struct {
	Config
	server    *socketio.Server
	all       *socketio.Namespace
	strangers strangers
	lapses    lapses
	mail      mailbag
	begun     chan struct{} // closed once the feed has told what was before

	mu      sync.Mutex // whoever has it sees each socket either before or after a batch
	history history
	moved   chan struct{} // closed, and replaced, with each batch
}

// New makes a Hub. It serves once it follows the feed of changes.
func New(c Config) *Hub {
	h := &Hub{
		Config: c, strangers: newStrangers(maxStrangers, maxNeighbours), lapses: newLapses(), mail: newMailbag(),
		begun: make(chan struct{}), moved: make(chan struct{}), history: history{most: maxHistory},
	}
	h.server = socketio.New(socketio.Config{
		Engine: engine.Config{
			MaxPayload: maxMessage, Allow: func(r *http.Request) bool { return !c.Foreign(r) }, Arrive: h.strangers.arrive,
		},
		ConnectTimeout: patience, Recovery: recovery, MaxEvents: maxEvents, Log: slog.Default(),
		Panicked: func(v any, stack string) { h.tell(context.Background(), "", &part.Panic{Value: v, Stack: stack}) },
	})
	h.all = h.server.Of("/")
	if c.Adapter != nil {
		h.all.Use(c.Adapter)
	}
	h.all.Admit(h.admit)
	h.all.OnConnect(h.greet)
	h.all.OnPresence(h.tellPresence)
	return h
}

// Handler returns what serves /socket.io/.
func (h *Hub) Handler() http.Handler { return h.server }

// Run does what is not done at once, until ctx is done, and then ends all that
// the hub does in the background.
func (h *Hub) Run(ctx context.Context) error {
	err := part.Together(ctx, part.Quietly(h.deliver), part.Quietly(h.watchSessions), h.server.Run)
	h.server.Close() // again: a session may have been found to be over meanwhile
	return err
}

// Connected returns how many clients are connected here.
func (h *Hub) Connected() int {
	n := h.server.Stats()
	return int(n.Polling + n.Websocket)
}

// Stats are counters of a Hub.
type Stats struct {
	Polling, Websocket int64 // clients, now
	Events             int64 // sent, once for each socket that got one, and acknowledgements
	Slow               int64 // clients that were dropped because they did not take what was sent
}

// Stats returns the counters of now.
func (h *Hub) Stats() Stats {
	n := h.server.Stats()
	return Stats{Polling: n.Polling, Websocket: n.Websocket, Events: h.server.Sent(), Slow: n.Slow}
}

// Close closes all connections, so that clients come back elsewhere, and takes
// no new ones.
func (h *Hub) Close() { h.server.Close() }

// Online returns who has a socket, on any instance.
func (h *Hub) Online(ctx context.Context) ([]record.UserID, error) {
	members, err := h.all.Members(ctx)
	ids := make([]record.UserID, len(members))
	for i, m := range members {
		ids[i] = record.UserID(m)
	}
	return ids, err
}

type presence struct {
	UserID   string `json:"userId"`
	IsOnline bool   `json:"isOnline"`
}

// tellPresence tells the staff on all instances that somebody came or went.
func (h *Hub) tellPresence(member string, present bool) {
	tell(h.all.To(staffRoom), "user:status", presence{member, present})
}

// tell sends what always can be encoded: who is not there any more misses nothing.
func tell(to socketio.Broadcast, event string, what any) {
	if err := to.Emit(event, what); err != nil {
		slog.Warn("an event could not be sent to all", "event", event, "err", err)
	}
}

// tell reports what went wrong with a socket: in what event, if it was in one.
func (h *Hub) tell(ctx context.Context, place string, err error) {
	p := record.CallerOf(ctx).Person
	user := observe.User{ID: string(p.ID), Username: p.Username, Role: string(p.Role)}
	h.Report.Tell(ctx, observe.Trouble{Source: observe.InSocket, Place: place, User: user, Err: err})
}
