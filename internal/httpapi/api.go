// Package httpapi is the JSON API: every route, and nothing but routes.
package httpapi

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cartracker/internal/audit"
	"cartracker/internal/cache"
	"cartracker/internal/customers"
	"cartracker/internal/date"
	"cartracker/internal/fault"
	"cartracker/internal/fleet"
	"cartracker/internal/httpapi/middleware"
	"cartracker/internal/identity"
	"cartracker/internal/notifications"
	"cartracker/internal/observe"
	"cartracker/internal/observe/metrics"
	"cartracker/internal/overload"
	"cartracker/internal/ratelimit"
	"cartracker/internal/record"
	"cartracker/internal/rental"
	"cartracker/internal/transfer"
)

// An API serves the services that it is given. All of its fields are required,
// except the lists, the flags, Report, SlowRequest, Tracer, Pages and Realtime.
type API struct {
	Identity      *identity.Service
	Fleet         *fleet.Service
	Customers     *customers.Service
	Rental        *rental.Service
	Audit         *audit.Service
	Notifications *notifications.Service
	Activity      *identity.Activity
	Transfer      *transfer.Service
	Mails         MailQueue
	TempDir       string // for files that are received

	Cache    cache.Cache
	Limiter  ratelimit.Limiter
	Attempts *ratelimit.Attempts
	Limits   Limits
	Gate     *overload.Gate
	Today    func() date.Date // in the business's zone
	Metrics  *metrics.Set

	Replays     Replayer
	Fingerprint func(body []byte) string // with a key: a body may hold a password
	Health      func() Health
	Version     string
	Report      observe.Report // told of what goes wrong; nil: nobody is

	LogLevel    *slog.LevelVar
	SlowRequest time.Duration  // above which a warning is logged; 0: none is
	Tracer      observe.Tracer // keeps traces; nil: none are kept

	Development bool           // anybody may see the route table
	Secure      bool           // clients come by https
	CrossSite   bool           // the web client is on another site
	Origins     []string       // that may use the API from a browser
	Proxies     []netip.Prefix // whose X-Forwarded-For is believed
	Pages       []Page         // that are served beside the API
	Realtime    http.Handler   // serves sockets; nil: none are served

	mux      *guardedMux
	huma     huma.API
	routes   []Route
	pages    []Route // and sockets
	shelves  []*shelf
	policies map[ratelimit.Rule]policy
}

// A Route is one line of the route table.
type Route struct {
	Method  string  `json:"method"`
	Path    string  `json:"path"`
	Role    string  `json:"role" enum:"anyone,user,employee,admin" doc:"The least role that may."`
	Limiter *string `json:"limiter"`
	Cache   *string `json:"cache"`
}

// Handler returns the routes of a, behind what every request passes. It is
// called once.
func (a *API) Handler() http.Handler {
	a.mux = &guardedMux{ServeMux: http.NewServeMux()}
	a.huma = newHuma(a.mux)
	a.policies = a.Limits.policies()
	a.authRoutes()
	a.userRoutes()
	a.carRoutes()
	a.customerRoutes()
	a.contractRoutes()
	a.notificationRoutes()
	a.activityRoutes()
	a.auditRoutes()
	a.importRoutes()
	a.operationsRoutes()
	a.cacheRoutes()
	a.logRoutes()
	a.mailRoutes()
	a.docsRoutes(a.assetRoutes())
	a.completeAnswers()
	a.pageRoutes()
	a.realtimeRoutes()
	a.mux.ServeMux.HandleFunc("/", a.unrouted)
	return middleware.Chain(http.HandlerFunc(a.routed),
		middleware.Measure(a.Metrics.Requests),
		middleware.Visit(a.Proxies),
		middleware.Trace(a.Tracer, a.Proxies),
		middleware.Report(a.Report),
		middleware.Log(a.SlowRequest),
		middleware.Security(a.Secure),
		middleware.Recover(fail),
		middleware.CORS(a.Origins),
		middleware.Address(a.refuse),
	)
}

// routed lets the mux find the route of a request. It would answer one for the
// whole server, such as OPTIONS *, past our envelope.
func (a *API) routed(w http.ResponseWriter, r *http.Request) {
	if r.RequestURI == "*" {
		a.unrouted(w, r)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// Routes returns the route table of the API, without pages. Handler was called before.
func (a *API) Routes() []Route { return a.routes }

// OpenAPI returns the document that describes the API. Handler was called before.
func (a *API) OpenAPI() *huma.OpenAPI { return a.huma.OpenAPI() }

var (
	errNoRoute = fault.New(fault.NotFound, "not_found", "there is nothing here")
	errMethod  = &Failure{Code: "method_not_allowed", Message: "this route does not take this method", status: http.StatusMethodNotAllowed}
)

// refuse answers a request that no route can take. It counts as any other.
func (a *API) refuse(w http.ResponseWriter, r *http.Request, err error) {
	c, refused := a.admit(w, r, byCaller, record.Anyone)
	if refused != nil {
		err = refused
	}
	fail(w, middleware.As(r, c), err)
}

// methods are those that routes take.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}

// unrouted answers what no route takes. The mux knows which methods the path takes.
func (a *API) unrouted(w http.ResponseWriter, r *http.Request) {
	c, err := a.admit(w, r, byCaller, record.Anyone)
	r = middleware.As(r, c)
	if err != nil {
		fail(w, r, err)
		return
	}
	var allowed []string
	for _, m := range methods {
		probe := &http.Request{Method: m, URL: r.URL, Host: r.Host}
		if _, pattern := a.mux.Handler(probe); pattern != "/" {
			allowed = append(allowed, m)
		}
	}
	if allowed == nil {
		fail(w, r, errNoRoute)
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	f := *errMethod
	f.RequestID = observe.RequestID(r.Context())
	f.reply().write(w, r)
}
