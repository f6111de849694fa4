package httpapi

import (
	"net/http"
	"slices"
	"strings"
)

// Foreign reports whether Origin or Sec-Fetch-Site says that a request was sent
// by a page of a site that is not allowed. Programs send neither.
func (a *API) Foreign(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		scheme, host, _ := strings.Cut(origin, "://")
		own := host == r.Host && (scheme == "https" || scheme == "http" && !a.Secure)
		return !own && !slices.Contains(a.Origins, origin)
	}
	site := r.Header.Get("Sec-Fetch-Site")
	return site != "" && site != "same-origin" && site != "none"
}
