package middleware

import (
	"net/http"
	"net/netip"

	"cartracker/internal/ident"
	"cartracker/internal/observe"
	"cartracker/internal/record"
)

// Visit notes which request this is and from where it comes. It takes the id
// that a request brings, if that is a plain one, or makes one, and answers it.
// Behind proxies, the address is the right-most hop of X-Forwarded-For that is
// not one of them.
func Visit(proxies []netip.Prefix) Middleware {
	c := &client{proxies: proxies}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			answer := watch(w)
			answer.id = r.Header.Get("X-Request-Id")
			if !isRequestID(answer.id) {
				answer.id = ident.New[string]()
			}
			w.Header()["X-Request-Id"] = []string{answer.id}
			answer.ip = c.address(r, answer.id)
			next.ServeHTTP(answer, r)
		})
	}
}

// Visitor returns who sends a request, as far as that is known without a
// token.
func Visitor(w http.ResponseWriter, r *http.Request) record.Caller {
	answer := watch(w)
	return record.Caller{IP: answer.ip, UserAgent: plain(r.UserAgent()), RequestID: answer.id}
}

// As returns the request with a context in which c asks, and in which what is
// logged has the request's id. It is made when it is needed: answers from the
// cache do without.
func As(r *http.Request, c record.Caller) *http.Request {
	return r.WithContext(record.As(observe.WithRequestID(r.Context(), c.RequestID), c))
}

// isRequestID reports whether an id can be taken over: 8 to 64 letters, digits,
// hyphens and underscores.
func isRequestID(id string) bool {
	if len(id) < 8 || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
