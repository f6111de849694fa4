package app_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cartracker/internal/app/apptest"
	"cartracker/internal/config"
	"cartracker/internal/store/testdb"
)

// TestPagesInBrowser goes through every page as people do, on a phone's and on
// a desktop's width, in each language, and with scripts switched off. If
// TEST_SCREENSHOTS names a folder, what is seen is kept there.
func TestPagesInBrowser(t *testing.T) {
	t.Parallel()
	for _, width := range []int{360, 1280} {
		for _, dark := range []bool{false, true} {
			t.Run(fmt.Sprint(width, dark), func(t *testing.T) {
				t.Parallel()
				c := apptest.New(t, testdb.EmptySQLite(t))
				s := &seeing{browser: browse(t, "about:blank"), company: c, width: width, name: fmt.Sprintf("%d", width)}
				language, scheme := "en", "light"
				if dark {
					language, scheme = "bs", "dark"
					c.User.Do("PATCH", "/api/users/me", apptest.JSON{"language": "bs"})
				}
				s.name += "-" + language
				inBrowserTime(c)
				s.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
				s.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
				s.call("Network.setExtraHTTPHeaders", map[string]any{"headers": map[string]string{"Accept-Language": language}}, nil)
				s.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
				s.through(t)
			})
		}
	}
}

// inBrowserTime moves a company to the day that it is for the browser, which else takes
// its cookies for expired.
func inBrowserTime(c *apptest.Company) { c.Clock.Move(time.Since(apptest.Start)) }

// seeing is a browser that looks at each page it comes to.
type seeing struct {
	*browser
	company *apptest.Company
	width   int
	name    string
	shots   int
}

// through signs in, forgets a password, sets another and signs in with it.
func (s *seeing) through(t *testing.T) {
	c := s.company
	words := map[string]string{"refused": "User name or password is wrong.", "sent": "If there is an account", "in": "You are signed in", "dead": "This link does not work", "choose": "Choose a password", "repeat": "not the same", "set": "Your password is set", "weak": "too common"}
	if strings.HasSuffix(s.name, "bs") {
		words = map[string]string{"refused": "Korisničko ime ili lozinka nije ispravno.", "sent": "Ako postoji račun", "in": "Prijavljeni ste", "dead": "Ovaj link ne radi", "choose": "Odaberite lozinku", "repeat": "nije isto", "set": "Lozinka je postavljena", "weak": "previše uobičajeno"}
	}
	s.goTo("/sign-in", "username")
	s.fill("username", "uma", "password", "wrong")
	s.see(words["refused"])
	s.goTo("/sign-in?forgot", "email")
	s.fill("email", "uma@example.com")
	s.see(words["sent"])
	s.goTo("/set-password?token=unknown", words["dead"])
	token := c.Link(c.User.ID)
	s.goTo("/set-password?token="+token, words["choose"])
	s.fill("new", another, "repeat", another+"x")
	s.see(words["repeat"])
	s.fill("new", "password1", "repeat", "password1")
	s.see(words["weak"])
	s.fill("new", another, "repeat", another)
	s.see(words["set"])
	s.goTo("/sign-in", "username")
	s.fill("username", "uma", "password", another)
	s.see(words["in"])
	s.press("button")
	s.see(`autocomplete="username"`)
	for _, complaint := range s.complaints() {
		if !strings.Contains(complaint, "responded with a status of") { // ours, for what was refused
			t.Errorf("a page complains: %.500s", complaint)
		}
	}
	s.mu.Lock()
	for _, told := range s.told {
		if referred.MatchString(told) {
			t.Errorf("a page tells its address: %.1000s", told)
		}
	}
	s.mu.Unlock()
	for _, url := range s.asked() {
		if !strings.HasPrefix(url, c.URL+"/") && !strings.HasPrefix(url, "data:") && url != "about:blank" {
			t.Errorf("a page asks for %.200s", url)
		}
	}
}

// referred finds a Referer that says more than the site.
var referred = regexp.MustCompile(`"Referer":"[a-z]+://[^/"]*/[^"]`)

func (s *seeing) goTo(path, text string) {
	s.t.Helper()
	s.call("Page.navigate", map[string]any{"url": s.company.URL + path}, nil)
	s.see(text)
}

// fill types into fields, their ids and texts in turn, and presses Enter in the last.
func (s *seeing) fill(typed ...string) {
	s.t.Helper()
	for i := 0; i < len(typed); i += 2 {
		if got := s.run(fmt.Sprintf(`(() => { const f = document.getElementById(%q); f.focus(); f.select(); return document.activeElement.id })()`, typed[i])); got != typed[i] {
			s.t.Fatalf("the field %s cannot be typed into: %s", typed[i], got)
		}
		s.call("Input.insertText", map[string]any{"text": typed[i+1]}, nil)
	}
	s.press("input:focus")
}

// press gives an element the focus and presses Enter. The mark tells see that
// the page it finds is not this one.
func (s *seeing) press(selector string) {
	s.t.Helper()
	s.run(fmt.Sprintf(`document.querySelector(%q).focus(); document.documentElement.dataset.left = "1"`, selector))
	for _, kind := range []string{"keyDown", "keyUp"} {
		s.call("Input.dispatchKeyEvent", map[string]any{"type": kind, "key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13}, nil)
	}
}

// see waits for a page with a text, which may not be wider than the window.
func (s *seeing) see(text string) {
	s.t.Helper()
	s.await(fmt.Sprintf("%q", text), func() bool { return strings.Contains(s.page(), text) })
	if wide := s.run("document.documentElement.scrollWidth"); wide != fmt.Sprint(s.width) {
		s.t.Errorf("with %q the page is %s pixels wide in a window of %d", text, wide, s.width)
	}
	if low := s.run(`[...document.querySelectorAll("button, .button, input:not([hidden]):not([type=hidden])")].filter(e => e.getBoundingClientRect().height < 44).length`); low != "0" {
		s.t.Errorf("with %q %s fields or buttons are too low for a finger", text, low)
	}
	if dir := os.Getenv("TEST_SCREENSHOTS"); dir != "" {
		s.shots++
		s.screenshot(filepath.Join(dir, fmt.Sprintf("%s-%02d.png", s.name, s.shots)))
	}
}

// await waits for what the browser is on its way to.
func (s *seeing) await(what string, there func() bool) {
	s.t.Helper()
	defer func() {
		if s.t.Failed() {
			s.t.Logf("the page is %.1000s", s.page())
		}
	}()
	apptest.Until(s.t, what, there)
}

// page returns what the page is, with its fields; "" while there is none, or
// it is the one that was left.
func (s *seeing) page() string {
	return s.look(`document.readyState === "complete" && !document.documentElement.dataset.left ? document.documentElement.outerHTML : ""`)
}

// look is run for a page that may be left meanwhile: then it comes to "".
func (s *seeing) look(script string) string {
	var out struct{ Result struct{ Value string } }
	if err := s.try("Runtime.evaluate", map[string]any{"expression": script, "returnByValue": true}, &out); err != nil {
		return ""
	}
	return out.Result.Value
}

// TestPagesOverPlainHTTP: a browser does not trust a name without https, and
// tells less of where a form comes from.
func TestPagesOverPlainHTTP(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	inBrowserTime(c)
	c.URL = strings.Replace(c.URL, "127.0.0.1", "desk.test", 1)
	s := &seeing{browser: browse(t, "about:blank", "--host-resolver-rules=MAP desk.test 127.0.0.1"), company: c, width: 1280}
	s.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": false}, nil)
	token := c.Link(c.User.ID)
	s.goTo("/set-password?token="+token, "Choose a password")
	if got := s.run("isSecureContext"); got != "false" {
		t.Fatalf("the browser trusts the page: %s", got)
	}
	s.fill("new", another, "repeat", another)
	s.see("Your password is set")
	s.goTo("/sign-in", "username")
	s.fill("username", "uma", "password", another)
	s.see("You are signed in")
	s.press("button")
	s.see(`autocomplete="username"`)
}

// TestSignInLeadsToTheClient follows the answer to a form to another origin.
func TestSignInLeadsToTheClient(t *testing.T) {
	t.Parallel()
	client := apptest.New(t, testdb.EmptySQLite(t))
	c := apptest.New(t, testdb.EmptySQLite(t), toClient(client.URL+"/docs"))
	inBrowserTime(c)
	s := &seeing{browser: browse(t, "about:blank"), company: c, width: 1280}
	s.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": 1280, "height": 800, "deviceScaleFactor": 1, "mobile": false}, nil)
	s.goTo("/sign-in", "username")
	s.fill("username", "uma", "password", apptest.Password)
	s.await("the client", func() bool { return s.look("location.href") == client.URL+"/docs" })
}

func toClient(url string) func(*config.Config) {
	return func(c *config.Config) { c.AppURL = url }
}
