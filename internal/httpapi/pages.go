package httpapi

import (
	"context"
	"net/http"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/httpapi/middleware"
	"cartracker/internal/identity"
	"cartracker/internal/overload"
	"cartracker/internal/record"
)

// A Page is served to people in a browser, beside the API. It is no route of
// the API: its answers are not JSON, and the document does not describe it.
type Page struct {
	Method, Path string
	Access       record.Access // who may see it, of those whom the cookie tells; Serve asks
	Serve        http.Handler
	Fail         func(http.ResponseWriter, *http.Request, error) // answers with an error
}

// pageRoutes puts the pages behind what every request passes.
func (a *API) pageRoutes() {
	for _, p := range a.Pages {
		a.mux.ServeMux.Handle(p.Method+" "+p.Path, a.guardPage(p))
		a.pages = append(a.pages, route{method: p.Method, path: p.Path, access: p.Access, limiter: p.limiter()}.line())
	}
}

// limiter is that of the route of the API which does the same: forms sign in,
// or count by themselves what else they do. Of a page that not everybody may
// see, it counts the one who is signed in, as routes do, and nobody else of
// their office.
func (p Page) limiter() limiter {
	if p.Method == http.MethodPost {
		return signIns
	}
	return byCaller
}

// guardPage lets a request through to a page as guard does to a route. Nobody
// has a bearer token there.
func (a *API) guardPage(p Page) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		middleware.NoteRoute(w, p.Path)
		c := middleware.Visitor(w, req)
		req = middleware.As(req, c)
		err := a.Gate.Check(overload.SignIn)
		if err == nil {
			err = a.countPage(w, req, p, c)
		}
		if err != nil {
			p.Fail(w, req, err)
			return
		}
		in := asked{Request: req, writer: w, tried: new(bool)}
		if p.limiter() == signIns {
			defer a.countUntried(req, c, in.tried)
		}
		ctx := overload.As(context.WithValue(req.Context(), askedKey{}, in), overload.SignIn)
		p.Serve.ServeHTTP(w, req.WithContext(ctx))
	})
}

// countPage counts a request for a page. Whom the cookie tells is counted by
// Admin, and until then only looked at.
func (a *API) countPage(w http.ResponseWriter, r *http.Request, p Page, c record.Caller) error {
	if p.Access != record.Anyone {
		return a.MayTry(record.As(r.Context(), c))
	}
	return a.count(w, r, p.limiter(), c)
}

// The methods below are what pages need of the API, behind guardPage.

// SignIn signs in whoever has this user name or e-mail address and password,
// and sets their cookie.
func (a *API) SignIn(w http.ResponseWriter, r *http.Request, login string, p identity.Password) error {
	in := loginBody{Username: login, Password: p}
	if err := in.check(); err != nil {
		return err
	}
	pass, err := a.signIn(r.Context(), in)
	if err == nil {
		http.SetCookie(w, a.newCookie(pass.Refresh, pass.ExpiresAt.Time()))
	}
	return err
}

// SignOut ends the session of the cookie, and takes the cookie away.
func (a *API) SignOut(w http.ResponseWriter, r *http.Request) error {
	who, err := a.byCookie(r.Context())
	if err == nil {
		err = a.Identity.Logout(who, false)
	}
	if err != nil && !unauthenticated(err) {
		return err
	}
	http.SetCookie(w, a.newCookie("", time.Time{}))
	return nil
}

// Visitor returns who is signed in by the cookie of a request; ErrSignIn if
// nobody is. It only tells: any site may lead here.
func (a *API) Visitor(r *http.Request) (record.Person, error) {
	if !a.hasCookie(r) {
		return record.Person{}, record.ErrSignIn
	}
	p, _, err := a.Identity.Recognize(r.Context(), a.RefreshToken(r))
	return p, err
}

// Admin returns the admin who is signed in by the cookie of a request; ErrSignIn
// if nobody is, ErrForbidden if it is somebody else, or a page of another site
// leads here. Nothing is changed by it, and the session lasts no longer.
func (a *API) Admin(w http.ResponseWriter, r *http.Request) (record.Person, error) {
	c := record.CallerOf(r.Context())
	token, err := a.cookie(r)
	if err == nil {
		c.Person, _, err = a.Identity.Recognize(r.Context(), token)
	}
	if err == nil {
		err = record.Require(record.As(r.Context(), c), record.AdminOnly)
	}
	middleware.NotePerson(w, c.Person)
	if fault.Of(err).Kind == fault.Unavailable { // nobody can be told from anybody
		return record.Person{}, err
	}
	if refused := a.count(w, r, byCaller, c); refused != nil {
		return record.Person{}, refused
	}
	return c.Person, err
}

// Forgot asks for a mail with a link for whoever has this address. Each call
// counts as a failed sign-in does.
func (a *API) Forgot(r *http.Request, email string) error {
	in := askedOf(r.Context())
	*in.tried = true
	if err := a.count(in.writer, r, everySign, record.CallerOf(r.Context())); err != nil {
		return err
	}
	return a.Identity.Forgot(r.Context(), email)
}

// LinkOwner returns whom a link from a mail belongs to; identity.ErrLink if it
// cannot be used. It uses nothing up.
func (a *API) LinkOwner(r *http.Request, token string) (identity.User, error) {
	u, _, err := a.Identity.LinkOwner(r.Context(), token)
	return u, err
}

// SetPassword sets the password that a link from a mail is for.
func (a *API) SetPassword(r *http.Request, token string, next identity.Password) error {
	return a.setPasswordBy(r.Context(), token, next)
}

// Explain returns with which status an error is answered, and after how many
// seconds it is worth trying again, 0 if that is not known. It logs what
// nobody may be told.
func (a *API) Explain(r *http.Request, err error) (status, retryAfter int) {
	f := failureOf(r.Context(), err)
	return f.status, f.RetryAfter
}
