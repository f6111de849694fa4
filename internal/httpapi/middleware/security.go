package middleware

import "net/http"

// Security sets the headers that tell browsers what not to do with any answer.
// Secure says that clients reach the program by https.
func Security(secure bool) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("X-Frame-Options", "DENY")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
			if secure {
				h.Set("Strict-Transport-Security", "max-age=31536000")
			}
			h.Set("Vary", "Origin, Authorization, Accept-Encoding")
			next.ServeHTTP(w, r)
		})
	}
}
