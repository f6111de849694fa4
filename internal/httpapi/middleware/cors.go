package middleware

import (
	"net/http"
	"slices"
)

const (
	corsMethods = "GET, HEAD, POST, PUT, PATCH, DELETE"
	corsTaken   = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-Request-Id, X-No-Compression"
	corsShown   = "ETag, Location, Retry-After, RateLimit, RateLimit-Policy, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-Id, X-Cache, Idempotency-Replayed"
	corsMaxAge  = "600" // seconds
)

// CORS lets pages of these origins use the API, with credentials. A stranger
// is told nothing.
func CORS(origins []string) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			origin, h := r.Header.Get("Origin"), w.Header()
			allowed := origin != "" && slices.Contains(origins, origin)
			if allowed {
				h.Set("Access-Control-Allow-Origin", origin)
				h.Set("Access-Control-Allow-Credentials", "true")
				h.Set("Access-Control-Expose-Headers", corsShown)
			}
			if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
				next.ServeHTTP(w, r)
				return
			}
			if allowed {
				h.Set("Access-Control-Allow-Methods", corsMethods)
				h.Set("Access-Control-Allow-Headers", corsTaken)
				h.Set("Access-Control-Max-Age", corsMaxAge)
			}
			w.WriteHeader(http.StatusNoContent)
		})
	}
}
