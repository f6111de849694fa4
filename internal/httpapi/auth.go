package httpapi

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"time"

	"cartracker/internal/fault"
	"cartracker/internal/identity"
	"cartracker/internal/overload"
	"cartracker/internal/record"
)

const authTag = "Sign-in"

// A loginBody is what signs somebody in.
type loginBody struct {
	Username string            `json:"username" minLength:"1" maxLength:"254" doc:"User name or e-mail address."`
	Password identity.Password `json:"password" minLength:"1" maxLength:"1024"`
}

// A Profile is who signed in. It stands in the envelope and, for old clients, beside it.
type Profile struct {
	ID          record.UserID `json:"id"`
	Username    string        `json:"username"`
	Email       string        `json:"email"`
	Role        record.Role   `json:"role" enum:"admin,employee,user"`
	AccessToken string        `json:"accessToken,omitempty"`
}

type namedProfile struct {
	Profile
	Name *string `json:"name"`
}

type loginAnswer struct {
	Success bool         `json:"success"`
	Data    namedProfile `json:"data"`
	Profile
}

type sessionAnswer struct {
	Success       bool `json:"success"`
	Authenticated bool `json:"authenticated"`
	Profile
}

type logoutBody struct {
	Everywhere bool `json:"everywhere" default:"false" doc:"End all of the user's sessions."`
}

type setupBody struct {
	Code string `json:"code" minLength:"1" maxLength:"100" doc:"Printed at start, and in DATA_DIR/setup-code."`
	identity.Registration
}

type setupState struct {
	Needed bool `json:"needed"`
}

func (a *API) authRoutes() {
	at := func(method, path, summary string, body, answer reflect.Type) route {
		return route{method: method, path: "/api/auth/" + path, tag: authTag, summary: summary, body: body, answer: answer, load: overload.SignIn, apart: true}
	}
	r := at("POST", "login", "Sign in", reflect.TypeFor[loginBody](), reflect.TypeFor[loginAnswer]())
	r.errors, r.limiter = []int{http.StatusUnauthorized}, signIns
	register(a, r, a.login)
	r = at("POST", "refresh", "Get a new access token for the refresh cookie", nil, reflect.TypeFor[loginAnswer]())
	r.cookie, r.errors, r.limiter = true, []int{http.StatusUnauthorized, http.StatusForbidden}, signIns
	register(a, r, a.refresh)
	r = at("GET", "session-check", "Tell who is signed in", nil, reflect.TypeFor[sessionAnswer]())
	r.cookie, r.errors, r.limiter = true, []int{http.StatusUnauthorized, http.StatusForbidden}, strangers
	register(a, r, a.sessionCheck)
	r = at("POST", "logout", "Sign out", reflect.TypeFor[logoutBody](), reflect.TypeFor[success[*struct{}]]())
	r.partial, r.cookie, r.errors, r.limiter = true, true, []int{http.StatusForbidden}, strangers
	register(a, r, a.logout)
	user := reflect.TypeFor[success[identity.User]]()
	r = at("POST", "register", "Make an account, where that is allowed", reflect.TypeFor[identity.Registration](), user)
	r.status, r.errors, r.limiter = http.StatusCreated, []int{http.StatusForbidden, http.StatusConflict}, everySign
	register(a, r, a.signUp)
	a.linkRoutes(at)
	r = at("GET", "setup", "Tell whether the first admin is still to be made", nil, reflect.TypeFor[success[setupState]]())
	r.errors = []int{http.StatusNotFound}
	register(a, r, a.setupState)
	r = at("POST", "setup", "Make the first admin", reflect.TypeFor[setupBody](), user)
	r.status, r.errors = http.StatusCreated, []int{http.StatusUnauthorized, http.StatusNotFound, http.StatusConflict}
	r.limiter = signIns
	register(a, r, a.setUp)
}

var (
	loginShape    = newShape(reflect.TypeFor[loginBody](), nil, true)
	logoutShape   = newShape(reflect.TypeFor[logoutBody](), nil, false)
	registerShape = newShape(reflect.TypeFor[identity.Registration](), nil, true)
	setupShape    = newShape(reflect.TypeFor[setupBody](), nil, true)
)

func (a *API) login(ctx context.Context, _ *struct{}) (reply, error) {
	var in loginBody
	filled := loginShape.fill(askedOf(ctx).body, "", &in)
	if err := fault.All(filled, in.check()); err != nil {
		return reply{}, err
	}
	pass, err := a.signIn(ctx, in)
	if err != nil {
		return reply{}, err
	}
	return a.passed(pass)
}

func (in loginBody) check() error {
	var bad fault.Fields
	record.CheckText(&bad, "username", in.Username, 1, 254)
	record.CheckText(&bad, "password", in.Password.Reveal(), 1, 1024)
	return bad.Err()
}

// signIn signs somebody in, unless too many have failed.
func (a *API) signIn(ctx context.Context, in loginBody) (pass identity.Pass, err error) {
	err = a.attempt(ctx, attempt{
		account: func(ctx context.Context) (string, error) { return a.Identity.Account(ctx, in.Username) },
		failed:  unauthenticated,
		try: func(ctx context.Context) (err error) {
			pass, err = a.Identity.Login(ctx, in.Username, in.Password)
			return err
		},
	})
	return pass, err
}

func unauthenticated(err error) bool { return fault.Of(err).Kind == fault.Unauthenticated }

func (a *API) refresh(ctx context.Context, _ *struct{}) (reply, error) {
	token, err := a.cookie(askedOf(ctx).Request)
	if err != nil {
		return reply{}, err
	}
	var pass identity.Pass
	err = a.attempt(ctx, attempt{certain: true, failed: unauthenticated, try: func(ctx context.Context) (err error) {
		pass, err = a.Identity.Renew(ctx, token)
		return err
	}})
	if err != nil {
		return a.signedOut(ctx, err), nil
	}
	return a.passed(pass)
}

// passed answers with the tokens of a pass.
func (a *API) passed(p identity.Pass) (reply, error) {
	who := profileOf(p.Person, p.Email, p.Access)
	rep, err := jsonReply(http.StatusOK, loginAnswer{Success: true, Data: namedProfile{who, p.Person.Name}, Profile: who})
	rep.secret = true
	rep.cookies = []*http.Cookie{a.newCookie(p.Refresh, p.ExpiresAt.Time())}
	return rep, err
}

// signedOut answers with an error and takes a cookie away that opens nothing any more.
func (a *API) signedOut(ctx context.Context, err error) reply {
	rep := failureOf(ctx, err).reply()
	if errors.Is(err, record.ErrSignIn) {
		rep.cookies = []*http.Cookie{a.newCookie("", time.Time{})}
	}
	return rep
}

func profileOf(p record.Person, email, token string) Profile {
	return Profile{ID: p.ID, Username: p.Username, Email: email, Role: p.Role, AccessToken: token}
}

// sessionCheck tells who a bearer token belongs to, if it is valid, else who
// the cookie belongs to.
func (a *API) sessionCheck(ctx context.Context, _ *struct{}) (reply, error) {
	answer, err := a.session(ctx)
	if err == nil {
		rep, err := jsonReply(http.StatusOK, sessionAnswer{Success: true, Authenticated: true, Profile: answer})
		rep.secret = true
		return rep, err
	}
	f := failureOf(ctx, err)
	if f.status == http.StatusUnauthorized {
		f.Authenticated = new(bool)
	}
	return f.reply(), nil
}

func (a *API) session(ctx context.Context) (Profile, error) {
	r := askedOf(ctx).Request
	token, ok := bearer(r)
	bearerErr := record.ErrSignIn
	if ok {
		signedIn, err := a.as(ctx, token, record.SignedIn)
		if err == nil {
			u, err := a.Identity.Me(signedIn)
			return profileOf(u.Person(), u.Email, ""), err
		}
		if fault.Of(err).Kind != fault.Unauthenticated {
			return Profile{}, err
		}
		bearerErr = fault.Of(err)
	}
	if !a.hasCookie(r) {
		return Profile{}, bearerErr
	}
	cookie, err := a.cookie(r)
	if err != nil {
		return Profile{}, err
	}
	pass, err := a.Identity.Check(ctx, cookie)
	return profileOf(pass.Person, pass.Email, pass.Access), err
}

func (a *API) logout(ctx context.Context, _ *struct{}) (reply, error) {
	var in logoutBody
	if err := logoutShape.fill(askedOf(ctx).body, "", &in); err != nil {
		return reply{}, err
	}
	for _, leaving := range []func(context.Context) (context.Context, error){a.byBearer, a.byCookie} {
		who, err := leaving(ctx)
		if err == nil {
			err = a.Identity.Logout(who, in.Everywhere)
		}
		if err != nil && fault.Of(err).Kind != fault.Unauthenticated {
			return reply{}, err
		}
	}
	rep, err := nothing("signed out")
	rep.cookies = []*http.Cookie{a.newCookie("", time.Time{})}
	return rep, err
}

// byBearer returns a context in which the owner of the bearer token asks.
func (a *API) byBearer(ctx context.Context) (context.Context, error) {
	token, ok := bearer(askedOf(ctx).Request)
	if !ok {
		return ctx, record.ErrSignIn
	}
	return a.as(ctx, token, record.SignedIn)
}

// byCookie returns a context in which the owner of the refresh cookie asks.
func (a *API) byCookie(ctx context.Context) (context.Context, error) {
	token, err := a.cookie(askedOf(ctx).Request)
	if err != nil {
		return ctx, err
	}
	p, session, err := a.Identity.Recognize(ctx, token)
	if err != nil {
		return ctx, err
	}
	c := record.CallerOf(ctx)
	c.Person, c.SessionID = p, string(session)
	return record.As(ctx, c), nil
}

func (a *API) signUp(ctx context.Context, _ *struct{}) (reply, error) {
	u, err := a.Identity.Register(ctx, func(r *identity.Registration) error {
		return registerShape.fill(askedOf(ctx).body, "", r)
	})
	if err != nil {
		return reply{}, err
	}
	return newUser(u)
}

func newUser(u identity.User) (reply, error) {
	rep, err := data(http.StatusCreated, u)
	rep.location = "/api/users/" + string(u.ID)
	return rep, err
}

func (a *API) setupState(ctx context.Context, _ *struct{}) (reply, error) {
	needed, err := a.Identity.SetupNeeded(ctx)
	if err != nil {
		return reply{}, err
	}
	if !needed {
		return reply{}, identity.ErrNoSetup
	}
	return data(http.StatusOK, setupState{Needed: true})
}

func (a *API) setUp(ctx context.Context, _ *struct{}) (reply, error) {
	var in setupBody
	var bad fault.Fields
	filled := setupShape.fill(askedOf(ctx).body, "", &in)
	record.CheckText(&bad, "code", in.Code, 1, 100)
	var u identity.User
	err := a.attempt(ctx, attempt{failed: unauthenticated, try: func(ctx context.Context) (err error) {
		u, err = a.Identity.SetUp(ctx, in.Code, func(r *identity.Registration) error {
			*r = in.Registration
			return fault.All(filled, bad.Err())
		})
		return err
	}})
	if err != nil {
		return reply{}, err
	}
	return newUser(u)
}

var errForeign = record.ErrForbidden.Say("this site may not use the session's cookie")

func (a *API) cookieName() string {
	if a.Secure {
		return "__Host-refreshToken"
	}
	return "refreshToken"
}

// newCookie returns the cookie that holds a refresh token until it expires; an
// empty token takes it away.
func (a *API) newCookie(token string, expires time.Time) *http.Cookie {
	c := &http.Cookie{
		Name: a.cookieName(), Value: token, Path: "/", HttpOnly: true, Secure: a.Secure,
		SameSite: http.SameSiteLaxMode, Expires: expires,
	}
	if a.Secure && a.CrossSite {
		c.SameSite, c.Partitioned = http.SameSiteNoneMode, true
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c
}

func (a *API) hasCookie(r *http.Request) bool { return a.RefreshToken(r) != "" }

// cookie returns the refresh token of a request that comes from a page which
// may use it.
func (a *API) cookie(r *http.Request) (string, error) {
	if !a.hasCookie(r) {
		return "", record.ErrSignIn
	}
	if a.Foreign(r) {
		return "", errForeign
	}
	return a.RefreshToken(r), nil
}
