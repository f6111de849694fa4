// Package httpapi is the JSON API: every route, and nothing but routes.
package httpapi

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"cartracker/internal/audit"
	"cartracker/internal/customers"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/httpapi/middleware"
	"cartracker/internal/identity"
	"cartracker/internal/rental"
	"cartracker/internal/transfer"
)

// An API serves the services that it is given. All of its fields are required,
// except the lists and the flags.
type API struct {
	Identity  *identity.Service
	Fleet     *fleet.Service
	Customers *customers.Service
	Rental    *rental.Service
	Audit     *audit.Service
	Transfer  *transfer.Service
	TempDir   string // for files that are received

	Replays     Replayer
	Fingerprint func(body []byte) string // with a key: a body may hold a password
	Health      func() Health
	Version     string

	Development bool           // anybody may see the route table
	Secure      bool           // clients come by https
	CrossSite   bool           // the web client is on another site
	Origins     []string       // that may use the API from a browser
	Proxies     []netip.Prefix // whose X-Forwarded-For is believed

	huma   huma.API
	routes []Route
}

// A Route is one line of the route table.
type Route struct {
	Method  string  `json:"method"`
	Path    string  `json:"path"`
	Role    string  `json:"role" enum:"anyone,user,employee,admin" doc:"The least role that may."`
	Limiter *string `json:"limiter"`
	Cache   *string `json:"cache"`
}

type humaMux = humago.Mux

func newHumaAPI(mux humaMux, c huma.Config) huma.API { return humago.New(mux, c) }

// Handler returns the routes of a, behind what every request passes. It is
// called once.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	a.huma = newHuma(mux)
	a.authRoutes()
	a.userRoutes()
	a.carRoutes()
	a.customerRoutes()
	a.contractRoutes()
	a.auditRoutes()
	a.importRoutes()
	a.operationsRoutes()
	a.docsRoutes(a.assetRoutes())
	a.completeAnswers()
	return middleware.Chain(unrouted(mux),
		middleware.RequestID,
		middleware.Log,
		middleware.Security(a.Secure),
		middleware.Recover(fail),
		middleware.CORS(a.Origins),
		middleware.Client(a.Proxies),
		middleware.Address(fail),
	)
}

// Routes returns the route table. Handler was called before.
func (a *API) Routes() []Route { return a.routes }

// OpenAPI returns the document that describes the API. Handler was called before.
func (a *API) OpenAPI() *huma.OpenAPI { return a.huma.OpenAPI() }

var (
	errNoRoute = fault.New(fault.NotFound, "not_found", "there is nothing here")
	errMethod  = &Failure{Code: "method_not_allowed", Message: "this route does not take this method", status: http.StatusMethodNotAllowed}
)

// unrouted answers what no route takes in our envelope: the mux knows which
// methods a path takes, and says so to a request that it refuses.
func unrouted(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			middleware.NoteRoute(r, pattern)
			mux.ServeHTTP(w, r)
			return
		}
		refusal := &refused{header: http.Header{}}
		h.ServeHTTP(refusal, r)
		if refusal.status != http.StatusMethodNotAllowed {
			fail(w, r, errNoRoute)
			return
		}
		w.Header().Set("Allow", strings.Join(refusal.header.Values("Allow"), ", "))
		f := *errMethod
		f.RequestID = w.Header().Get("X-Request-Id")
		f.reply().write(w, r)
	})
}

// A refused response keeps what the mux says about a request that it refuses.
type refused struct {
	header http.Header
	status int
}

func (r *refused) Header() http.Header         { return r.header }
func (r *refused) WriteHeader(status int)      { r.status = status }
func (r *refused) Write(b []byte) (int, error) { return len(b), nil }
