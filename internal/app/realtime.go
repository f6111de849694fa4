package app

import (
	"context"

	"cartracker/internal/overload"
	"cartracker/internal/realtime"
	"cartracker/internal/socketio"
)

// socketKeys is what the keys and channels begin with over which instances
// share who is there.
const socketKeys = "cartracker:sockets"

// openRealtime gives the office its sockets. They follow the feed behind what
// forgets sessions that ended: who is asked about one then is told the truth.
func (o *Office) openRealtime() {
	var adapter socketio.Adapter
	if o.link != nil {
		adapter = socketio.NewRedis(o.link, socketKeys)
	}
	in := func(class overload.Class) func(context.Context) context.Context {
		return func(ctx context.Context) context.Context { return overload.As(ctx, class) }
	}
	o.Realtime = realtime.New(realtime.Config{
		Identity:      o.Identity,
		Notifications: o.API.Notifications,
		Note:          o.Activity.Note,
		Adapter:       adapter,
		Foreign:       o.API.Foreign,
		RefreshToken:  o.API.RefreshToken,
		MayTry:        o.API.MayTry,
		Tried:         o.API.Tried,
		SignIn:        in(overload.SignIn),
		Write:         in(overload.Write),
		Wake:          o.Feed.Wake,
		Counter: func(ctx context.Context) (int64, error) {
			return o.Feed.Counter(overload.As(ctx, overload.Read))
		},
	})
	o.Feed.Follow(o.Realtime.Follow)
	o.Identity.Presence = o.Realtime
	o.API.Realtime = o.Realtime.Handler()
}
