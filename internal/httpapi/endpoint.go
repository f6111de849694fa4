package httpapi

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"cartracker/internal/fault"
	"cartracker/internal/httpapi/middleware"
	"cartracker/internal/ident"
	"cartracker/internal/overload"
	"cartracker/internal/page"
	"cartracker/internal/record"
)

// A route is one line of the route table.
type route struct {
	method, path string
	access       record.Access
	tag, summary string
	keyed        bool           // takes an Idempotency-Key
	versioned    bool           // takes an If-Match
	cookie       bool           // the refresh cookie opens it
	errors       []int          // statuses of failures besides those that its kind has
	body         reflect.Type   // what the body is, nil if it has none
	partial      bool           // keys of the body may be left out
	file         bool           // the body is a file, which the handler reads
	status       int            // of success, 200 if 0
	answer       reflect.Type   // what success answers
	kind         string         // its media type, JSON if empty
	limiter      limiter        // by which it is counted
	keeping      *keeping       // how answers are kept; nil if they are not
	idle         bool           // nothing of it comes to the database
	apart        bool           // has a place only while it is at the database, not while something slow is done
	load         overload.Class // None: Read or Write, by its method
}

// asked is the request behind a handler's context, with its body unless that
// is a file.
type asked struct {
	*http.Request
	body   []byte
	writer http.ResponseWriter // of the answer, for its deadlines
	keyed  keyed               // where its answer is kept, if it is
	tried  *bool               // to sign in, or to prove a password
}

type askedKey struct{}

func askedOf(ctx context.Context) asked {
	a, _ := ctx.Value(askedKey{}).(asked)
	return a
}

// register adds a route. Its caller is known, and may, before its parameters
// are looked at; I has the parameters in path and query.
func register[I any](a *API, r route, handle func(context.Context, *I) (reply, error)) {
	a.routes = append(a.routes, r.line())
	var s *shelf
	if r.keeping != nil {
		s = a.newShelf(r)
	}
	a.mux.guard = func(next http.HandlerFunc) http.HandlerFunc { return a.guard(r, s, next) }
	huma.Register(a.huma, a.operation(r), func(ctx context.Context, in *I) (*output, error) {
		rep, err := a.answer(ctx, r, func(ctx context.Context) (reply, error) { return handle(ctx, in) })
		if err != nil {
			rep = failureOf(ctx, err).reply()
		}
		return &output{Body: func(hc huma.Context) {
			req, w := humago.Unwrap(hc)
			rep.write(w, req)
		}}, nil
	})
	a.document(r)
}

// answer returns what a handler answers to the request of ctx, or has answered
// to others. Who waits for an answer to others has no place.
func (a *API) answer(ctx context.Context, r route, handle func(context.Context) (reply, error)) (reply, error) {
	if !r.apart {
		handle = a.placed(handle)
	}
	if k := askedOf(ctx).keyed; k.shelf != nil {
		return k.got(ctx, handle)
	}
	return handle(ctx)
}

// line is what the route table tells of a route.
func (r route) line() Route {
	l := Route{Method: r.method, Path: r.path, Role: r.access.String()}
	if name := r.limiter.name(r.method, r.access); name != "none" {
		l.Limiter = &name
	}
	if r.keeping != nil {
		text := r.keeping.String()
		l.Cache = &text
	}
	return l
}

// A guardedMux puts a guard before each handler that huma registers.
type guardedMux struct {
	*http.ServeMux
	guard func(http.HandlerFunc) http.HandlerFunc // of the route that is being registered
}

// HandleFunc registers a handler behind its guard.
func (m *guardedMux) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	m.ServeMux.HandleFunc(pattern, m.guard(h))
}

// noBody is the shape of a body of which nothing is needed.
var noBody = newShape(reflect.TypeFor[struct{}](), nil, true)

// guard lets a request through to its route once its caller is known, counted
// and may, and its body is read. What is kept is answered here. A request for
// which there is no place is refused before it counts: it will come again.
func (a *API) guard(r route, s *shelf, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		middleware.NoteRoute(w, r.path)
		if r.file {
			middleware.NoteLong(w)
		}
		class := r.class()
		c, known := a.identify(w, req, r.limiter, r.access)
		var k keyed
		var kept *content
		if s != nil {
			k = keyed{s, a.key(s, req, c)}
			kept = k.look()
		}
		if kept == nil && (known == nil || r.access == record.Anyone) && !k.held() {
			if err := a.Gate.Check(class); err != nil {
				fail(w, middleware.As(req, c), err)
				return
			}
		}
		if err := a.allow(w, req, r.limiter, r.access, c, known); err != nil {
			fail(w, middleware.As(req, c), err)
			return
		}
		if kept != nil {
			a.answerKept(w, req, k, kept, c)
			return
		}
		req = middleware.As(req, c)
		in := asked{Request: req, writer: w, keyed: k, tried: new(bool)}
		if r.limiter == signIns {
			defer a.countUntried(req, c, in.tried)
		}
		var err error
		if in.body, err = bodyOf(w, req, r); err != nil {
			fail(w, req, err)
			return
		}
		next(w, req.WithContext(overload.As(context.WithValue(req.Context(), askedKey{}, in), class)))
	}
}

// bodyOf returns the body of a request to a route, unless that is a file.
func bodyOf(w http.ResponseWriter, req *http.Request, r route) ([]byte, error) {
	if r.method == http.MethodGet || r.file {
		return nil, nil
	}
	body, err := readBody(w, req)
	if err == nil && r.body == nil {
		err = noBody.fill(body, "", new(struct{}))
	}
	return body, err
}

// admit tells who asks, counts the request, and refuses it if its caller may
// not.
func (a *API) admit(w http.ResponseWriter, r *http.Request, l limiter, access record.Access) (record.Caller, error) {
	c, known := a.identify(w, r, l, access)
	return c, a.allow(w, r, l, access, c, known)
}

// identify tells who asks, by the access token of a request, or why that cannot
// be told. It takes a look at the database if nobody of that session has asked
// for some time. All requests of the session wait for that look, whatever they
// are for, so it is as important as a sign-in.
func (a *API) identify(w http.ResponseWriter, r *http.Request, l limiter, access record.Access) (record.Caller, error) {
	c := middleware.Visitor(w, r)
	if l == never && access == record.Anyone {
		return c, nil
	}
	token, ok := bearer(r)
	if !ok {
		return c, record.ErrSignIn
	}
	c, err := a.owner(overload.As(r.Context(), overload.SignIn), c, token)
	middleware.NotePerson(w, c.Person)
	return c, err
}

// allow counts a request of c, and refuses it if c may not. Known is why it
// cannot be told who c is.
func (a *API) allow(w http.ResponseWriter, r *http.Request, l limiter, access record.Access, c record.Caller, known error) error {
	if l == never && access == record.Anyone {
		return nil
	}
	if known != nil && fault.Of(known).Kind != fault.Unauthenticated {
		return known
	}
	if err := a.count(w, r, l, c); err != nil {
		return err
	}
	if access == record.Anyone {
		return nil
	}
	return cmp.Or(known, access.Allow(c))
}

// owner returns c as the owner of an access token.
func (a *API) owner(ctx context.Context, c record.Caller, token string) (record.Caller, error) {
	p, session, err := a.Identity.Authenticate(ctx, token)
	if err != nil {
		return c, err
	}
	a.Activity.Note(p.ID)
	c.Person, c.SessionID = p, string(session)
	return c, nil
}

// as returns a context in which the owner of an access token asks.
func (a *API) as(ctx context.Context, token string, access record.Access) (context.Context, error) {
	c, err := a.owner(ctx, record.CallerOf(ctx), token)
	if err != nil {
		return ctx, err
	}
	return record.As(ctx, c), access.Allow(c)
}

func bearer(r *http.Request) (string, bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer") && token != ""
}

var errID = fault.New(fault.Malformed, "bad_request", "the id in the path is malformed")

// A named is the part of a path that names a record.
type named interface{ ref() (string, error) }

// IDPath names a record by its id.
type IDPath struct {
	ID string `path:"id" format:"uuid"`
}

func (p IDPath) ref() (string, error) {
	id := strings.ToLower(p.ID)
	if !ident.Valid(id) {
		return "", errID
	}
	return id, nil
}

func byID(_ context.Context, p IDPath) (string, error) { return p.ref() }

// CarPath names a car by its id or its license plate.
type CarPath struct {
	Car string `path:"car" doc:"The car's id or license plate."`
}

func (p CarPath) ref() (string, error) {
	if id := strings.ToLower(p.Car); ident.Valid(id) {
		return id, nil
	}
	return p.Car, nil
}

// The adapters below turn a service method into a route. A resource uses those
// it needs; what fits none of them is registered by hand.

func list[F, T any](a *API, r route, do func(context.Context, F) (page.Of[T], error)) {
	r.method, r.answer = http.MethodGet, reflect.TypeFor[success[[]T]]()
	register(a, r, func(ctx context.Context, f *F) (reply, error) {
		return paged(do(ctx, *f))
	})
}

func paged[T any](p page.Of[T], err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	body, err := encodePage(p)
	return reply{status: http.StatusOK, body: body, tagged: true}, err
}

func show[P named, T any](a *API, r route, do func(context.Context, string) (T, error)) {
	r.method, r.answer = http.MethodGet, reflect.TypeFor[success[T]]()
	register(a, r, func(ctx context.Context, p *P) (reply, error) {
		ref, err := (*p).ref()
		if err != nil {
			return reply{}, err
		}
		return one(do(ctx, ref))
	})
}

// one makes a reply with a record and its ETag.
func one[T any](v T, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	rep, err := data(http.StatusOK, v)
	rep.tagged = true
	if n, ok := version(v); ok {
		rep.version = strconv.Itoa(n)
	}
	return rep, err
}

// version returns the Version of a record, if it has one.
func version(v any) (int, bool) {
	rv := reflect.ValueOf(v)
	if rv.Kind() != reflect.Struct {
		return 0, false
	}
	f := rv.FieldByName("Version")
	if !f.IsValid() || f.Kind() != reflect.Int {
		return 0, false
	}
	return int(f.Int()), true
}

// create adds the route that makes a T of a draft. The same Idempotency-Key
// makes one only.
func create[D, T any](a *API, r route, id func(T) string, do func(context.Context, func(*D) error) (T, error)) {
	createIn2(a, r, id, func(_ context.Context, fill func(*D) error) (func(context.Context) (T, error), error) {
		return func(ctx context.Context) (T, error) { return do(ctx, fill) }, nil
	})
}

// createIn2 is create for a T of which something slow has to be prepared: it
// must not hold up the transaction that keeps an Idempotency-Key.
func createIn2[D, T any](a *API, r route, id func(T) string, prepare func(context.Context, func(*D) error) (func(context.Context) (T, error), error)) {
	r.method, r.status, r.keyed, r.apart = http.MethodPost, http.StatusCreated, true, true
	r.body, r.answer = reflect.TypeFor[D](), reflect.TypeFor[success[T]]()
	s := newShape(r.body, reflect.TypeFor[T](), true)
	register(a, r, func(ctx context.Context, _ *struct{}) (reply, error) {
		do, err := prepare(ctx, func(d *D) error { return s.fill(askedOf(ctx).body, "", d) })
		if err != nil {
			return reply{}, err
		}
		return a.once(ctx, r, func(ctx context.Context) (reply, error) {
			v, err := do(ctx)
			if err != nil {
				return reply{}, err
			}
			rep, err := data(http.StatusCreated, v)
			rep.location = r.path + "/" + id(v)
			return rep, err
		})
	})
}

// amend adds the two routes that change a T: fields that the body leaves out
// keep their value. resolve turns the path into the record's id.
func amend[P, D, T any](a *API, r route, resolve func(context.Context, P) (string, error), do func(context.Context, string, int, func(*D) error) (T, error)) {
	r.versioned, r.partial = true, true
	r.body, r.answer = reflect.TypeFor[D](), reflect.TypeFor[success[T]]()
	s := newShape(r.body, reflect.TypeFor[T](), false)
	for _, method := range []string{http.MethodPut, http.MethodPatch} {
		r.method = method
		register(a, r, func(ctx context.Context, p *P) (reply, error) {
			id, err := resolve(ctx, *p)
			if err != nil {
				return reply{}, err
			}
			return one(matching(ctx, func(version int) (T, error) {
				return do(ctx, id, version, func(d *D) error { return s.fill(askedOf(ctx).body, id, d) })
			}))
		})
	}
}

// remove adds the route that deletes a record, and tells what became of it.
func remove[P named](a *API, r route, do func(ctx context.Context, ref string, version int) (string, error)) {
	r.method, r.versioned, r.answer = http.MethodDelete, true, reflect.TypeFor[success[*struct{}]]()
	register(a, r, func(ctx context.Context, p *P) (reply, error) {
		ref, err := (*p).ref()
		if err != nil {
			return reply{}, err
		}
		message, err := matching(ctx, func(version int) (string, error) { return do(ctx, ref, version) })
		if err != nil {
			return reply{}, err
		}
		return nothing(message)
	})
}

// matching does something to the version of a record that the request's
// If-Match names. Where it names several, the first that is there.
func matching[T any](ctx context.Context, do func(version int) (T, error)) (v T, err error) {
	err = record.ErrStale // names that no version of ours can have
	for _, version := range wanted(askedOf(ctx).Header) {
		if v, err = do(version); !errors.Is(err, record.ErrStale) {
			return v, err
		}
	}
	return v, err
}

// maxTags bounds how many versions an If-Match can name.
const maxTags = 16

// wanted returns the versions that an If-Match names, record.AnyVersion if
// there is none.
func wanted(h http.Header) []int {
	tags := etags(strings.Join(h.Values("If-Match"), ","))
	if len(tags) == 0 && h.Get("If-Match") == "" || slices.Contains(tags, "*") {
		return []int{record.AnyVersion}
	}
	var versions []int
	for _, t := range tags {
		v, _, _ := strings.Cut(t, "-")
		n, err := strconv.Atoi(v)
		if err == nil && n > 0 && len(versions) < maxTags && !slices.Contains(versions, n) {
			versions = append(versions, n)
		}
	}
	return versions
}
