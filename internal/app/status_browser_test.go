package app_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"cartracker/internal/app"
	"cartracker/internal/app/apptest"
	"cartracker/internal/record"
	"cartracker/internal/redis/redistest"
	"cartracker/internal/store/pgtest"
)

// TestStatusInBrowser looks at the status of a company that is made up, with all
// parts that there can be and under some traffic, on a phone and on a desktop. If
// TEST_SCREENSHOTS names a folder, what is seen is kept there. make picture sets
// TEST_PICTURE: then one is kept for the README, with curves of a whole hour that
// went by quicker.
func TestStatusInBrowser(t *testing.T) { // not beside others: settings are everybody's
	primary := pgtest.New(t)
	replica := primary.Replica()
	dir := t.TempDir()
	for name, value := range map[string]string{
		"DATABASE_URL": primary.URL("cartracker"), "DATABASE_REPLICA_URLS": replica.URL("cartracker"), "ACCESS_TOKEN_SECRET": strings.Repeat("s", 32),
		"REDIS_URL": redistest.New(t, redistest.Options{}).URL(), "SLOW_QUERY": "8ms", "INSTANCES": "2", "BUSINESS_TZ": "Europe/Sarajevo",
		"RATE_LIMIT_API": "off", "RATE_LIMIT_AUTH": "off", "RATE_LIMIT_READ": "off", "RATE_LIMIT_WRITE": "off", "RATE_LIMIT": "off",
	} {
		t.Setenv(name, value)
	}
	site := apptest.NewSite(t, dir, primary.URL("cartracker"), "REDIS_URL="+os.Getenv("REDIS_URL"), "DATABASE_REPLICA_URLS="+os.Getenv("DATABASE_REPLICA_URLS"))
	if out, err := site.Run(t, "", "demo", "--cars", "120", "--customers", "900", "--contracts", "6000", "--seed", "7"); err != nil {
		t.Fatal(err, out)
	}
	site.AddUser(t, "amra", record.Admin)
	site.AddUser(t, "emir", record.Employee)
	other := site.Serve(t)
	step, busy := 10*time.Second, 25*time.Second
	picture := os.Getenv("TEST_PICTURE") != ""
	if picture {
		step, busy = 250*time.Millisecond, 95*time.Second
	}
	l := liveIn(t, dir, app.Program{Version: "1.0.0"}.Opened(func(o *app.Office) { o.Quicken(step) }), serves...)
	url := l.until(t, `http://127\.0\.0\.1:\d+`)
	boss := apptest.At(t, url).SignIn("amra")
	clerk := apptest.At(t, url).SignIn("emir")
	defer clerk.Connect().Lose()
	defer apptest.At(t, other.Nobody.URL()).SignIn("emir").Connect().Lose()

	ctx, rest := context.WithTimeout(t.Context(), busy)
	var work sync.WaitGroup
	work.Go(func() { officeHours(ctx, boss, clerk, busy) })
	t.Run("seen", func(t *testing.T) {
		for _, width := range []int{360, 1280} {
			for _, language := range []string{"en", "bs"} {
				t.Run(fmt.Sprint(width, language), func(t *testing.T) {
					t.Parallel()
					seeStatus(t, url, width, language)
				})
			}
		}
	})
	if picture {
		work.Wait()
		keepStatus(t, url)
	}
	rest()
	work.Wait()
	l.stop()
	if code := l.end(t); code != 0 {
		t.Errorf("ended with %d:\n%s", code, &l.log)
	}
}

// officeHours does what an office does, more and less of it as the day goes, until ctx is done.
func officeHours(ctx context.Context, boss, clerk *apptest.Client, day time.Duration) {
	began, r := time.Now(), rand.New(rand.NewPCG(1, 2))
	today := time.Now()
	for i := 0; ctx.Err() == nil; i++ {
		gone := float64(time.Since(began)) / float64(day)
		pause := 60 - 40*math.Sin(math.Pi*gone) + 15*math.Sin(23*gone)
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(pause*(.4+r.Float64())) * time.Millisecond):
		}
		switch n := r.IntN(20); {
		case n < 8:
			clerk.Do("GET", "/api/cars?limit=50", nil)
		case n < 11:
			clerk.Do("GET", "/api/contracts?limit=20&sort=-createdAt", nil)
		case n < 14:
			clerk.Do("GET", fmt.Sprintf("/api/cars/calendar?from=%s&to=%s", apptest.Day(today, 0), apptest.Day(today, 30)), nil)
		case n < 17:
			clerk.Do("GET", "/api/customers?limit=20", nil)
		case n < 18:
			clerk.Do("GET", fmt.Sprintf("/api/customers?q=%c", 'a'+r.IntN(26)), nil)
		case n < 19:
			boss.Do("GET", "/api/audit-logs/statistics", nil)
		case i%5 == 0:
			clerk.Do("POST", "/api/customers", apptest.Customer(fmt.Sprint(9_000_000+i)))
		default:
			clerk.Do("GET", "/api/users/me", nil)
		}
	}
}

// openStatus signs amra in, and is led back to the status.
func openStatus(t *testing.T, url string, width int, language string) *seeing {
	t.Helper()
	s := &seeing{browser: browse(t, "about:blank"), company: &apptest.Company{URL: url}, width: width, name: fmt.Sprintf("status-%d-%s", width, language)}
	scheme := map[string]string{"en": "light", "bs": "dark"}[language]
	s.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}, nil)
	s.call("Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	s.call("Network.setExtraHTTPHeaders", map[string]any{"headers": map[string]string{"Accept-Language": language}}, nil)
	s.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": true}, nil)
	s.goTo("/status", `name="to" value="status"`)
	s.fill("username", "amra", "password", apptest.Password)
	s.await("the status", func() bool { return strings.Contains(s.page(), `id="instances"`) })
	return s
}

// made is when the page was made, once all of it is there.
const made = `document.readyState === "complete" ? document.querySelector("time").dateTime : ""`

// seeStatus waits until the page has come again by itself.
func seeStatus(t *testing.T, url string, width int, language string) {
	s := openStatus(t, url, width, language)
	var first string
	s.await("all of the page", func() bool { first = s.look(made); return first != "" })
	s.await("the page again", func() bool { now := s.look(made); return now != "" && now != first })
	if title := map[string]string{"en": "Slowest routes of the last hour", "bs": "Najsporije rute u zadnjem satu"}[language]; !strings.Contains(s.page(), title) {
		t.Errorf("the page lacks %q", title)
	}
	for what, script := range map[string]string{
		"pixels to scroll sideways":        `Math.max(0, document.documentElement.scrollWidth - document.documentElement.clientWidth)`,
		"charts without a name":            `[...document.querySelectorAll("svg")].filter(e => e.getAttribute("role") !== "img" || e.getAttribute("aria-label").length < 20).length`,
		"parts that stick out of the page": `[...document.querySelectorAll("main *")].filter(e => !e.closest(".scroll") && e.getBoundingClientRect().right > innerWidth + .5).length`,
		"ends of an axis in two lines":     `[...document.querySelectorAll(".axis :first-child, .axis :last-child")].filter(e => e.getBoundingClientRect().height > 2 * parseFloat(getComputedStyle(e).fontSize)).length`,
		"texts that are too small to read": `[...document.querySelectorAll("main *")].filter(e => e.children.length === 0 && e.textContent.trim() && parseFloat(getComputedStyle(e).fontSize) < 12).length`,
	} {
		if n := s.run(script); n != "0" {
			t.Errorf("%s %s", n, what)
		}
	}
	if n := s.run(`document.querySelectorAll("figure svg path.line").length`); n != "7" {
		t.Errorf("%s charts, want 7", n)
	}
	for _, complaint := range s.complaints() {
		t.Errorf("the page complains: %.500s", complaint)
	}
	for _, asked := range s.asked() {
		if !strings.HasPrefix(asked, url+"/") && !strings.HasPrefix(asked, "data:") && asked != "about:blank" {
			t.Errorf("the page asks for %.200s", asked)
		}
	}
	if dir := os.Getenv("TEST_SCREENSHOTS"); dir != "" {
		s.picture(filepath.Join(dir, s.name+".png"), "html")
	}
}

// keepStatus keeps the picture for the README. The machine is nobody's business.
func keepStatus(t *testing.T, url string) {
	t.Helper()
	s := openStatus(t, url, 1280, "en")
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	s.run(fmt.Sprintf(`document.querySelectorAll("#instances td:first-child").forEach(e => { e.innerHTML = e.innerHTML.replace(%q, "office") })`, host))
	s.picture("../../docs/status.png", "section:has(#routes)")
}

// picture keeps what the page looks like, down to the end of an element.
func (s *seeing) picture(path, to string) {
	s.t.Helper()
	var shot struct{ Data string }
	s.call("Page.captureScreenshot", map[string]any{"captureBeyondViewport": true, "clip": map[string]any{
		"x": 0, "y": 0, "width": s.width, "height": s.number(fmt.Sprintf("Math.ceil(document.querySelector(%q).getBoundingClientRect().bottom + scrollY + 8)", to)), "scale": 1,
	}}, &shot)
	raw, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(path, raw, 0o644)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *seeing) number(script string) (n int) {
	s.t.Helper()
	if _, err := fmt.Sscan(s.run(script), &n); err != nil {
		s.t.Fatal(err)
	}
	return n
}
