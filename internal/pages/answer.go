package pages

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"
	"sync"

	"cartracker/internal/fault"
	"cartracker/internal/identity"
	"cartracker/internal/record"
)

//go:embed templates
var files embed.FS

// A look is how one page is written.
type look string

// The looks, each in a file of templates.
const (
	signInLook   look = "signin"
	inLook       look = "signedin"
	forgotLook   look = "forgot"
	sentLook     look = "sent"
	passwordLook look = "password"
	setLook      look = "set"
	deadLook     look = "dead"
	failureLook  look = "failure"
	statusLook   look = "status"
)

type looks map[look]*template.Template

// parsed returns what parses the templates when the first page is asked for.
func parsed() func() (looks, error) {
	return sync.OnceValues(func() (looks, error) {
		all := looks{}
		for _, l := range []look{signInLook, inLook, forgotLook, sentLook, passwordLook, setLook, deadLook, failureLook, statusLook} {
			t, err := template.ParseFS(files, "templates/layout.html", "templates/"+string(l)+".html")
			if err != nil {
				return nil, err
			}
			all[l] = t
		}
		return all, nil
	})
}

// A view is what a page shows.
type view struct {
	Settings
	Lang    identity.Language
	Words   *words
	Client  string // the web client; "" if there is none
	Title   string
	Problem string            // above the form
	Errors  map[string]string // beside the fields

	Login  string // as it was typed
	Email  string
	Person record.Person // who is signed in, or whose password it is
	Token  string
	Wait   string // how long to
	ID     string // of the request that failed
	To     string // where to go when signed in; "" for the usual place
	Again  bool   // the page asks for itself again
	Back   string // from a failure
	Status *statusView
}

// view returns what every page shows, in the language that a browser asks for.
func (p *Pages) view(r *http.Request) view { return p.viewIn(languageOf(r, p.set.Language)) }

func (p *Pages) viewIn(l identity.Language) view {
	return view{Settings: p.set, Lang: l, Words: wordsIn(l), Client: p.client, Back: "/sign-in"}
}

// show answers with a page.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, l look, v view) {
	h := w.Header()
	h.Set("Content-Security-Policy", p.policy)
	h.Set("Cache-Control", "no-store")
	all, err := p.looks()
	var out bytes.Buffer
	if err == nil {
		err = all[l].Execute(&out, v)
	}
	if err != nil { // a mistake in a template
		p.door.Explain(r, fmt.Errorf("show the page %s: %w", l, err))
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if _, err := w.Write(out.Bytes()); err != nil {
		slog.DebugContext(r.Context(), "the client went away", "err", err)
	}
}

// fail answers with a page that says what went wrong.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, err error) {
	v := p.view(r)
	status := p.explain(w, r, &v, err)
	v.Title, v.ID = v.Words.Failed, w.Header().Get("X-Request-Id")
	p.show(w, r, status, failureLook, v)
}

// explain puts into a view what an error means to whoever sees it, and returns
// the status of the answer.
func (p *Pages) explain(w http.ResponseWriter, r *http.Request, v *view, err error) (status int) {
	status, after := p.door.Explain(r, err)
	if after > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(after))
	}
	v.Errors = map[string]string{}
	f := fault.Of(err)
	for _, field := range f.Fields {
		v.Errors[field.Field] = v.Words.of(field.Message)
	}
	switch f.Kind {
	case fault.Invalid: // the fields say it
	case fault.Unauthenticated:
		w.Header().Set("WWW-Authenticate", "Bearer") // as the API does: 401 has to name some way
		v.Problem = v.Words.Refused
	case fault.Exhausted:
		v.Problem = v.Words.TooMany + " " + v.Words.wait(after)
	case fault.Unavailable:
		v.Problem = v.Words.Busy + " " + v.Words.wait(after)
	case fault.Forbidden:
		v.Problem = v.Words.Foreign
	case fault.Malformed, fault.TooLarge, fault.Unsupported:
		v.Problem = v.Words.Malformed
	default:
		v.Problem = v.Words.Broken
	}
	return status
}
