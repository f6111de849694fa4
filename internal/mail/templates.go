package mail

import (
	"fmt"
	"html"
	"html/template"
	"io"
	"strings"
	texttemplate "text/template"
)

// Templates make messages of letters. Each kind and language has two files: in
// KIND.LANGUAGE.txt is the text, with a {{define "subject"}}, and in
// KIND.LANGUAGE.html what stands in the middle of layout.html.
type Templates struct {
	texts map[string]*texttemplate.Template // by KIND.LANGUAGE
	pages map[string]*template.Template
}

// Message makes the message of l with an id.
func (t *Templates) Message(id string, l Letter) (Message, error) {
	name := l.Kind + "." + l.language()
	text, page := t.texts[name], t.pages[name]
	if text == nil || page == nil {
		return Message{}, fmt.Errorf("mail: there is no letter of the kind %q", l.Kind)
	}
	m := Message{ID: id, To: l.To, Language: l.language()}
	var err error
	if m.Subject, m.Text, err = fillText(text, l.view()); err != nil {
		return Message{}, fmt.Errorf("mail: %w", err)
	}
	if m.HTML, err = fillPage(page, l.view()); err != nil {
		return Message{}, fmt.Errorf("mail: %w", err)
	}
	return m, nil
}

func fillText(t *texttemplate.Template, v view) (subject, text string, err error) {
	if subject, err = filled(func(w io.Writer) error { return t.ExecuteTemplate(w, "subject", v) }); err != nil {
		return "", "", err
	}
	text, err = filled(func(w io.Writer) error { return t.Execute(w, v) })
	return oneLine(subject), text, err
}

func fillPage(t *template.Template, v view) (string, error) {
	return filled(func(w io.Writer) error { return t.ExecuteTemplate(w, layout, v) })
}

func filled(fill func(io.Writer) error) (string, error) {
	var b strings.Builder
	if err := fill(&b); err != nil {
		return "", err
	}
	return strings.TrimSpace(b.String()) + "\n", nil
}

// parseText reads a .txt and tries it.
func parseText(name, text string) (*texttemplate.Template, error) {
	t, err := texttemplate.New(name).Parse(text)
	if err != nil {
		return nil, err
	}
	if t.Lookup("subject") == nil {
		return nil, fmt.Errorf("template: %s:1: it has no {{define \"subject\"}}", name)
	}
	for _, l := range trials() {
		subject, text, err := fillText(t, l.view())
		if err != nil {
			return nil, err
		}
		if subject == "" || strings.TrimSpace(text) == "" {
			return nil, fmt.Errorf("template: %s:1: the subject or the text is empty", name)
		}
		if lacks(text, name, l) {
			return nil, errNoLink(name)
		}
	}
	return t, nil
}

// parsePage reads a .html with the layout around it, and tries it.
func parsePage(around, name, text string) (*template.Template, error) {
	t, err := template.New(layout).Parse(around)
	if err != nil {
		return nil, err
	}
	middle, err := t.New(name).Parse(text)
	if err != nil {
		return nil, err
	}
	if _, err := t.AddParseTree("content", middle.Tree); err != nil {
		return nil, err
	}
	for _, l := range trials() {
		page, err := fillPage(t, l.view())
		if err != nil {
			return nil, err
		}
		if lacks(html.UnescapeString(page), name, l) {
			return nil, errNoLink(name)
		}
	}
	return t, nil
}

// lacks reports whether a letter that is sent for its link, as the file of that
// name makes it, comes without.
func lacks(text, file string, l Letter) bool {
	kind, _, _ := strings.Cut(file, ".")
	return (kind == Credentials || kind == PasswordReset) && !strings.Contains(text, l.Link)
}

func errNoLink(file string) error {
	return fmt.Errorf("template: %s:1: the mail would not have its {{.Link}}", file)
}

// trials are letters that a template has to be good for.
func trials() []Letter {
	return []Letter{Sample("", english), {Until: Sample("", english).Until}}
}
