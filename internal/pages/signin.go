package pages

import (
	"net/http"
	"net/url"
	"strings"

	"cartracker/internal/fault"
	"cartracker/internal/identity"
)

// showSignIn shows who is signed in, or else a form to sign in; with ?forgot,
// one to ask for a link.
func (p *Pages) showSignIn(w http.ResponseWriter, r *http.Request) {
	v := p.view(r)
	if r.URL.Query().Has("forgot") {
		v.Title = v.Words.Forgot
		p.show(w, r, http.StatusOK, forgotLook, v)
		return
	}
	v.To = destination(r.URL.Query().Get("to"))
	who, err := p.door.Visitor(r)
	switch {
	case err == nil:
		v.Title, v.Person = v.Words.SignedIn, who
		p.show(w, r, http.StatusOK, inLook, v)
	case fault.Of(err).Kind == fault.Unauthenticated:
		v.Title = v.Words.SignIn
		p.show(w, r, http.StatusOK, signInLook, v)
	default:
		p.fail(w, r, err)
	}
}

// postSignIn takes the forms of the page: its field "do" tells them apart.
func (p *Pages) postSignIn(w http.ResponseWriter, r *http.Request) {
	form, err := p.form(w, r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	switch form.Get("do") {
	case "out":
		p.signOut(w, r)
	case "forgot":
		p.forgot(w, r, form)
	default:
		p.signIn(w, r, form)
	}
}

func (p *Pages) signIn(w http.ResponseWriter, r *http.Request, form url.Values) {
	v := p.view(r)
	v.Title, v.Login, v.To = v.Words.SignIn, form.Get("username"), destination(form.Get("to"))
	err := p.door.SignIn(w, r, v.Login, identity.NewPassword(form.Get("password")))
	if err != nil {
		status := p.explain(w, r, &v, err)
		p.show(w, r, status, signInLook, v)
		return
	}
	switch {
	case v.To != "":
		p.send(w, "/"+v.To)
	case p.client != "":
		p.send(w, p.client)
	default:
		p.send(w, "/sign-in")
	}
}

// destination returns where a form may lead to when somebody has signed in: one
// of our own pages that asks for that, or "".
func destination(asked string) string {
	if asked == statusPage {
		return statusPage
	}
	return ""
}

func (p *Pages) signOut(w http.ResponseWriter, r *http.Request) {
	if err := p.door.SignOut(w, r); err != nil {
		p.fail(w, r, err)
		return
	}
	p.send(w, "/sign-in")
}

// send sends a browser on, which asks for the other page with GET.
func (p *Pages) send(w http.ResponseWriter, to string) {
	w.Header().Set("Content-Security-Policy", p.policy)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// forgot answers the same to every address that can be one.
func (p *Pages) forgot(w http.ResponseWriter, r *http.Request, form url.Values) {
	v := p.view(r)
	v.Email = strings.TrimSpace(form.Get("email"))
	if err := p.door.Forgot(r, v.Email); err != nil {
		status := p.explain(w, r, &v, err)
		v.Title = v.Words.Forgot
		p.show(w, r, status, forgotLook, v)
		return
	}
	v.Title = v.Words.Sent
	p.show(w, r, http.StatusAccepted, sentLook, v)
}
