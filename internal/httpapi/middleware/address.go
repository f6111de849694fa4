package middleware

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode/utf8"

	"cartracker/internal/fault"
)

var (
	errPath  = fault.New(fault.Malformed, "bad_request", "the path is not valid UTF-8, or has a NUL")
	errQuery = fault.New(fault.Malformed, "bad_request", "the query is malformed, names a parameter twice, or is not valid UTF-8")
	errRoute = fault.New(fault.NotFound, "not_found", "there is nothing here")
)

// Address refuses paths and queries that no route could take, and makes a
// trailing slash the same route.
func Address(fail Fail) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p := r.URL.Path
			if len(p) > 1 && strings.HasSuffix(p, "/") && strings.HasSuffix(r.URL.EscapedPath(), "/") {
				p = strings.TrimSuffix(p, "/")
				r = r.WithContext(r.Context())
				u := *r.URL
				u.Path, u.RawPath = p, strings.TrimSuffix(u.RawPath, "/")
				r.URL = &u
			}
			switch {
			case !sound(p):
				fail(w, r, errPath)
			case p != path.Clean(p): // the mux would redirect
				fail(w, r, errRoute)
			case !plainQuery(r.URL.RawQuery):
				fail(w, r, errQuery)
			default:
				next.ServeHTTP(w, r)
			}
		})
	}
}

func plainQuery(raw string) bool {
	if raw == "" {
		return true
	}
	q, err := url.ParseQuery(raw)
	if err != nil {
		return false
	}
	for name, values := range q {
		if len(values) > 1 || !sound(name) || !sound(values[0]) {
			return false
		}
	}
	return true
}

func sound(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }
