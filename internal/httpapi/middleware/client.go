package middleware

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"cartracker/internal/observe"
)

// maxUserAgent is how many bytes of a User-Agent are kept.
const maxUserAgent = 512

// A client tells where requests come from.
type client struct {
	proxies []netip.Prefix
	warn    sync.Once
}

// address returns the address from which the request with this id comes.
func (c *client) address(r *http.Request, id string) string {
	peer, forwarded := address(r.RemoteAddr), r.Header["X-Forwarded-For"]
	if len(forwarded) == 0 {
		return peer
	}
	if trusted(c.proxies, peer) {
		return rightmost(c.proxies, peer, forwarded)
	}
	c.warn.Do(func() {
		slog.WarnContext(observe.WithRequestID(r.Context(), id), "X-Forwarded-For comes from a peer that is not in TRUSTED_PROXIES and is ignored", "peer", peer)
	})
	return peer
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
		a, err := parseHop(strings.TrimSpace(hops[i]))
		if err != nil {
			return ip
		}
		ip = a.Unmap().WithZone("").String()
	}
	return ip
}

// parseHop reads an address, behind which some proxies write a port.
func parseHop(hop string) (netip.Addr, error) {
	if withPort, err := netip.ParseAddrPort(hop); err == nil {
		return withPort.Addr(), nil
	}
	return netip.ParseAddr(hop)
}

// plain makes s text that any database takes.
func plain(s string) string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
	if len(s) > maxUserAgent {
		s = strings.ToValidUTF8(s[:maxUserAgent], "")
	}
	return s
}
