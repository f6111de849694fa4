package pages

import (
	"net/http"

	"cartracker/internal/fault"
	"cartracker/internal/identity"
)

// showPassword shows the form that sets a password, if the link still can. It
// uses nothing up: programs that look at mails open links too.
func (p *Pages) showPassword(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	if token == "" {
		p.dead(w, r)
		return
	}
	owner, err := p.door.LinkOwner(r, token)
	if err != nil {
		p.failLink(w, r, err)
		return
	}
	p.show(w, r, http.StatusOK, passwordLook, p.passwordView(owner, token))
}

// passwordView speaks to the owner of a link in their language.
func (p *Pages) passwordView(owner identity.User, token string) view {
	v := p.viewIn(owner.Language)
	v.Title, v.Person, v.Token = v.Words.Choose, owner.Person(), token
	return v
}

// failLink answers with what is wrong with a link, or with us.
func (p *Pages) failLink(w http.ResponseWriter, r *http.Request, err error) {
	if fault.Of(err).Kind == fault.Unauthenticated {
		p.dead(w, r)
		return
	}
	p.fail(w, r, err)
}

// dead is the same page for links that are unknown, used, too old or not there.
func (p *Pages) dead(w http.ResponseWriter, r *http.Request) {
	v := p.view(r)
	v.Title = v.Words.Dead
	p.show(w, r, http.StatusGone, deadLook, v)
}

// postPassword sets the password that was typed twice.
func (p *Pages) postPassword(w http.ResponseWriter, r *http.Request) {
	form, err := p.form(w, r)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	token, next := form.Get("token"), form.Get("new")
	owner, err := p.door.LinkOwner(r, token)
	known := err == nil
	if known {
		if err = checkTyped(next, form.Get("repeat")); err == nil {
			err = p.door.SetPassword(r, token, identity.NewPassword(next))
		}
	} else if fault.Of(err).Kind == fault.Unauthenticated { // let it count
		err = p.door.SetPassword(r, token, identity.NewPassword(next))
	}
	switch {
	case err == nil:
		v := p.viewIn(owner.Language)
		v.Title = v.Words.Set
		p.show(w, r, http.StatusOK, setLook, v)
	case known && fault.Of(err).Kind != fault.Unauthenticated: // the link is as good as before
		v := p.passwordView(owner, token)
		status := p.explain(w, r, &v, err)
		p.show(w, r, status, passwordLook, v)
	default:
		p.failLink(w, r, err)
	}
}

// checkTyped refuses what was not typed twice alike. What makes a good password
// is not decided here.
func checkTyped(next, repeat string) error {
	var bad fault.Fields
	bad.Check(next != "", "password", "is required")
	bad.Check(next == "" || repeat == next, "repeat", "is not the same")
	return bad.Err()
}
