package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// A Wire leads to a server, and can be cut so that what is sent over it vanishes.
type Wire struct {
	s     *Server
	proxy *toxiproxy.Proxy
}

// Wire lays a wire to s, which is gone when the test ends.
func (s *Server) Wire() *Wire {
	s.t.Helper()
	w := &Wire{s: s, proxy: toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop()), "wire", "127.0.0.1:0", s.Addr())}
	if err := w.proxy.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(w.proxy.Stop)
	return w
}

// URL returns the address of a database at the other end.
func (w *Wire) URL(database string) string {
	u, err := url.Parse(w.s.URL(database))
	if err != nil {
		w.s.t.Fatal(err)
	}
	u.Host = w.proxy.Listen
	return u.String()
}

// Cut lets all that is sent vanish, in both directions. Connections stay open,
// and new ones are accepted.
func (w *Wire) Cut() {
	w.s.t.Helper()
	for _, stream := range []string{"upstream", "downstream"} {
		toxic := fmt.Sprintf(`{"name": %q, "type": "timeout", "stream": %[1]q, "attributes": {"timeout": 0}}`, stream)
		if _, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			w.s.t.Fatal(err)
		}
	}
}

// Mend lets new connections through again. Those that were cut end.
func (w *Wire) Mend() { w.proxy.Toxics.ResetToxics(context.Background()) }
