package httpapi

import (
	"net/http"
	"time"

	"cartracker/internal/httpapi/middleware"
	"cartracker/internal/observe"
)

// socketPath is where sockets are served. The middleware takes the slash at the
// end away, as from every path.
const socketPath = "/socket.io"

// realtimeRoutes put sockets behind what every request passes, and nothing else:
// they are counted and limited by themselves.
func (a *API) realtimeRoutes() {
	if a.Realtime == nil {
		return
	}
	a.mux.ServeMux.HandleFunc(socketPath, a.serveSocket)
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		a.pages = append(a.pages, route{method: method, path: socketPath + "/", limiter: never}.line())
	}
}

// serveSocket serves one request of a socket. A poll waits for longer than a
// request may take to be read, and the reading of nothing would end it.
func (a *API) serveSocket(w http.ResponseWriter, r *http.Request) {
	middleware.NoteRoute(w, socketPath+"/")
	middleware.NoteWait(w)
	r = middleware.As(r, middleware.Visitor(w, r))
	switch r.Method {
	case http.MethodGet:
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // some writers, such as a test's, have none
	case http.MethodPost, http.MethodOptions:
	default: // HEAD too: nobody would be behind the client that it makes
		w.Header().Set("Allow", "GET, POST")
		f := *errMethod
		f.RequestID = observe.RequestID(r.Context())
		f.reply().write(w, r)
		return
	}
	w.Header()["Cache-Control"] = unkeeping
	a.Realtime.ServeHTTP(w, r)
}

// RefreshToken returns the refresh token of a request's cookie; "" if it has none.
func (a *API) RefreshToken(r *http.Request) string {
	c, err := r.Cookie(a.cookieName())
	if err != nil {
		return ""
	}
	return c.Value
}

// Table returns the whole route table: the API, the pages, and sockets. Handler
// was called before.
func (a *API) Table() []Route { return append(append([]Route{}, a.routes...), a.pages...) }
