package middleware

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"cartracker/internal/observe"
	"cartracker/internal/record"
)

// maxUserAgent is how many bytes of a User-Agent are kept.
const maxUserAgent = 512

// Client notes in the context from where a request comes. Behind proxies, that
// is the right-most hop of X-Forwarded-For that is not one of them.
func Client(proxies []netip.Prefix) Middleware {
	var warn sync.Once
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			peer := address(r.RemoteAddr)
			ip, forwarded := peer, r.Header.Values("X-Forwarded-For")
			if trusted(proxies, peer) {
				ip = rightmost(proxies, peer, forwarded)
			} else if len(forwarded) > 0 {
				warn.Do(func() {
					slog.WarnContext(r.Context(), "X-Forwarded-For comes from a peer that is not in TRUSTED_PROXIES and is ignored", "peer", peer)
				})
			}
			c := record.Caller{IP: ip, UserAgent: plain(r.UserAgent()), RequestID: observe.RequestID(r.Context())}
			next.ServeHTTP(w, r.WithContext(record.As(r.Context(), c)))
		})
	}
}

// address returns the IP address in host:port.
func address(hostport string) string {
	a, err := netip.ParseAddrPort(hostport)
	if err != nil {
		return ""
	}
	return a.Addr().Unmap().WithZone("").String()
}

func trusted(proxies []netip.Prefix, ip string) bool {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	for _, p := range proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// rightmost goes from the peer back towards the client for as long as the hops
// are proxies of ours. What is left of a hop that is none is hearsay.
func rightmost(proxies []netip.Prefix, peer string, forwarded []string) string {
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	ip := peer
	for i := len(hops) - 1; i >= 0 && trusted(proxies, ip); i-- {
		a, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return ip
		}
		ip = a.Unmap().WithZone("").String()
	}
	return ip
}

// plain makes s text that any database takes.
func plain(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
	if len(s) > maxUserAgent {
		s = strings.ToValidUTF8(s[:maxUserAgent], "")
	}
	return s
}
