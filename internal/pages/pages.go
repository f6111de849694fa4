// Package pages has the few pages that the program serves to people in a
// browser: to sign in, to set a password by the link in a mail, and to see how
// the program is. They need no script.
package pages

import (
	"net/http"
	"net/url"
	"strings"

	"cartracker/internal/identity"
	"cartracker/internal/record"
)

// A Door is how people come in. Its errors are those of the domain.
type Door interface {
	// SignIn signs in whoever has this name and password, by a cookie.
	SignIn(w http.ResponseWriter, r *http.Request, login string, p identity.Password) error
	// SignOut ends the session of the cookie.
	SignOut(w http.ResponseWriter, r *http.Request) error
	// Visitor returns who is signed in by the cookie; record.ErrSignIn if nobody is.
	Visitor(r *http.Request) (record.Person, error)
	// Admin returns the admin who is signed in by the cookie; record.ErrSignIn if
	// nobody is, and record.ErrForbidden if the page is not for them.
	Admin(w http.ResponseWriter, r *http.Request) (record.Person, error)
	// Forgot asks for a mail with a link, and tells nothing of whether there is anybody to send it to.
	Forgot(r *http.Request, email string) error
	// LinkOwner returns whom a link belongs to; identity.ErrLink if it cannot be used. It uses nothing up.
	LinkOwner(r *http.Request, token string) (identity.User, error)
	// SetPassword sets the password that a link is for, once.
	SetPassword(r *http.Request, token string, next identity.Password) error
	// Foreign reports whether a form was sent by a page of another site.
	Foreign(r *http.Request) bool
	// Explain returns the status of an error, and in how many seconds it may be
	// gone, 0 if nobody knows.
	Explain(r *http.Request, err error) (status, retryAfter int)
}

// Settings are what the pages show of the program.
type Settings struct {
	AppName  string
	BaseURL  string            // this program as clients see it
	AppURL   string            // the web client; the same if there is none
	Style    string            // path of pages.css
	Language identity.Language // of who asks for none of ours
}

// Pages are the pages over a Door.
type Pages struct {
	door   Door
	set    Settings
	policy string // of every page: Content-Security-Policy
	client string // the web client; "" if there is none
	status func() Status
	looks  func() (looks, error)
}

// New returns the pages over d. Status tells how the program is, and waits for
// nothing.
func New(d Door, status func() Status, s Settings) *Pages {
	p := &Pages{door: d, set: s, policy: policy, status: status, looks: parsed()}
	if s.AppURL != s.BaseURL {
		p.client = s.AppURL
		p.policy = strings.Replace(policy, "form-action 'self'", "form-action 'self' "+originOf(s.AppURL), 1)
	}
	return p
}

// policy lets a page have its style sheet, and send its forms here. A browser
// that follows the answer to a form elsewhere asks for that place too.
const policy = "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// A Page is what one method does at one path.
type Page struct {
	Method, Path string
	Access       record.Access
	Serve        http.Handler
	Fail         func(http.ResponseWriter, *http.Request, error) // answers with an error
}

// All returns the pages.
func (p *Pages) All() []Page {
	at := func(method, path string, h http.HandlerFunc) Page {
		return Page{method, path, record.Anyone, h, p.fail}
	}
	return []Page{
		{http.MethodGet, "/status", record.AdminOnly, http.HandlerFunc(p.showStatus), p.failStatus},
		at(http.MethodGet, "/sign-in", p.showSignIn),
		at(http.MethodPost, "/sign-in", p.postSignIn),
		at(http.MethodGet, "/set-password", p.showPassword),
		at(http.MethodPost, "/set-password", p.postPassword),
	}
}
