package app_test

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"cartracker/internal/app/apptest"
	"cartracker/internal/store/testdb"
)

const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// TestDocs asks for the page that describes the API. Its files are TestAssets'.
func TestDocs(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	page := c.Nobody.Do("GET", "/docs", nil)
	html := string(page.Body)
	if page.Status != 200 || page.Header.Get("Content-Type") != "text/html; charset=utf-8" || page.Header.Get("Content-Security-Policy") != docsPolicy {
		t.Errorf("the page: %.200s %v", page, page.Header)
	}
	for _, no := range []string{"<style", "style=", "onload", "javascript:", "://", "<script>"} {
		if strings.Contains(html, no) {
			t.Errorf("the page has %q", no)
		}
	}
	if got := page.Header.Get("Cache-Control"); got != "private, no-cache" {
		t.Errorf("the page may be kept: %s", got)
	}
	if res := c.Nobody.Do("GET", "/docs/", nil, "If-None-Match: "+page.Header.Get("ETag")); res.Status != 304 {
		t.Errorf("the page again: %s", res)
	}
	for _, path := range []string{"/docs/index.html", "/docs/docs.js", "/docs/swagger-ui.css", "/docs/..%2Fapi.go"} {
		checkFailure(t, path, c.Nobody.Do("GET", path, nil), 404)
	}
}

// press opens an operation of the page, puts a body in, and executes it.
const press = `(async (path, method, body) => {
	const block = [...document.querySelectorAll(".opblock-" + method)].find(b => b.querySelector(".opblock-summary-path").dataset.path === path);
	const until = async (find) => {
		for (let i = 0; i < 3000; i++) { const v = find(); if (v) return v; await new Promise(r => setTimeout(r, 20)); }
		throw new Error("not in a minute: " + find + " in " + block.innerText);
	};
	if (!block.classList.contains("is-open")) { block.querySelector(".opblock-summary-control").click(); }
	await until(() => block.querySelector(".responses-table .response")); // before, the page does not know the operation
	const execute = block.querySelector(".execute");
	if (body) {
		const area = await until(() => block.querySelector("textarea"));
		Object.getOwnPropertyDescriptor(HTMLTextAreaElement.prototype, "value").set.call(area, body);
		area.dispatchEvent(new Event("input", {bubbles: true}));
	}
	const clear = block.querySelector(".btn-clear");
	if (clear) { clear.click(); await until(() => !block.querySelector(".live-responses-table")); }
	execute.click();
	const answer = await until(() => block.querySelector(".live-responses-table .response"));
	return answer.innerText;
})`

// TestDocsInBrowser reads the page in a real browser, signs in there, and
// tries a call that needs it. The page's policy has nothing to refuse.
func TestDocsInBrowser(t *testing.T) {
	t.Parallel()
	c := apptest.New(t, testdb.EmptySQLite(t))
	b := browse(t, c.URL+"/docs")
	b.until("the operations", `document.querySelectorAll(".opblock").length > 40`)
	text := b.run("document.body.innerText")
	for _, want := range []string{"List who did what", "Rent a car out", "Authorize"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %q", want)
		}
	}
	if got := b.run(`fetch(document.querySelector("script[src*=swagger]").src).then(r => r.headers.get("Content-Encoding"))`); got != "br" {
		t.Errorf("the browser gets its script in %q", got)
	}
	if got := b.run(press + `("/api/users/me", "get")`); !strings.HasPrefix(got, "401") {
		t.Errorf("before signing in: %.300s", got)
	}
	if got := b.run(press + `("/api/auth/login", "post", '{"username": "uma", "password": "` + apptest.Password + `"}')`); !strings.HasPrefix(got, "200") {
		t.Errorf("signing in: %.300s", got)
	}
	if got := b.run(press + `("/api/users/me", "get")`); !strings.HasPrefix(got, "200") || !strings.Contains(got, `"username": "uma"`) {
		t.Errorf("who is signed in: %.300s", got)
	}
	if path := os.Getenv("TEST_SCREENSHOT"); path != "" {
		b.screenshot(path)
	}
	if got := b.run("localStorage.length + sessionStorage.length"); got != "0" {
		t.Errorf("the page keeps %s: %s", got, b.run("JSON.stringify([localStorage, sessionStorage])"))
	}
	for _, s := range b.complaints() {
		if !strings.Contains(s, "status of 401") { // ours, above
			t.Errorf("the page complains: %.500s", s)
		}
	}
	for _, url := range b.asked() {
		if !strings.HasPrefix(url, c.URL+"/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("the page asks for %.200s", url)
		}
	}
	if got := b.run(`(() => { const s = document.createElement("script"); s.textContent = "window.ran = true"; document.body.append(s); try { eval("window.ran = true") } catch {}; return String(window.ran) })()`); got != "undefined" {
		t.Error("the page runs scripts that are written into it")
	}
}

// screenshot keeps what the page looks like.
func (b *browser) screenshot(path string) {
	b.t.Helper()
	var shot struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{}, &shot)
	raw, err := base64.StdEncoding.DecodeString(shot.Data)
	if err == nil {
		err = os.WriteFile(path, raw, 0o644)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
