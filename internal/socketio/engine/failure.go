package engine

import (
	"fmt"
	"net/http"
)

// A failure is why a request is refused, as clients of the protocol know it.
type failure struct {
	status, code int
	message      string
}

var (
	unknownTransport = failure{http.StatusBadRequest, 0, "Transport unknown"}
	unknownSession   = failure{http.StatusBadRequest, 1, "Session ID unknown"}
	badMethod        = failure{http.StatusBadRequest, 2, "Bad handshake method"}
	badRequest       = failure{http.StatusBadRequest, 3, "Bad request"}
	forbidden        = failure{http.StatusForbidden, 4, "Forbidden"}
	wrongVersion     = failure{http.StatusBadRequest, 5, "Unsupported protocol version"}
	// overlap is a second poll, or a second POST, at the same time.
	overlap = failure{http.StatusBadRequest, 3, "Bad request"}
	// Three that the protocol has no numbers for.
	tooLarge     = failure{http.StatusRequestEntityTooLarge, 3, "Payload too large"}
	shuttingDown = failure{http.StatusServiceUnavailable, 3, "Server shutting down"}
	crowded      = failure{http.StatusServiceUnavailable, 3, "Too many clients"}
)

// retryAfter is after how many seconds a client may find what it did not.
const retryAfter = "5"

func (f failure) answer(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if f.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", retryAfter)
	}
	w.WriteHeader(f.status)
	_, _ = fmt.Fprintf(w, `{"code":%d,"message":%q}`, f.code, f.message) // who is gone needs no answer
}
