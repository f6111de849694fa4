package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cartracker/internal/app"
	"cartracker/internal/cli"
	"cartracker/internal/config"
	"cartracker/internal/mail"
	"cartracker/internal/mail/mailtest"
)

func TestPreviewMail(t *testing.T) {
	c := &config.Config{DataDir: t.TempDir(), AppName: "Vrbas Rent", BaseURL: "https://rent.example.com"}
	if err := c.Load(func(string) (string, bool) { return "", false }); err != nil {
		t.Fatal(err)
	}
	show := func(kind, language, format string) string {
		t.Helper()
		shown, wrong, err := app.Program{}.PreviewMail(c, cli.Preview{Kind: kind, Language: language, Format: format})
		if err != nil || len(wrong) > 0 {
			t.Fatal(err, wrong)
		}
		return string(shown)
	}
	for _, kind := range mail.Kinds() {
		text, html := show(kind, "bs", "text"), show(kind, "bs", "html")
		m, err := mailtest.Parse([]byte(show(kind, "bs", "eml")))
		if err != nil || "Subject: "+m.Subject+"\n\n"+m.Text != text || m.HTML != html {
			t.Errorf("%s: %v: %+v", kind, err, m)
		}
		if !strings.Contains(html, "Vrbas Rent") || !strings.Contains(m.From, `"Vrbas Rent" <cartracker@rent.example.com>`) {
			t.Errorf("%s: from %s:\n%s", kind, m.From, html)
		}
	}
	if text := show(mail.PasswordReset, "en", "text"); !strings.Contains(text, "\nhttps://rent.example.com/set-password?token=SAMPLE\n") {
		t.Error(text)
	}
	if text := show(mail.Credentials, "en", "text"); !strings.Contains(text, "\nhttps://rent.example.com/sign-in\n") {
		t.Error(text)
	}
	c.AppURL = "https://desk.example.com"
	if text := show(mail.Credentials, "en", "text"); !strings.Contains(text, "\nhttps://desk.example.com\n") || strings.Contains(text, "/sign-in") {
		t.Error("people sign in at APP_URL: " + text)
	}
	path := filepath.Join(c.DataDir, "templates", "credentials.en.txt")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("{{"), 0o600); err != nil {
		t.Fatal(err)
	}
	shown, wrong, err := app.Program{}.PreviewMail(c, cli.Preview{Kind: mail.Credentials, Language: "en", Format: "text"})
	if err != nil || len(wrong) != 1 || !strings.HasPrefix(wrong[0].Error(), path+":1: ") || !strings.Contains(string(shown), "Choose your password here") {
		t.Errorf("%v %v\n%s", err, wrong, shown)
	}
	for _, name := range []string{"password-reset.en.txt", "welcome.en.txt", "credentials.bs.html"} { // of other mails
		if err := os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte("{{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, wrong, err := (app.Program{}).PreviewMail(c, cli.Preview{Kind: mail.Credentials, Language: "en", Format: "text"}); err != nil || len(wrong) != 1 {
		t.Errorf("%v %v", err, wrong)
	}
	show(mail.ContractExpired, "en", "html")
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "layout.html"), []byte("{{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, wrong, err := (app.Program{}).PreviewMail(c, cli.Preview{Kind: mail.ContractExpired, Language: "en", Format: "html"}); err != nil || len(wrong) != 1 {
		t.Errorf("%v %v", err, wrong)
	}
}
