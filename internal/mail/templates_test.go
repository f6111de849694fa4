package mail_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cartracker/internal/mail"
)

var update = flag.Bool("update", false, "write what is generated")

const id = "0197d0c4-6e1f-7c1a-b7a3-3f6f1d2b9a10"

func load(t *testing.T, dir string) *mail.Templates {
	t.Helper()
	all, problems := mail.LoadTemplates(dir)
	for _, p := range problems {
		t.Error(p)
	}
	return all
}

func message(t *testing.T, all *mail.Templates, l mail.Letter) mail.Message {
	t.Helper()
	m, err := all.Message(id, l)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLetters holds what people read to files that people can look at.
func TestLetters(t *testing.T) {
	all := load(t, "")
	for _, kind := range mail.Kinds() {
		for _, language := range []string{"en", "bs"} {
			m := message(t, all, mail.Sample(kind, language))
			golden(t, kind+"."+language+".txt", "Subject: "+m.Subject+"\n\n"+m.Text)
			golden(t, kind+"."+language+".html", m.HTML)
			if m.ID != id || m.Language != language || m.To.Email != "amra@example.com" {
				t.Errorf("%+v", m)
			}
		}
	}
}

func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil || string(want) != text {
		t.Errorf("%s is not what was expected (%v): look at the difference after make generate\n%s", name, err, text)
	}
}

// TestLinks: a link stands whole on a line of its own, and nothing in a mail is
// fetched from anywhere.
func TestLinks(t *testing.T) {
	all := load(t, "")
	for _, kind := range mail.Kinds() {
		for _, language := range []string{"en", "bs"} {
			l := mail.Sample(kind, language)
			m := message(t, all, l)
			want := 1
			if strings.HasPrefix(kind, "contract") {
				want = 0 // there is no page for a contract
			}
			if strings.Count(m.Text, "\n\n"+l.Link+"\n\n") != want || strings.Contains(m.HTML, `href="`+l.Link+`"`) != (want == 1) || strings.Contains(m.HTML+m.Text, "http") != (want == 1) {
				t.Errorf("%s.%s has not %d links:\n%s", kind, language, want, m.Text)
			}
			if bad := regexp.MustCompile(`(?i)<(img|script|link|iframe|object|video)|\ssrc=|url\(|@import|ZgotmplZ|{{|<no value>`).FindString(m.HTML + m.Text); bad != "" {
				t.Errorf("%s.%s has %q", kind, language, bad)
			}
			if longest := 100; kind == mail.Credentials || kind == mail.PasswordReset {
				for line := range strings.Lines(m.Text) {
					if len([]rune(line)) > longest {
						t.Errorf("%s.%s: a long line: %s", kind, language, line)
					}
				}
			}
		}
	}
}

// TestHostileNames: whatever somebody is called, it is a name in the mail.
func TestHostileNames(t *testing.T) {
	all := load(t, "")
	for _, name := range []string{"{{.Link}}", "<script>alert(1)</script>", `"><img src=x>`, "a\r\nBcc: b@y", "👩🏽‍🔧", strings.Repeat("x", 255), "\x00", "javascript:alert(1)"} {
		for _, kind := range mail.Kinds() {
			l := mail.Sample(kind, "en")
			l.To.Name, l.Username, l.App = name, name, name
			l.Contract.Number, l.Contract.Customer, l.Contract.Car = name, name, name
			m := message(t, all, l)
			if strings.ContainsAny(m.Subject, "\r\n\x00") || strings.Contains(m.Text, "\nBcc") || strings.Contains(m.HTML, "<script") || strings.Contains(m.HTML, "<img") || strings.Contains(m.HTML, l.Link+"</") && kind == mail.ContractExpired {
				t.Errorf("%s for %q:\n%s\n%s\n%s", kind, name, m.Subject, m.Text, m.HTML)
			}
			if name == "{{.Link}}" && !strings.Contains(m.Text, "Hello {{.Link}},") {
				t.Errorf("the name was taken for a template:\n%s", m.Text)
			}
			if raw, err := mail.Source(m, desk, noon); err != nil {
				t.Error(err)
			} else {
				checkSource(t, raw)
			}
		}
	}
	l := mail.Sample(mail.Credentials, "en")
	l.Link = "javascript:alert(1)"
	if m := message(t, all, l); strings.Contains(m.HTML, `href="javascript`) {
		t.Errorf("a script as a link:\n%s", m.HTML)
	}
}

func TestLanguages(t *testing.T) {
	all := load(t, "")
	l := mail.Sample(mail.PasswordReset, "bs")
	zone, err := time.LoadLocation("Europe/Sarajevo")
	if err != nil {
		t.Fatal(err)
	}
	l.Zone = zone
	if m := message(t, all, l); !strings.Contains(m.Text, "31. 5. 2026. u 14:30 CEST ") || m.Subject != "Nova lozinka: Car Tracker" {
		t.Errorf("%s\n%s", m.Subject, m.Text)
	}
	l.Language, l.To.Name = "de", ""
	if m := message(t, all, l); m.Language != "en" || !strings.Contains(m.Text, "Hello amra,") || !strings.Contains(m.Text, "31 May 2026, 14:30 CEST.") {
		t.Errorf("%s %s", m.Language, m.Text)
	}
	if _, err := all.Message(id, mail.Letter{Kind: "invoice"}); err == nil || !strings.Contains(err.Error(), "invoice") {
		t.Errorf("%v", err)
	}
}

// TestDays: days and hours are written as people of the language do, hours with
// the zone that is in force then.
func TestDays(t *testing.T) {
	all := load(t, "")
	zone, err := time.LoadLocation("Europe/Sarajevo")
	if err != nil {
		t.Fatal(err)
	}
	for language, want := range map[string]string{"bs": "Ugovor 7 ističe 26. 11. 2026.", "en": "Contract 7 ends on 26 November 2026"} {
		l := mail.Sample(mail.ContractExpiring, language)
		l.Contract.Number, l.Contract.Start, l.Contract.End = "7", "2026-11-02", "2026-11-26"
		if m := message(t, all, l); m.Subject != want || strings.Contains(m.Text+m.HTML, "2026-") {
			t.Errorf("%s\n%s", m.Subject, m.Text)
		}
	}
	l := mail.Sample(mail.PasswordReset, "bs")
	l.Zone, l.Until = zone, time.Date(2026, time.November, 26, 12, 30, 0, 0, time.UTC)
	if m := message(t, all, l); !strings.Contains(m.Text, "26. 11. 2026. u 13:30 CET ") {
		t.Errorf("in winter:\n%s", m.Text)
	}
}

func override(t *testing.T, files map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOverrides(t *testing.T) {
	dir := override(t, map[string]string{
		"credentials.en.txt":      `{{define "subject"}}Welcome, {{.Name}}{{end}}Go to {{.Link}}`,
		".credentials.en.txt.swp": "\x00{{", // an editor's
		"contract-expired.en.txt": `{{define "subject"}}x{{end}}No link`,
		"password-reset.en.html":  `<a href={{.Link}}>there</a>`,
		"credentials.en.html":     `<p>Go <a href="{{.Link}}">there</a>, {{.Name}}</p>`,
		"layout.html":             `<div class="mine">{{template "content" .}}</div>{{define "button"}}color:red{{end}}{{define "quiet"}}{{end}}{{define "address"}}{{end}}{{define "label"}}{{end}}`,
	})
	all := load(t, dir)
	l := mail.Sample(mail.Credentials, "en")
	m := message(t, all, l)
	if m.Subject != "Welcome, Amra Šarić" || m.Text != "Go to "+l.Link+"\n" || m.HTML != `<div class="mine"><p>Go <a href="`+l.Link+`">there</a>, Amra Šarić</p></div>`+"\n" {
		t.Errorf("%+v", m)
	}
	if other := message(t, all, mail.Sample(mail.PasswordReset, "bs")); other.Subject != "Nova lozinka: Car Tracker" || !strings.Contains(other.HTML, `<div class="mine">`) {
		t.Errorf("%+v", other)
	}
	if _, problems := mail.LoadTemplates(filepath.Join(dir, "none")); len(problems) > 0 {
		t.Errorf("a folder that is not there: %v", problems)
	}
	if _, problems := mail.LoadTemplates(filepath.Join(dir, "layout.html")); len(problems) != 1 {
		t.Errorf("a folder that is a file: %v", problems)
	}
}

// TestBadOverrides: what cannot be used is told with its file and line, and the
// built-in template is used.
func TestBadOverrides(t *testing.T) {
	good := load(t, "")
	for _, tt := range []struct{ name, text, want string }{
		{"credentials.en.txt", "{{define \"subject\"}}x{{end}}\n\n{{.Name", ":3: "},
		{"credentials.en.txt", "{{define \"subject\"}}x{{end}}\n{{.Nme}}", ":2: "},
		{"credentials.en.txt", "{{define \"subject\"}}{{.Nme}}{{end}}\nHello", ":1: "},
		{"credentials.en.txt", "Hello", `:1: it has no {{define "subject"}}`},
		{"credentials.en.txt", `{{define "subject"}} {{end}}Hello`, ":1: the subject or the text is empty"},
		{"credentials.en.txt", `{{define "subject"}}x{{end}}`, ":1: the subject or the text is empty"},
		{"credentials.en.txt", "{{define \"subject\"}}x{{end}}{{.Link}}\n{{index .Name 3}}{{.Link}}", ":2: "},
		{"credentials.en.html", "<p>\n{{if .Name}}\n", ":3: "},
		{"credentials.en.html", "<p>\n{{.Contract.Nmber}}", ":2: "},
		{"credentials.en.html", "<p>\n<a href=\"{{if .Name}}x\"{{end}}>", ":2: "},
		{"layout.html", "<p>\n{{template \"contents\" .}}", ":2: "},
		{"layout.html", "{{", ":1: "},
		{"layout.html", `<p>{{template "button"}}{{template "quiet"}}</p>{{define "button"}}{{end}}{{define "quiet"}}{{end}}{{define "address"}}{{end}}{{define "label"}}{{end}}`, ":1: the mail would not have its {{.Link}}"},
		{"credentials.en.txt", `{{define "subject"}}{{.Link}}{{end}}Sign in at {{.SignIn}}`, ":1: the mail would not have its {{.Link}}"},
		{"credentials.en.html", `<p>Sign in at <a href="{{.SignIn}}">{{.Link | len}}</a></p>`, ":1: the mail would not have its {{.Link}}"},
		{"password-reset.bs.txt", `{{define "subject"}}x{{end}}{{if not .Name}}{{.Link}}{{end}}x`, ":1: the mail would not have its {{.Link}}"},
		{"password-reset.bs.html", `<p>x</p>`, ":1: the mail would not have its {{.Link}}"},
		{"welcome.en.txt", "x", ": replaces no template"},
		{"credentials.en.txt", strings.Repeat("x", 300<<10), ": is larger than 256 KiB"},
	} {
		dir := override(t, map[string]string{tt.name: tt.text})
		all, problems := mail.LoadTemplates(dir)
		if len(problems) != 1 || !strings.HasPrefix(problems[0].Error(), filepath.Join(dir, tt.name)+tt.want) {
			t.Errorf("%s %.40q: %v", tt.name, tt.text, problems)
		} else if e, ok := errors.AsType[*mail.TemplateError](problems[0]); !ok || e.File != tt.name || e.Unused != (tt.name == "welcome.en.txt") {
			t.Errorf("%s %.40q: %+v", tt.name, tt.text, e)
		}
		l := mail.Sample(mail.Credentials, "en")
		if got, want := message(t, all, l), message(t, good, l); got != want {
			t.Errorf("%s %.40q: not what is built in: %+v", tt.name, tt.text, got)
		}
	}
}

func TestFiles(t *testing.T) {
	entries, err := os.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(mail.Files()) {
		t.Errorf("there are %d templates, want %d", len(entries), len(mail.Files()))
	}
}
