package middleware

import "net/http"

// Values of headers that every answer has. Nobody changes them.
var (
	noSniff    = []string{"nosniff"}
	noFrames   = []string{"DENY"}
	noReferrer = []string{"no-referrer"}
	nothing    = []string{"default-src 'none'; frame-ancestors 'none'"}
	onlyHTTPS  = []string{"max-age=31536000"}
	varies     = []string{"Origin, Authorization, Accept-Encoding"}
)

// Security sets the headers that tell browsers what not to do with any answer.
// Secure says that clients reach the program by https.
func Security(secure bool) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h["X-Content-Type-Options"] = noSniff
			h["X-Frame-Options"] = noFrames
			h["Referrer-Policy"] = noReferrer
			h["Content-Security-Policy"] = nothing
			if secure {
				h["Strict-Transport-Security"] = onlyHTTPS
			}
			h["Vary"] = varies
			next.ServeHTTP(w, r)
		})
	}
}
