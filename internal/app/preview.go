package app

import (
	"errors"
	"path/filepath"
	"slices"
	"time"

	"cartracker/internal/cli"
	"cartracker/internal/config"
	"cartracker/internal/mail"
)

// PreviewMail makes a mail to nobody, with the templates in force. The wrong are
// templates of this mail that cannot be used.
func (Program) PreviewMail(c *config.Config, p cli.Preview) (shown []byte, wrong []error, err error) {
	templates, wrong := mail.LoadTemplates(filepath.Join(c.DataDir, "templates"))
	wrong = slices.DeleteFunc(wrong, func(err error) bool { return !concerns(p, err) })
	l := mail.Sample(p.Kind, p.Language)
	l.App, l.Zone = c.AppName, c.Zone
	l.Link, l.SignIn = links{c}.SetPassword("SAMPLE"), links{c}.SignIn()
	m, err := templates.Message("00000000-0000-7000-8000-000000000000", l)
	if err != nil {
		return nil, wrong, err
	}
	switch p.Format {
	case "html":
		shown = []byte(m.HTML)
	case "eml":
		shown, err = mail.Source(m, mail.Address{Name: c.Email.FromName, Email: c.Email.From}, time.Now())
	default:
		shown = []byte("Subject: " + m.Subject + "\n\n" + m.Text)
	}
	return shown, wrong, err
}

// concerns reports whether what is wrong with a template is about the mail that
// is shown.
func concerns(p cli.Preview, err error) bool {
	e, ok := errors.AsType[*mail.TemplateError](err)
	name := p.Kind + "." + p.Language
	return !ok || slices.Contains([]string{"", "layout.html", name + ".txt", name + ".html"}, e.File)
}
